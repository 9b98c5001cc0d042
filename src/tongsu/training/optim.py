"""Optimisers, learning-rate schedules and the moving average of the weights: small functions of a recipe."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from tongsu.errors import Problem
from tongsu.training.muon import Muon
from tongsu.training.recipe import Recipe, Values


def without_compiler(kind: type[Optimizer]) -> type[Optimizer]:
    """`kind` as it is written, without the wrappers through which torch.compile might look at it: they import the
    whole compiler at the first update, a second that everybody would wait for and nobody here uses."""
    doors = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    plain = {name: inspect.unwrap(getattr(kind, name)) for name in doors}
    return type(kind.__name__, (kind,), {**plain, "step": torch.no_grad()(inspect.unwrap(kind.step))})


PlainAdam, PlainAdamW, PlainSGD, PlainMuon = (without_compiler(kind) for kind in (Adam, AdamW, SGD, Muon))
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    # epsilon as in Keras; `fused` does the whole update in one pass over memory.
    "adam": lambda parameters, **values: PlainAdam(parameters, **{"eps": 1e-7, "fused": True, **values}),
    "adamw": lambda parameters, **values: PlainAdamW(parameters, **{"eps": 1e-7, "fused": True, **values}),
    "sgd": lambda parameters, *, momentum=0.9, **values: PlainSGD(
        parameters, **{"momentum": momentum, "nesterov": momentum > 0, "fused": True, **values}
    ),
    "muon": PlainMuon,
}


def optimizer_for(recipe: Recipe, parameters: Iterable[Tensor] | list[Values], **values: object) -> Optimizer:
    """Of tensors, or of groups of them as `groups` makes."""
    arguments: Values = {"lr": recipe.lr, **recipe.optimizer_args, **values}
    learned: Any = [p for p in parameters if isinstance(p, dict) or p.requires_grad]
    try:
        return OPTIMIZERS[recipe.optimizer](learned, **arguments)
    except TypeError as error:
        raise Problem("train.optimizer_argument", optimizer=recipe.optimizer, reason=error) from None


def groups(recipe: Recipe, model: nn.Module) -> Iterable[Tensor] | list[Values]:
    """What an optimizer gets: all weights alike, or, where `layer_rate` is below 1, groups from the input to the
    last layer, each with its `share` of the rate (Howard & Ruder 2018)."""
    if recipe.layer_rate == 1:
        return model.parameters()
    depths: dict[str, list[Tensor]] = {}
    for name, value in model.named_parameters():
        if value.requires_grad:
            numbered = re.match(r"(blocks\.\d+|layer\d+)\.", name)
            depths.setdefault(numbered[1] if numbered else name.partition(".")[0], []).append(value)
    names = list(depths)  # in the order in which the model is written down: from input to output
    first = next((at for at, name in enumerate(names) if re.match(r"blocks|layer", name)), 0)
    last = max((at for at, name in enumerate(names) if re.match(r"blocks|layer", name)), default=0)
    shares = [recipe.layer_rate ** (last + 1 - min(max(at, first - 1), last + 1)) for at in range(len(names))]
    return [
        {"params": depths[name], "lr": recipe.lr * share, "share": share}
        for name, share in zip(names, shares, strict=True)
    ]


def rate(recipe: Recipe, done: float) -> float:
    """The learning rate as a share of `recipe.lr` when the share `done` (0..1) of all steps is behind us.

    onecycle: linear up during `warmup`, then linear down to zero (Smith & Topin 2018, without their last tail);
    cosine: the same with half a cosine down (Loshchilov & Hutter 2017); linear: only down; constant: 1.
    """
    if recipe.schedule == "constant":
        return 1.0
    if done < recipe.warmup:
        return max(done, 1e-3) / recipe.warmup
    left = (1.0 - done) / max(1.0 - recipe.warmup, 1e-9)
    return 0.5 - 0.5 * math.cos(math.pi * left) if recipe.schedule == "cosine" else left


def set_rate(optimizers: Iterable[Optimizer], share: float) -> None:
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group.setdefault("peak_lr", group["lr"])
            group["lr"] = group["peak_lr"] * share


class MovingAverage:
    """Exponential moving average of weights and of BatchNorm statistics (Polyak & Juditsky 1992).

    Early on the average forgets faster, (1 + n) / (10 + n), so that the random start does not linger.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.values = {name: value.detach().clone() for name, value in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, parts: tuple[str, ...] | None = None) -> None:
        """`parts`: only these parts of the model have learned; the average of the others stays as it is."""
        self.updates += 1
        weight = 1.0 - min(self.decay, (1 + self.updates) / (10 + self.updates))
        mine, theirs = [], []
        for name, value in model.state_dict().items():
            if parts is not None and name.partition(".")[0] not in parts:
                continue
            if value.dtype.is_floating_point:
                mine.append(self.values[name])
                theirs.append(value)
            else:
                self.values[name].copy_(value)
        torch._foreach_lerp_(mine, theirs, weight)
