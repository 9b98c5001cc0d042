"""Recurrent nets (循环网络): one set of weights reads a sentence word by word and keeps a state.

    SimpleRNN  hₜ = tanh(W xₜ + U hₜ₋₁ + b)                   (Elman 1990)
    LSTM       a cell cₜ that gates open and close            (Hochreiter & Schmidhuber 1997)
    GRU        the same with two gates and no separate cell   (Cho et al. 2014)

The cells stand below as equations; `WrittenOut` runs them, PyTorch's fused kernels run the same faster, and
the two exchange weights by name.

Letters used in shapes: B batch, T time (words), D features of a word, H hidden units, G gates (1, 4 or 3),
R directions (1 or 2), K outputs. σ is the sigmoid, ⊙ the product element by element.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tongsu.models.checks import one_of
from tongsu.models.dropout import Dropout
from tongsu.models.initialise import like_keras

State = tuple[Tensor, Tensor]  # h and c, both (B, H); only the LSTM uses c
Step = Callable[[Tensor, State, Tensor, Tensor, Tensor, Tensor], State]


def simple_step(x: Tensor, state: State, w: Tensor, u: Tensor, b: Tensor, b2: Tensor) -> State:
    """x (B, D), h (B, H), W (H, D), U (H, H)."""
    h, c = state
    h = torch.tanh(x @ w.T + b + h @ u.T + b2)  # hₜ = tanh(W xₜ + b + U hₜ₋₁ + b₂)   (B, H)
    return h, c


def lstm_step(x: Tensor, state: State, w: Tensor, u: Tensor, b: Tensor, b2: Tensor) -> State:
    """x (B, D), h and c (B, H), W (4H, D), U (4H, H): rows in the order input, forget, candidate, output."""
    h, c = state
    i, f, g, o = (x @ w.T + b + h @ u.T + b2).chunk(4, dim=1)  # each (B, H)
    i = torch.sigmoid(i)  # iₜ = σ(Wᵢ xₜ + Uᵢ hₜ₋₁ + bᵢ)      what to write
    f = torch.sigmoid(f)  # fₜ = σ(W_f xₜ + U_f hₜ₋₁ + b_f)   what to keep
    g = torch.tanh(g)  #    gₜ = tanh(W_g xₜ + U_g hₜ₋₁ + b_g)  the candidate
    o = torch.sigmoid(o)  # oₜ = σ(Wₒ xₜ + Uₒ hₜ₋₁ + bₒ)      what to show
    c = f * c + i * g  #    cₜ = fₜ ⊙ cₜ₋₁ + iₜ ⊙ gₜ           a sum: gradients flow through it unharmed
    h = o * torch.tanh(c)  # hₜ = oₜ ⊙ tanh(cₜ)
    return h, c


def gru_step(x: Tensor, state: State, w: Tensor, u: Tensor, b: Tensor, b2: Tensor) -> State:
    """x (B, D), h (B, H), W (3H, D), U (3H, H): rows in the order reset, update, candidate.

    The reset gate acts after the matrix U, as in cuDNN and in Keras's `reset_after=True`.
    """
    h, c = state
    xr, xz, xn = (x @ w.T + b).chunk(3, dim=1)  # each (B, H)
    hr, hz, hn = (h @ u.T + b2).chunk(3, dim=1)  # each (B, H)
    r = torch.sigmoid(xr + hr)  #    rₜ = σ(Wᵣ xₜ + bᵣ + Uᵣ hₜ₋₁ + b₂ᵣ)
    z = torch.sigmoid(xz + hz)  #    zₜ = σ(W_z xₜ + b_z + U_z hₜ₋₁ + b₂_z)
    n = torch.tanh(xn + r * hn)  #   nₜ = tanh(Wₙ xₜ + bₙ + rₜ ⊙ (Uₙ hₜ₋₁ + b₂ₙ))
    h = (1 - z) * n + z * h  #       hₜ = (1 − zₜ) ⊙ nₜ + zₜ ⊙ hₜ₋₁
    return h, c


# name: (equations, number of gates, fused kernel, does Keras have the second bias b₂)
CELLS: dict[str, tuple[Step, int, Callable[..., nn.RNNBase], bool]] = {
    "simple": (simple_step, 1, nn.RNN, False),
    "lstm": (lstm_step, 4, nn.LSTM, False),
    "gru": (gru_step, 3, nn.GRU, True),
}


class WrittenOut(nn.Module):
    """The cells run in a plain loop: words (B, T, D) to all states (B, T, R·H) and the last layer's final
    states (B, R·H), forward then backward. Parameters are named and laid out as in nn.RNN, nn.LSTM, nn.GRU.
    """

    def __init__(
        self, cell: str, inputs: int, hidden: int, layers: int = 1, bidirectional: bool = False
    ) -> None:
        super().__init__()
        self.step, gates, _, _ = CELLS[cell]
        self.hidden = hidden
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self.layers = layers
        for layer in range(layers):
            for direction in self.directions:
                width = inputs if layer == 0 else hidden * len(self.directions)
                end = f"_l{layer}{direction}"
                self.register_parameter(f"weight_ih{end}", nn.Parameter(torch.empty(gates * hidden, width)))
                self.register_parameter(f"weight_hh{end}", nn.Parameter(torch.empty(gates * hidden, hidden)))
                self.register_parameter(f"bias_ih{end}", nn.Parameter(torch.zeros(gates * hidden)))
                self.register_parameter(f"bias_hh{end}", nn.Parameter(torch.zeros(gates * hidden)))
        like_keras(self)

    def forward(self, x: Tensor, real: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """`real` (B, T): where it is False the state stays as it was (padding is skipped)."""
        finals: list[Tensor] = []
        for layer in range(self.layers):
            ways = [self._way(x, real, f"_l{layer}{direction}") for direction in self.directions]
            x = torch.cat([states for states, _ in ways], dim=2)  # (B, T, R·H)
            finals = [final for _, final in ways]
        return x, torch.cat(finals, dim=1)  # (B, T, R·H), (B, R·H)

    def _way(self, x: Tensor, real: Tensor | None, end: str) -> tuple[Tensor, Tensor]:
        """One layer read in one direction: states (B, T, H), the last one (B, H)."""
        weights = [getattr(self, name + end) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
        h = c = x.new_zeros(x.shape[0], self.hidden)  # (B, H)
        order = range(x.shape[1])
        states = [h] * x.shape[1]
        for t in reversed(order) if end.endswith("_reverse") else order:
            new_h, new_c = self.step(x[:, t], (h, c), *weights)  # (B, H)
            if real is not None:
                awake = real[:, t, None]  # (B, 1)
                new_h, new_c = torch.where(awake, new_h, h), torch.where(awake, new_c, c)
            h, c = new_h, new_c
            states[t] = h
        return torch.stack(states, dim=1), h


class RNN(nn.Module):
    """Sentences as word numbers (B, T), padded at the FRONT with 0, to logits (B, K).

    Embedding, recurrent layers, then a small head on the final state (bidirectional: both final states side
    by side). The road map's nets: 1,294,465 parameters (simple), 1,331,521 (lstm).

    padding: "read" reads padding like any word, as Keras does without masking; "skip" leaves the state
    unchanged at padding, so that a sentence means the same whatever it is padded to.
    written_out: run our equations instead of the fused kernels (same weights, same numbers, slower).
    """

    def __init__(
        self,
        *,
        words: int = 10000,
        embedding: int = 128,
        hidden: int = 64,
        cell: str = "simple",
        layers: int = 1,
        bidirectional: bool = False,
        dense: int = 32,
        outputs: int = 1,
        dropout: float = 0.2,
        embedding_dropout: float = 0.0,
        padding: str = "read",
        written_out: bool = False,
    ) -> None:
        super().__init__()
        one_of("cell", cell, CELLS)
        one_of("padding", padding, ("read", "skip"))
        self.padding, self.layers = padding, layers
        self.directions = 2 if bidirectional else 1
        _, _, fused, second_bias = CELLS[cell]
        self.embed = nn.Embedding(words, embedding)
        self.embedding_dropout = Dropout(embedding_dropout)
        self.recurrent: nn.Module
        if written_out:
            self.recurrent = WrittenOut(cell, embedding, hidden, layers, bidirectional)
        else:
            self.recurrent = fused(embedding, hidden, layers, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Sequential(
            nn.Linear(hidden * self.directions, dense),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(dense, outputs),
        )
        like_keras(self)
        if not second_bias:  # b + b₂ is one bias; Keras has one, so the second stays zero and does not learn
            for name, value in self.recurrent.named_parameters():
                if name.startswith("bias_hh"):
                    value.requires_grad_(False)

    def forward(self, tokens: Tensor) -> Tensor:
        _, final = self._skip(tokens) if self.padding == "skip" else self._read(tokens)  # (B, R·H)
        return self.head(final)  # (B, K)

    def states(self, tokens: Tensor) -> Tensor:
        """The last layer's state after each word: (B, T) to (B, T, R·H), forward then backward.

        With padding="skip" the states at padding are zero.
        """
        if self.padding == "read":
            return self._read(tokens)[0]
        states, _ = self._skip(tokens)  # words first
        place = torch.arange(tokens.shape[1], device=tokens.device) - starts(tokens)[:, None]  # (B, T)
        return _take(states, place.clamp(min=0)) * (place >= 0)[:, :, None]  # words back in their places

    def _read(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Every token alike: all states (B, T, R·H) and the final ones (B, R·H)."""
        x = self.embedding_dropout(self.embed(tokens))  # (B, T, D)
        if isinstance(self.recurrent, WrittenOut):
            return self.recurrent(x)
        states, last = self.recurrent(x)  # (B, T, R·H), (layers·R, B, H)
        return states, self._side_by_side(last)

    def _skip(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Padding left out: states (B, T, R·H), words first, and the final ones (B, R·H).

        The kernels can stop early but not start late, so the words are rolled to the front; what is read
        after the last word changes nothing before it. (Packed sequences do the same three times slower.)
        """
        B, T = tokens.shape
        start = starts(tokens)  # (B,)
        time = torch.arange(T, device=tokens.device)
        place = time + start[:, None]  # (B, T)
        tokens = tokens.gather(1, torch.where(place < T, place, place - T))  # (B, T): words first, then padding
        lengths = T - start  # (B,)
        x = self.embedding_dropout(self.embed(tokens))  # (B, T, D)
        if isinstance(self.recurrent, WrittenOut):
            return self.recurrent(x, time < lengths[:, None])
        some = lengths > 0  # (B,): an empty text keeps the state that all begin with, zero
        ends = (lengths - 1).clamp(min=0)[:, None]  # (B, 1): each last word
        # Read backward, the words stand in front as well, turned round. Turning twice changes nothing.
        turned = torch.where(time <= ends, ends - time, time)  # (B, T)
        finals: list[Tensor] = []
        for layer in range(self.layers):
            states = self._way(x, f"_l{layer}")  # (B, T, H)
            finals = [_take(states, ends)]  # (B, 1, H)
            if self.directions == 2:
                backward = self._way(_take(x, turned), f"_l{layer}_reverse")  # (B, T, H)
                finals.append(_take(backward, ends))
                states = torch.cat([states, _take(backward, turned)], dim=2)  # (B, T, 2 H)
            x = states
        return x, torch.cat(finals, dim=2)[:, 0] * some[:, None]  # (B, T, R·H), (B, R·H)

    def _way(self, x: Tensor, end: str) -> Tensor:
        """One layer read in one direction by its fused kernel: (B, T, D) to (B, T, H)."""
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = [getattr(self.recurrent, name + end) for name in names]
        h = x.new_zeros(1, x.shape[0], weights[1].shape[1])  # (1, B, H)
        # After the weights: with biases, one layer, no dropout, training or not, one direction, batch first.
        settings = (True, 1, 0.0, self.training, False, True)
        if isinstance(self.recurrent, nn.LSTM):
            return torch.lstm(x, (h, h), weights, *settings)[0]
        kernel = torch.gru if isinstance(self.recurrent, nn.GRU) else torch.rnn_tanh
        return kernel(x, h, weights, *settings)[0]

    def _side_by_side(self, last: Tensor | State) -> Tensor:
        """Of the kernels' final states (layers·R, B, H) those of the last layer: (B, R·H)."""
        h = last[0] if isinstance(last, tuple) else last  # the LSTM returns (h, c)
        return torch.cat(tuple(h[-self.directions :]), dim=1)


def starts(tokens: Tensor) -> Tensor:
    """Where each text begins behind its padding: (B, T) numbers padded at the front with 0 to (B,)."""
    return tokens.ne(0).cumsum(1).eq(0).sum(1)


def _take(x: Tensor, places: Tensor) -> Tensor:
    """x (B, T, D) at each sentence's own `places` (B, P): (B, P, D)."""
    return x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2]))
