"""Muon (Jordan et al. 2024): momentum, then the nearest matrix whose singular values are all alike.

    M = momentum · M + G            the gradient of one weight, flattened to rows × columns, remembered
    G + momentum · M = U S Vᵀ       Nesterov's look ahead, and its singular value decomposition
    W = W - rate · √max(1, rows / columns) · U Vᵀ

A few directions dominate the gradient of a layer; with S set aside, all of them move at the same pace, and a net is
where it should be after fewer updates. U Vᵀ needs no decomposition: the polynomial p(s) = a s + b s³ + c s⁵, applied
a few times, carries every singular value between 0 and 1 to the neighbourhood of 1 (Newton-Schulz).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

WIDEST = 256  # of the shorter side: the products below grow with its square, whatever the batch
COEFFICIENTS = 3.4445, -4.7750, 2.0315  # a, b, c: Jordan's choice, steep at 0


def orthogonalised(matrix: Tensor, steps: int) -> Tensor:
    """About U Vᵀ of a matrix (R, C) = U S Vᵀ: its singular values, at most 1 after division by the norm, go through p
    `steps` times.

    p(X) = (a I + b X Xᵀ + c (X Xᵀ)²) X only multiplies from the left, and X Xᵀ can be carried along: A = Q A Q. So all
    but the first and the last product are of the shorter side alone.
    """
    x = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T  # (S, L), the shorter side first
    gram = x @ x.T  # (S, S)
    norm = gram.trace().sqrt() + 1e-7  # Frobenius
    gram /= norm * norm
    product = factor = _factor(gram)
    for _ in range(steps - 1):
        gram = factor @ gram @ factor
        factor = _factor(gram)
        product = factor @ product
    x = (product / norm) @ x  # (S, L)
    return x if matrix.shape[0] <= matrix.shape[1] else x.T


def _factor(gram: Tensor) -> Tensor:
    """a I + b A + c A² of A (S, S)."""
    a, b, c = COEFFICIENTS
    factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
    factor.diagonal().add_(a)
    return factor


class Muon(Optimizer):
    """For matrices and kernels as above; vectors, and matrices whose shorter side is longer than 256, follow SGD with
    the same momentum.

    steps: how often the polynomial is applied. Three leave singular values between about 0.3 and 1.2, which trains
    small nets as well as the usual five do and costs less. Raises ValueError for arguments that make no sense.
    """

    def __init__(
        self, params: Iterable[Tensor] | list[dict[str, Any]], lr: float = 0.02, momentum: float = 0.9, steps: int = 3
    ) -> None:
        if lr < 0 or not 0 <= momentum < 1 or steps < 1:
            raise ValueError(f"muon needs lr >= 0, 0 <= momentum < 1 and steps >= 1, not {lr}, {momentum}, {steps}")
        super().__init__(params, {"lr": lr, "momentum": momentum, "steps": steps})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = closure() if closure else None
        for group in self.param_groups:
            momentum = group["momentum"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum"] = torch.zeros_like(weight)
                state["momentum"].mul_(momentum).add_(weight.grad)
                update, scale = weight.grad.add(state["momentum"], alpha=momentum), 1.0
                if weight.ndim > 1 and min(weight.shape[0], weight[0].numel()) <= WIDEST:
                    flat = update.flatten(1)  # (R, C)
                    scale = max(1.0, flat.shape[0] / flat.shape[1]) ** 0.5
                    update = orthogonalised(flat, group["steps"]).view_as(weight)
                weight.add_(update, alpha=-group["lr"] * scale)
        return loss
