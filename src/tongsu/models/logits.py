"""From a net's last numbers to what they say.

Letters used in shapes: B batch, K classes.
"""

from __future__ import annotations

import torch
from torch import Tensor


def probabilities(logits: Tensor) -> Tensor:
    """Logits (B, 1) of "the second of two classes", or (B, K), to probabilities (B, 2) or (B, K)."""
    if logits.shape[-1] == 1:
        second = torch.sigmoid(logits)  # (B, 1)
        return torch.cat([1 - second, second], dim=-1)  # (B, 2)
    return torch.softmax(logits, dim=-1)  # (B, K)


def predicted(logits: Tensor) -> Tensor:
    """The class each row is taken for, (B,)."""
    return (logits[:, 0] > 0).long() if logits.shape[-1] == 1 else logits.argmax(-1)


def logit_of(logits: Tensor, target: int) -> Tensor:
    """What speaks for one class, (B,): its logit, or of a single logit z of "the second of two" z itself or -z."""
    if logits.shape[-1] == 1:
        return logits[:, 0] if target == 1 else -logits[:, 0]
    return logits[:, target]
