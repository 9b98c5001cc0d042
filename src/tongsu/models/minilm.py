"""MiniLM (Wang et al. 2020): a small BERT (Devlin et al. 2019) that a large one has taught; it reads English.

As in the Transformer beside it, but LayerNorm stands behind each part, as it was first published:

    x = norm(x + attention(x))        x = norm(x + feed-forward(x))

Letters used in shapes: B batch, T time (word pieces), W width, N heads, d = W / N width of a head, K outputs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.errors import Problem
from tongsu.models.dropout import Dropout
from tongsu.models.transformer import attention_weights

EPSILON = 1e-12  # of LayerNorm, as the weights were learned


class BertBlock(nn.Module):
    """norm(x + attention(x)), then norm(x + feed-forward(x))."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))
        self.out = nn.Linear(width, width)
        self.norm1 = nn.LayerNorm(width, EPSILON)
        self.widen = nn.Linear(width, feedforward)
        self.narrow = nn.Linear(feedforward, width)
        self.norm2 = nn.LayerNorm(width, EPSILON)
        self.dropout = Dropout(dropout)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, N, T, d), of words (B, T, W)."""
        q, k, v = (
            part(x).unflatten(2, (self.heads, -1)).transpose(1, 2) for part in (self.query, self.key, self.value)
        )
        return q, k, v

    def weights(self, x: Tensor, seen: Tensor) -> Tensor:
        """How much word i takes from word j: (B, N, T, T), rows sum to 1, 0 where `seen` (B, T) is False."""
        q, k, _ = self.project(x)
        return attention_weights(q, k, seen)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        q, k, v = self.project(x)  # (B, N, T, d) each
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None, :])  # (B, N, T, d)
        y = self.out(y.transpose(1, 2).flatten(2))  # heads side by side   (B, T, W)
        x = self.norm1(x + self.dropout(y))  # (B, T, W)
        f = self.narrow(F.gelu(self.widen(x)))  # (B, T, W)
        return self.norm2(x + self.dropout(f))  # (B, T, W)


class MiniLM(nn.Module):
    """Word pieces (B, T), padded at the FRONT with 0, to logits (B, K); 22,564,992 parameters below the head.

    Padding is seen by nobody, and positions count from the sentence's first piece, so a sentence means the same
    whatever it is padded to. A text may have at most `positions` pieces.
    """

    at_once = 64  # sentences that are measured together

    def __init__(
        self,
        *,
        words: int = 30_522,
        positions: int = 512,
        width: int = 384,
        heads: int = 12,
        layers: int = 6,
        feedforward: int = 1536,
        outputs: int = 1,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise Problem("models.heads", width=width, heads=heads)
        self.embed = nn.Embedding(words, width)
        self.positions = nn.Embedding(positions, width)
        self.segment = nn.Parameter(torch.zeros(width))  # BERT marks first and second text; here all is the first
        self.norm = nn.LayerNorm(width, EPSILON)
        self.dropout = Dropout(dropout)
        self.blocks = nn.ModuleList(BertBlock(width, heads, feedforward, dropout) for _ in range(layers))
        self.head = nn.Linear(width, outputs)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(tokens)))  # (B, K)

    def features(self, tokens: Tensor) -> Tensor:
        """The meaning of each sentence: the mean over its words, (B, T) to (B, W)."""
        if not (torch.compiler.is_exporting() or torch.jit.is_tracing()):
            longest = int(tokens.ne(0).cumsum(1).gt(0).sum(1).max())
            tokens = tokens[:, -max(longest, 1) :]  # columns that are padding for everybody cost time only
        real = tokens.ne(0).cumsum(1).gt(0)  # (B, T): True from the first piece on
        x = self.states(tokens) * real[:, :, None]  # (B, T, W)
        return x.sum(1) / real.sum(1, keepdim=True).clamp(min=1)  # (B, W)

    def states(self, tokens: Tensor) -> Tensor:
        """Each piece's vector after all blocks: (B, T) to (B, T, W)."""
        x, seen = self.begin(tokens)
        for block in self.blocks:
            x = block(x, seen)  # (B, T, W)
        return x

    def begin(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What the first block reads (B, T, W), and which pieces may be seen (B, T)."""
        if tokens.shape[1] > self.positions.num_embeddings:
            raise Problem("models.too_long", words=tokens.shape[1], length=self.positions.num_embeddings)
        real = tokens.ne(0).cumsum(1).gt(0)  # (B, T)
        place = (real.cumsum(1) - 1).clamp(min=0)  # (B, T): 0 for the sentence's first piece
        x = self.norm(self.embed(tokens) + self.positions(place) + self.segment)  # (B, T, W)
        return self.dropout(x), real | ~real.any(1, keepdim=True)  # an empty text sees its padding
