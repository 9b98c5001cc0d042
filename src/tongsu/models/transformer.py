"""The Transformer encoder (Vaswani et al. 2017): every word looks at every other and takes what it needs.

    Attention(Q, K, V) = softmax(Q Kᵀ / √d) V

Layer normalisation stands before each part (Xiong et al. 2020), so that training needs no long warm-up.

Letters used in shapes: B batch, T time (words), W width, N heads, d = W / N width of a head, K outputs.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.errors import Problem
from tongsu.models.checks import one_of
from tongsu.models.dropout import Dropout
from tongsu.models.initialise import like_keras


class Attention(nn.Module):
    """Multi-head self-attention, written out or by PyTorch's fused kernel: same weights, same numbers."""

    def __init__(self, width: int, heads: int, written: bool) -> None:
        super().__init__()
        self.heads, self.written = heads, written
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values, each (B, N, T, d), of words (B, T, W)."""
        B, T, W = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.heads, W // self.heads).permute(2, 0, 3, 1, 4)
        return q, k, v

    def weights(self, x: Tensor, seen: Tensor) -> Tensor:
        """How much word i takes from word j: (B, N, T, T), rows sum to 1, 0 where `seen` (B, T) is False."""
        q, k, _ = self.project(x)
        return attention_weights(q, k, seen)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        q, k, v = self.project(x)  # (B, N, T, d) each
        if self.written:
            y = attention_weights(q, k, seen) @ v  # softmax(Q Kᵀ / √d) V   (B, N, T, d)
        else:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None, :])  # (B, N, T, d)
        y = y.transpose(1, 2).flatten(2)  # heads side by side   (B, T, W)
        return self.out(y)  # (B, T, W)


def attention_weights(q: Tensor, k: Tensor, seen: Tensor) -> Tensor:
    """softmax(Q Kᵀ / √d) over the words j that may be seen. q, k (B, N, T, d), seen (B, T): (B, N, T, T)."""
    scores = q @ k.transpose(-2, -1)  # Q Kᵀ   (B, N, T, T)
    scores = scores / math.sqrt(q.shape[-1])  # / √d: keeps the variance at 1, so softmax does not saturate
    scores = scores.masked_fill(~seen[:, None, None, :], -torch.inf)  # padding gets weight e^−∞ = 0
    return torch.softmax(scores, dim=-1)


class Block(nn.Module):
    """x + attention(norm(x)), then x + feed-forward(norm(x))."""

    def __init__(self, width: int, heads: int, feedforward: int, dropout: float, written: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, written)
        self.norm2 = nn.LayerNorm(width)
        self.feedforward = nn.Sequential(
            nn.Linear(width, feedforward), nn.ReLU(), nn.Linear(feedforward, width)
        )
        self.dropout = Dropout(dropout)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        x = x + self.dropout(self.attention(self.norm1(x), seen))  # (B, T, W)
        return x + self.dropout(self.feedforward(self.norm2(x)))  # (B, T, W)


class Transformer(nn.Module):
    """Sentences as word numbers (B, T), padded at the FRONT with 0, to logits (B, K).

    Padding is seen by no word and by no mean, and a word's position counts from the sentence's first word:
    a sentence means the same whatever it is padded to. A text may have at most `length` words.
    positions: "learned" vectors or fixed "sinusoidal" ones; attention: "fast" (fused) or "written" (out).
    """

    def __init__(
        self,
        *,
        words: int = 10000,
        length: int = 200,
        width: int = 64,
        heads: int = 4,
        layers: int = 2,
        feedforward: int = 128,
        outputs: int = 1,
        dropout: float = 0.1,
        embedding_dropout: float = 0.0,
        positions: str = "learned",
        attention: str = "fast",
    ) -> None:
        super().__init__()
        one_of("positions", positions, ("learned", "sinusoidal"))
        one_of("attention", attention, ("fast", "written"))
        if heads < 1 or width % heads:
            raise Problem("models.heads", width=width, heads=heads)
        self.length = length
        self.embed = nn.Embedding(words, width)
        self.positions = nn.Embedding(length, width)
        self.embedding_dropout = Dropout(embedding_dropout)
        self.blocks = nn.ModuleList(
            Block(width, heads, feedforward, dropout, attention == "written") for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, outputs)
        like_keras(self)
        if positions == "sinusoidal":
            self.positions.weight.requires_grad_(False).copy_(0.05 * sinusoids(length, width))

    def forward(self, tokens: Tensor) -> Tensor:
        real = tokens.ne(0).cumsum(1).gt(0)  # (B, T): True from the first word on
        x = self.states(tokens)  # (B, T, W)
        x = x * real[:, :, None]
        x = x.sum(1) / real.sum(1, keepdim=True).clamp(min=1)  # mean over the words   (B, W)
        return self.head(x)  # (B, K)

    def states(self, tokens: Tensor) -> Tensor:
        """Each word's vector after all blocks: (B, T) to (B, T, W)."""
        x, seen = self.begin(tokens)
        for block in self.blocks:
            x = block(x, seen)  # (B, T, W)
        return self.norm(x)

    def begin(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """What the first block reads: word plus position (B, T, W), and which words may be seen (B, T)."""
        if tokens.shape[1] > self.length:
            raise Problem("models.too_long", words=tokens.shape[1], length=self.length)
        real = tokens.ne(0).cumsum(1).gt(0)  # (B, T)
        place = (real.cumsum(1) - 1).clamp(min=0)  # (B, T): 0 for the sentence's first word
        x = self.embedding_dropout(self.embed(tokens) + self.positions(place))  # (B, T, W)
        seen = real | ~real.any(1, keepdim=True)  # an empty text sees its padding: softmax needs something
        return x, seen


def sinusoids(length: int, width: int) -> Tensor:
    """PE[t, 2i] = sin(t / 10000^(2i/W)), PE[t, 2i+1] = cos(the same): (length, W)."""
    t = torch.arange(length)[:, None]  # (T, 1)
    rate = 10000 ** (-torch.arange(0, width, 2) / width)  # (W / 2,)
    return torch.stack([(t * rate).sin(), (t * rate).cos()], dim=2).flatten(1)[:, :width]
