"""A recipe (配方): everything that defines a training, as one frozen dataclass that is also a JSON object."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from tongsu.training.augment import Augment

Values = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One field, one decision. The chapter files in `tongsu.recipes` fill them in; `key=value` changes them.

    Quantities: `lr` is the peak learning rate; `warmup` a share of all steps; `clip` the largest norm of the whole
    gradient; `average` the decay of the moving average of the weights (0: none); `lengths` the number of tokens
    read in each epoch (empty: all); `patience` counts epochs, as Keras's EarlyStopping does. `pretrained` names the
    network whose weights are the start (empty: chance); each of its layers learns `layer_rate` times as fast as the
    one above it. From the second epoch on, only the share `hardest` of the examples is learned from, those whose
    loss was largest when they were last seen (Jiang et al. 2019); after the share `freeze` of all steps, the first
    layer learns no more and costs no backward pass (Brock et al. 2017). `augment` says how pictures may vary from one
    showing to the next (`augment.py`).
    """

    # what is learned, and from what
    chapter: str
    preset: str
    model: str
    model_args: Values = field(default_factory=dict)
    data: str
    data_args: Values = field(default_factory=dict)
    task: Literal["classify", "gan"] = "classify"
    task_args: Values = field(default_factory=dict)
    pretrained: str = ""
    pretrained_args: Values = field(default_factory=dict)
    # how
    optimizer: Literal["adam", "adamw", "sgd", "muon"] = "adam"
    optimizer_args: Values = field(default_factory=dict)
    lr: float = 1e-3
    schedule: Literal["constant", "onecycle", "linear", "cosine"] = "constant"
    warmup: float = 0.0
    batch_size: int = 32
    epochs: int = 5
    hardest: float = 1.0
    freeze: float = 1.0
    lengths: tuple[int, ...] = ()
    bucket: bool = False
    augment: Augment = "none"
    layer_rate: float = 1.0
    average: float = 0.0
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    # when to stop early (Keras's words)
    monitor: str = "val_loss"
    patience: int = 0  # 0: never stop early
    min_delta: float = 0.0
    restore_best: bool = False
    # chance, and what is kept for the time machine
    seed: int = 0
    deterministic: bool = False
    frames: int = 16

    def to_dict(self) -> Values:
        """As JSON has it (lists for tuples), so that two recipes compare equal when their files do."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @staticmethod
    def from_dict(values: Values) -> Recipe:
        return Recipe(**{**values, "lengths": tuple(values["lengths"])})
