"""Learning to name what one sees: cross-entropy on logits.

Letters used in shapes: B batch, K classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from tongsu.models.logits import predicted


def cross_entropies(logits: Tensor, targets: Tensor, smoothing: float = 0.0, weights: Tensor | None = None) -> Tensor:
    """-log p(target) of each example (B,); with one logit this is the binary cross-entropy. An example of class k
    counts weights[k] times (K,), in a batch of B still divided by B: a batch of rare ones is worth more as a whole."""
    if logits.shape[-1] == 1:
        wanted = targets.to(logits.dtype) * (1 - smoothing) + smoothing / 2  # (B,)
        losses = F.binary_cross_entropy_with_logits(logits[:, 0], wanted, reduction="none")
    else:
        losses = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
    return losses if weights is None else weights[targets] * losses


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Its mean over the batch."""
    return cross_entropies(logits, targets).mean()


@dataclass(frozen=True)
class Classify:
    """`clip` is the largest norm that the gradient of all weights together may have (0: as it comes).

    class_weights: how often an example of each class counts; `auto` becomes these numbers when the data are known, so
    that all classes count alike however rare they are (empty: every example once).
    """

    clip: float = 0.0
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | Literal["auto"] = ()

    def parts(self, model: nn.Module) -> dict[str, nn.Module]:
        return {"model": model}

    def step(
        self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizers: Mapping[str, Optimizer]
    ) -> dict[str, Tensor]:
        inputs, targets = batch
        logits = model(inputs)  # (B, K)
        weights = torch.tensor(self.class_weights, device=logits.device) if self.class_weights else None
        losses = cross_entropies(logits, targets, self.label_smoothing, weights)  # (B,)
        loss = losses.mean()

        optimizers["model"].zero_grad()
        loss.backward()
        if self.clip:
            nn.utils.clip_grad_norm_(model.parameters(), self.clip)
        optimizers["model"].step()

        accuracy = (predicted(logits) == targets).float().mean()
        if self.label_smoothing:  # what is told compares with the validation data's, which is without it
            loss = cross_entropies(logits.detach(), targets, weights=weights).mean()
        return {"loss": loss.detach(), "accuracy": accuracy, "losses": losses.detach()}

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
