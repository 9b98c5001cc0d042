"""Code exercises of the first lessons: a neuron's forward pass, and the backward step of one layer."""

from __future__ import annotations

from typing import Any

import numpy as np

from tongsu.lessons.exercises.written import Written


def _neurons() -> list[list[Any]]:
    return [[[1.0, 2.0], [0.5, -0.25], 0.1], [[0.0, 0.0, 0.0], [3.0, 1.0, -2.0], -1.5], [[0.3], [-4.0], 0.0],
            [[1.0, -1.0, 2.0, 0.5], [0.2, 0.4, -0.6, 0.8], 1.0]]  # fmt: skip


def _sigmoid(z: Any) -> Any:
    return 0.5 * (1 + np.tanh(z / 2))


NEURON = Written(
    "neuron", "00-start-here", "neuron", _neurons,
    lambda x, w, b: _sigmoid(np.dot(x, w) + b),
    {
        "no_sigmoid": lambda x, w, b: np.dot(x, w) + b,
        "no_bias": lambda x, w, b: _sigmoid(np.dot(x, w)),
        "sign": lambda x, w, b: _sigmoid(-(np.dot(x, w) + b)),
        "bias_outside": lambda x, w, b: _sigmoid(np.dot(x, w)) + b,
        "bias_each": lambda x, w, b: _sigmoid(np.dot(x, w) + b * len(x)),
    },
    arrays=False,
)  # fmt: skip


def _layers() -> list[list[Any]]:
    chance = np.random.default_rng(0)
    shapes = [(1, 2, 3), (4, 3, 2), (5, 4, 6)]  # B, D, H
    return [
        [*(chance.normal(size=s).round(2).tolist() for s in ((B, D), (H, D), (H,), (B, H))), lr]
        for (B, D, H), lr in zip(shapes, (1.0, 0.1, 0.5), strict=True)
    ]


def _by_autograd(x: Any, w: Any, b: Any, dy: Any, lr: float) -> Any:
    """PyTorch's own gradients and its own SGD."""
    import torch

    inputs, weights, bias = (torch.tensor(value, dtype=torch.float64, requires_grad=True) for value in (x, w, b))
    torch.nn.functional.linear(inputs, weights, bias).backward(torch.tensor(dy))
    torch.optim.SGD([weights, bias], lr).step()
    assert inputs.grad is not None
    return inputs.grad.numpy(), weights.detach().numpy(), bias.detach().numpy()


BACKWARD_STEP = Written(
    "backward-step", "01-mlp", "backward_step", _layers, _by_autograd,
    {
        "uphill": lambda x, w, b, dy, lr: (dy @ w, w + lr * dy.T @ x, b + lr * dy.sum(0)),
        "new_weights": lambda x, w, b, dy, lr: (dy @ (w - lr * dy.T @ x), w - lr * dy.T @ x, b - lr * dy.sum(0)),
        "gradients": lambda x, w, b, dy, lr: (dy @ w, dy.T @ x, dy.sum(0)),
        "mean": lambda x, w, b, dy, lr: (dy @ w, w - lr * dy.T @ x / len(x), b - lr * dy.mean(0)),
        "no_bias": lambda x, w, b, dy, lr: (dy @ w, w - lr * dy.T @ x, b),
        "no_rate": lambda x, w, b, dy, lr: (dy @ w, w - dy.T @ x, b - dy.sum(0)),
    },
)  # fmt: skip
