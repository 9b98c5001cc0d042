"""Code exercises of the later lessons: one pixel of a convolution, the line that an LSTM lives by, attention.

The right answers come from PyTorch's kernels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tongsu.lessons.exercises.written import Written


def _pictures() -> list[list[Any]]:
    chance = np.random.default_rng(1)
    cases = [(1, 5, 3, 0, 0), (1, 6, 3, 2, 1), (3, 5, 2, 3, 2), (2, 8, 5, 1, 3)]  # C, S, K, row, column
    return [
        [chance.integers(0, 9, (C, S, S)).tolist(), chance.integers(-3, 4, (C, K, K)).tolist(), 0.5 + row, row, column]
        for C, S, K, row, column in cases
    ]


def _convolved(picture: Any, kernel: Any, bias: float, row: int, column: int) -> float:
    import torch

    x, w, b = torch.tensor(picture), torch.tensor(kernel), torch.tensor([bias], dtype=torch.float64)
    maps = torch.nn.functional.conv2d(x[None], w[None], b)  # (1, 1, S - K + 1, S - K + 1)
    return float(maps[0, 0, row, column])


def _window(picture: Any, kernel: Any, row: int, column: int) -> Any:
    side = kernel.shape[1]
    return picture[:, row : row + side, column : column + side]


PIXEL = Written(
    "pixel", "02-cnn", "pixel", _pictures, _convolved,
    {
        "no_bias": lambda p, k, b, r, c: (_window(p, k, r, c) * k).sum(),
        "flipped": lambda p, k, b, r, c: (_window(p, k, r, c) * k[:, ::-1, ::-1]).sum() + b,
        "turned": lambda p, k, b, r, c: (_window(p, k, c, r) * k).sum() + b,
        "one_channel": lambda p, k, b, r, c: (_window(p, k, r, c) * k)[0].sum() + b,
        "bias_each": lambda p, k, b, r, c: (_window(p, k, r, c) * k + b).sum(),
        "corner": lambda p, k, b, r, c: (_window(p, k, 0, 0) * k).sum() + b,
    },
)  # fmt: skip


def _states() -> list[list[Any]]:
    chance = np.random.default_rng(2)
    shapes = [(1, 2, 3), (3, 4, 2)]  # B, D, H
    return [
        [chance.normal(size=s).round(2).tolist() for s in ((B, D), (B, H), (B, H), (4 * H, D), (4 * H, H), (4 * H,))]
        for B, D, H in shapes
    ]


def _lstm(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> Any:
    import torch

    cell = torch.nn.LSTMCell(x.shape[1], h.shape[1]).double()
    values = {"weight_ih": w, "weight_hh": u, "bias_ih": b, "bias_hh": 0 * b}
    cell.load_state_dict({name: torch.tensor(value) for name, value in values.items()})
    with torch.no_grad():
        return tuple(part.numpy() for part in cell(torch.tensor(x), (torch.tensor(h), torch.tensor(c))))


def _gated(way: Any) -> Any:
    """An LSTM step whose one line is `way(i, f, g, o, c)`."""

    def step(x: Any, h: Any, c: Any, w: Any, u: Any, b: Any) -> Any:
        i, f, g, o = np.split(x @ w.T + h @ u.T + b, 4, axis=1)
        i, f, o = (1 / (1 + np.exp(-z)) for z in (i, f, o))
        c = way(i, f, np.tanh(g), o, c)
        return o * np.tanh(c), c

    return step


LSTM_LINE = Written(
    "lstm-line", "03-rnn", "lstm_step", _states, _lstm,
    {
        "swapped": _gated(lambda i, f, g, o, c: i * c + f * g),
        "no_forget": _gated(lambda i, f, g, o, c: c + i * g),
        "no_input": _gated(lambda i, f, g, o, c: f * c + g),
        "no_past": _gated(lambda i, f, g, o, c: i * g),
        "like_gru": _gated(lambda i, f, g, o, c: f * c + (1 - f) * g),
        "output": _gated(lambda i, f, g, o, c: f * c + o * g),
        "bent": _gated(lambda i, f, g, o, c: np.tanh(f * c + i * g)),
    },
)  # fmt: skip


def _words() -> list[list[Any]]:
    chance = np.random.default_rng(3)
    return [[chance.normal(size=(T, d)).round(2).tolist() for _ in "qkv"] for T, d in ((3, 4), (5, 2), (4, 9))]


def _attended(q: Any, k: Any, v: Any) -> Any:
    import torch

    queries, keys, values = (torch.tensor(value) for value in (q, k, v))
    return torch.nn.functional.scaled_dot_product_attention(queries, keys, values).numpy()


def _softmax(scores: Any, axis: int = -1) -> Any:
    powers = np.exp(scores - scores.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


ATTENTION = Written(
    "attention", "05-transformer", "attention", _words, _attended,
    {
        "no_scale": lambda q, k, v: _softmax(q @ k.T) @ v,
        "scale_d": lambda q, k, v: _softmax(q @ k.T / q.shape[1]) @ v,
        "wrong_axis": lambda q, k, v: _softmax(q @ k.T / q.shape[1] ** 0.5, 0) @ v,
        "scale_words": lambda q, k, v: _softmax(q @ k.T / q.shape[0] ** 0.5) @ v,
        "no_softmax": lambda q, k, v: (q @ k.T / q.shape[1] ** 0.5) @ v,
        "swapped": lambda q, k, v: _softmax(k @ q.T / q.shape[1] ** 0.5) @ v,
        "scale_after": lambda q, k, v: _softmax(q @ k.T) / q.shape[1] ** 0.5 @ v,
    },
)  # fmt: skip
