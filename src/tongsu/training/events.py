"""What a training tells whoever listens: small records that are also lines of `events.jsonl`."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Started:
    """`steps` in all, `done` of them before (after a resume); `device` as torch names it."""

    step: int
    steps: int
    epochs: int
    parameters: int
    examples: int
    device: str


@dataclass(frozen=True)
class Step:
    """A few times a second: running means over the epoch so far, the rate and the speed."""

    step: int
    epoch: float
    seconds: float
    lr: float
    speed: float  # examples a second
    measures: dict[str, float]


@dataclass(frozen=True)
class Evaluated:
    """At the end of an epoch: means over the epoch's training batches, and the validation data."""

    step: int
    epoch: int
    seconds: float
    train: dict[str, float]
    validation: dict[str, float]


@dataclass(frozen=True)
class FrameSaved:
    step: int


@dataclass(frozen=True)
class CheckpointSaved:
    step: int
    file: str


@dataclass(frozen=True)
class Stopped:
    """The listener left, or early stopping found nothing to gain; the state is saved at `step`."""

    step: int
    reason: str


@dataclass(frozen=True)
class Finished:
    step: int
    seconds: float
    metrics: dict[str, float]


Event = Started | Step | Evaluated | FrameSaved | CheckpointSaved | Stopped | Finished


def as_line(event: Event) -> dict[str, Any]:
    return {"event": type(event).__name__, **dataclasses.asdict(event)}
