"""Learning to name what one sees: cross-entropy on logits.

Letters used in shapes: B batch, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer


def probabilities(logits: Tensor) -> Tensor:
    """Logits (B, 1) of "the second of two classes", or (B, K), to probabilities (B, 2) or (B, K)."""
    if logits.shape[-1] == 1:
        second = torch.sigmoid(logits)  # (B, 1)
        return torch.cat([1 - second, second], dim=-1)  # (B, 2)
    return torch.softmax(logits, dim=-1)  # (B, K)


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """-log p(target), mean over the batch; with one logit this is the binary cross-entropy."""
    if logits.shape[-1] == 1:
        wanted = targets.to(logits.dtype) * (1 - smoothing) + smoothing / 2  # (B,)
        return F.binary_cross_entropy_with_logits(logits[:, 0], wanted)
    return F.cross_entropy(logits, targets, label_smoothing=smoothing)


def predicted(logits: Tensor) -> Tensor:
    """The class each row is taken for, (B,)."""
    return (logits[:, 0] > 0).long() if logits.shape[-1] == 1 else logits.argmax(-1)


@dataclass(frozen=True)
class Classify:
    """`clip` is the largest norm that the gradient of all weights together may have (0: as it comes)."""

    clip: float = 0.0
    label_smoothing: float = 0.0

    def parts(self, model: nn.Module) -> dict[str, nn.Module]:
        return {"model": model}

    def step(
        self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizers: Mapping[str, Optimizer]
    ) -> dict[str, Tensor]:
        inputs, targets = batch
        logits = model(inputs)  # (B, K)
        loss = cross_entropy(logits, targets, self.label_smoothing)

        optimizers["model"].zero_grad()
        loss.backward()
        if self.clip:
            nn.utils.clip_grad_norm_(model.parameters(), self.clip)
        optimizers["model"].step()

        accuracy = (predicted(logits) == targets).float().mean()
        return {"loss": loss.detach(), "accuracy": accuracy}

    @torch.no_grad()
    def evaluate(self, model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float]:
        """Mean loss (without smoothing) and accuracy; `nan` for an empty split is the caller's affair."""
        model.eval()
        loss, correct, count = 0.0, 0, 0
        for inputs, targets in batches:
            logits = model(inputs).float()
            loss += cross_entropy(logits, targets).item() * len(targets)
            correct += int((predicted(logits) == targets).sum())
            count += len(targets)
        return {"loss": loss / count, "accuracy": correct / count}
