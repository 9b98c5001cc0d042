"""Code exercises of lesson 4: pixels for a tanh, both players' losses, and how many kinds of drawings there are.

The right answers come from PyTorch's own losses and distributions."""

from __future__ import annotations

from typing import Any

import numpy as np

from tongsu.lessons.exercises.written import Written


def _pixels() -> list[list[Any]]:
    return [[[0, 255]], [[[12, 200, 64], [255, 128, 0]]], [[51, 102, 153, 204]]]


SIGNED = Written(
    "signed", "04-gan", "signed", _pixels,
    lambda pixels: np.interp(pixels, [0, 255], [-1, 1]),
    {
        "unit": lambda p: p / 255,
        "half": lambda p: p / 255 - 0.5,
        "double": lambda p: 2 * p / 255,
        "turned": lambda p: 1 - 2 * p / 255,
        "bent": lambda p: np.tanh(p),
    },
)  # fmt: skip


def _judged() -> list[list[Any]]:
    chance = np.random.default_rng(7)
    return [[chance.uniform(0.05, 0.95, n).round(2).tolist() for _ in ("real", "fake")] for n in (1, 3, 8)]


def _by_torch(real: Any, fake: Any) -> Any:
    import torch
    import torch.nn.functional as F

    on_real, on_fake = torch.tensor(real), torch.tensor(fake)
    ones, zeros = torch.ones_like(on_real), torch.zeros_like(on_fake)
    judge = F.binary_cross_entropy(on_real, ones) + F.binary_cross_entropy(on_fake, zeros)
    return float(judge), float(F.binary_cross_entropy(on_fake, ones))


def _minus_log(p: Any) -> Any:
    return -np.log(p).mean()


GAME_LOSSES = Written(
    "game-losses", "04-gan", "losses", _judged, _by_torch,
    {
        "swapped": lambda r, f: (_minus_log(f), _minus_log(r) + _minus_log(1 - f)),
        "saturating": lambda r, f: (_minus_log(r) + _minus_log(1 - f), -_minus_log(1 - f)),
        "sign": lambda r, f: (-_minus_log(r) - _minus_log(1 - f), -_minus_log(f)),
        "praised": lambda r, f: (_minus_log(r) + _minus_log(f), _minus_log(f)),
        "only_real": lambda r, f: (_minus_log(r), _minus_log(f)),
        "half": lambda r, f: ((_minus_log(r) + _minus_log(1 - f)) / 2, _minus_log(f)),
        "sum": lambda r, f: (-np.log(r).sum() - np.log(1 - f).sum(), -np.log(f).sum()),
    },
)  # fmt: skip


def _counts() -> list[list[Any]]:
    return [[[10] * 10], [[50, 50, 0, 0, 0, 0, 0, 0, 0, 0]], [[100, 0, 0, 0, 0, 0, 0, 0, 0, 0]],
            [[30, 5, 12, 9, 0, 1, 20, 8, 4, 11]]]  # fmt: skip


def _by_categorical(counts: Any) -> float:
    import torch

    shares = torch.tensor(counts / counts.sum())
    return float(torch.distributions.Categorical(probs=shares).entropy().exp() / 10)


def _entropy(counts: Any) -> Any:
    shares = counts[counts > 0] / counts.sum()
    return -(shares * np.log(shares)).sum()


COVERAGE = Written(
    "coverage", "04-gan", "coverage", _counts, _by_categorical,
    {
        "counted": lambda counts: (counts > 0).mean(),
        "entropy": lambda counts: _entropy(counts),
        "no_share": lambda counts: np.exp(_entropy(counts)),
        "two": lambda counts: np.exp(_entropy(counts) / np.log(2)) / 10,
        "scaled": lambda counts: _entropy(counts) / np.log(10),
    },
)  # fmt: skip
