"""How one batch is learned and how a model is measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from torch import Tensor, nn
from torch.optim import Optimizer

from tongsu.tasks.classify import Classify
from tongsu.tasks.gan import AdversarialGame


class Task(Protocol):
    """`parts`: what gets an optimizer of its own. `step`: one whole update in view of the reader; its measures
    stay tensors, so that nothing waits for the device. `evaluate`: plain numbers over unshuffled batches."""

    def parts(self, model: nn.Module) -> dict[str, nn.Module]: ...
    def step(
        self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizers: Mapping[str, Optimizer]
    ) -> dict[str, Tensor]: ...
    def evaluate(self, model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float]: ...


TASKS = {"classify": Classify, "gan": AdversarialGame}
