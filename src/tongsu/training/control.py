"""What a listener may change while a training runs: its rate, which part learns, and how closely it is watched.

The loop reads these fields at every update and otherwise knows nothing of who sets them. As long as nobody does, a
training computes what it always computed, bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from torch.optim import Optimizer


@dataclass
class Control:
    """`closely`: report after every single update and keep a frame of it. `rate`: times the recipe's learning rate.
    `parts`: only these parts of the model learn, such as ("generator",); None: all. `waited`: the seconds in which
    the listener let the training stand still; they are not counted as training."""

    closely: bool = False
    rate: float = 1.0
    parts: tuple[str, ...] | None = None
    waited: float = 0.0

    def learning(self, optimizers: Mapping[str, Optimizer]) -> Mapping[str, Optimizer]:
        """The optimizers as a task sees them: those of the other parts forget gradients and move nothing."""
        if self.parts is None:
            return optimizers
        return {
            name: optimizer if name in self.parts else cast(Optimizer, Still(optimizer.zero_grad))
            for name, optimizer in optimizers.items()
        }


@dataclass(frozen=True)
class Still:
    """An optimizer that holds its part still."""

    zero_grad: Callable[..., Any]

    def step(self) -> None:
        pass
