"""Code exercises of lesson 3: a SimpleRNN that reads, a gradient that is kept short, the line that a GRU lives by.

The right answers come from PyTorch's own layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from tongsu.lessons.exercises.written import Written


def _sentences() -> list[list[Any]]:
    chance = np.random.default_rng(4)
    shapes = [(1, 2, 3), (4, 3, 2), (6, 2, 4)]  # T, D, H
    return [[chance.normal(size=s).round(2).tolist() for s in ((T, D), (H, D), (H, H), (H,))] for T, D, H in shapes]


def _by_rnn(x: Any, w: Any, u: Any, b: Any) -> Any:
    import torch

    net = torch.nn.RNN(x.shape[1], len(b)).double()
    values = {"weight_ih_l0": w, "weight_hh_l0": u, "bias_ih_l0": b, "bias_hh_l0": 0 * b}
    net.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    with torch.no_grad():
        return net(torch.tensor(x))[0].numpy()


def _states(x: Any, step: Any, hidden: int) -> Any:
    """(T, H) of any step (x, h) -> h."""
    h, states = np.zeros(hidden), []
    for word in x:
        h = step(word, h)
        states.append(h)
    return np.array(states)


UNROLL = Written(
    "unroll", "03-rnn", "read", _sentences, _by_rnn,
    {
        "no_state": lambda x, w, u, b: np.tanh(x @ w.T + b),
        "no_bend": lambda x, w, u, b: _states(x, lambda word, h: w @ word + u @ h + b, len(b)),
        "turned": lambda x, w, u, b: _states(x, lambda word, h: np.tanh(w @ word + h @ u + b), len(b)),
        "no_bias": lambda x, w, u, b: _states(x, lambda word, h: np.tanh(w @ word + u @ h), len(b)),
        "last": lambda x, w, u, b: _states(x, lambda word, h: np.tanh(w @ word + u @ h + b), len(b))[-1],
    },
)  # fmt: skip


def _gradients() -> list[list[Any]]:
    chance = np.random.default_rng(5)
    cases = [((2, 3), 10.0, 1.0), ((4, 2), 0.1, 1.0), ((3, 3), 4.0, 0.5)]  # the second is short already
    return [[(scale * chance.normal(size=shape)).round(2).tolist(), most] for shape, scale, most in cases]


def _by_torch_clip(gradient: Any, most: float) -> Any:
    import torch

    weight = torch.nn.Parameter(torch.zeros(gradient.shape, dtype=torch.float64))
    weight.grad = torch.tensor(gradient)
    torch.nn.utils.clip_grad_norm_([weight], most)
    return weight.grad.numpy()


def _length(gradient: Any) -> Any:
    return np.sqrt((gradient**2).sum())


CLIP = Written(
    "clip", "03-rnn", "clip", _gradients, _by_torch_clip,
    {
        "each": lambda g, most: np.clip(g, -most, most),
        "always": lambda g, most: g * most / _length(g),
        "rows": lambda g, most: g * np.minimum(1, most / np.sqrt((g**2).sum(1, keepdims=True))),
        "sum": lambda g, most: g * min(1, most / np.abs(g).sum()),
        "squared": lambda g, most: g * min(1, most / (g**2).sum()),
        "unit": lambda g, most: g / max(1, _length(g)),
    },
)  # fmt: skip


def _gru_states() -> list[list[Any]]:
    chance = np.random.default_rng(6)
    shapes = [(1, 2, 3), (3, 4, 2)]  # B, D, H
    return [
        [chance.normal(size=s).round(2).tolist() for s in ((B, D), (B, H), (3 * H, D), (3 * H, H), (3 * H,), (3 * H,))]
        for B, D, H in shapes
    ]


def _gru(x: Any, h: Any, w: Any, u: Any, b: Any, b2: Any) -> Any:
    import torch

    cell = torch.nn.GRUCell(x.shape[1], h.shape[1]).double()
    values = {"weight_ih": w, "weight_hh": u, "bias_ih": b, "bias_hh": b2}
    cell.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    with torch.no_grad():
        return cell(torch.tensor(x), torch.tensor(h)).numpy()


def _updated(way: Any) -> Any:
    """A GRU step whose last line is `way(r, z, n, h)`."""

    def step(x: Any, h: Any, w: Any, u: Any, b: Any, b2: Any) -> Any:
        below, before = np.split(x @ w.T + b, 3, axis=1), np.split(h @ u.T + b2, 3, axis=1)
        r, z = (1 / (1 + np.exp(-(below[at] + before[at]))) for at in (0, 1))
        return way(r, z, np.tanh(below[2] + r * before[2]), h)

    return step


GRU_LINE = Written(
    "gru-line", "03-rnn", "gru_step", _gru_states, _gru,
    {
        "swapped": _updated(lambda r, z, n, h: z * n + (1 - z) * h),
        "reset": _updated(lambda r, z, n, h: (1 - r) * n + r * h),
        "no_past": _updated(lambda r, z, n, h: (1 - z) * n),
        "no_share": _updated(lambda r, z, n, h: n + z * h),
        "like_lstm": _updated(lambda r, z, n, h: z * h + r * n),
        "no_gate": _updated(lambda r, z, n, h: n),
    },
)  # fmt: skip
