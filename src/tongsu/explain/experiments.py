"""Breaking a net on purpose: what it still knows without a unit, with other weights, another bend, a moved picture.

Every experiment is made on the model itself and undone before it returns.
Letters used in shapes: N examples, C channels, S side, H units, K classes, R resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tongsu.errors import Problem
from tongsu.explain.arrays import array, plain
from tongsu.explain.layers import AT_ONCE
from tongsu.explain.record import BENDS, at_least, evaluating, steps, within
from tongsu.models.logits import predicted, probabilities
from tongsu.models.mlp import ACTIVATIONS

MOST_UNITS = 256  # of a layer that are switched off one by one


@torch.no_grad()
def answers(model: nn.Module, x: Tensor) -> Tensor:
    """Logits of x (N, ...)."""
    with evaluating(model):
        return torch.cat([model(part) for part in x.split(AT_ONCE)])


def accuracy(logits: Tensor, targets: Tensor) -> float:
    return float((predicted(logits) == targets).double().mean())


def agreement(logits: Tensor, others: Tensor) -> float:
    """Share of the examples with the same answer."""
    return float((predicted(logits) == predicted(others)).double().mean())


def mean_loss(logits: Tensor, targets: Tensor) -> float:
    """Mean of -log p(target)."""
    chances = probabilities(logits.double()).clamp(min=1e-300)
    return float(-chances.gather(1, targets[:, None]).log().mean())


# Units switched off ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ablation:
    """Some units of a layer put out 0 for every example; `per_unit` is the accuracy with only that one at 0."""

    layer: str
    units: tuple[int, ...]
    accuracy: float
    accuracy_after: float
    loss: float
    loss_after: float
    changed: float  # share of the examples that get another answer
    per_unit: np.ndarray | None = array("unit")  # None when the layer has more than 256


def ablation(
    model: nn.Module, x: Tensor, targets: Tensor, layer: str | None = None, units: Sequence[int] | None = None
) -> Ablation:
    """x (N, ...), targets (N,). The first layer, and all of its units, unless told."""
    known = hidden_layers(model)
    name = next(iter(known), "–") if layer is None else layer
    if name not in known:
        raise Problem("explain.no_layer", layer=name, known=", ".join(known) or "–")
    width, where = len(cast(Tensor, known[name].weight)), bend_of(model, name)
    chosen = tuple(range(width)) if units is None else tuple(within("unit", unit, width) for unit in units)
    whole = answers(model, x)
    with silenced(where, chosen):
        broken = answers(model, x)
    alone = []
    for unit in range(width) if width <= MOST_UNITS else ():
        with silenced(where, (unit,)):
            alone.append(accuracy(answers(model, x), targets))
    return Ablation(
        name, chosen, accuracy(whole, targets), accuracy(broken, targets), mean_loss(whole, targets),
        mean_loss(broken, targets), 1 - agreement(whole, broken), np.array(alone) if alone else None,
    )  # fmt: skip


@contextmanager
def silenced(module: nn.Module, units: Sequence[int]) -> Iterator[None]:
    """The units' outputs are 0: channels of maps (N, C, S, S), features of vectors (N, [T,] H)."""

    def hook(_module: nn.Module, _inputs: Any, output: Tensor) -> Tensor:
        at = torch.tensor(units, dtype=torch.int64, device=output.device)
        return output.index_fill(1 if output.dim() == 4 else -1, at, 0.0)

    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def hidden_layers(model: nn.Module) -> dict[str, nn.Module]:
    """All convolutions and Linears but the last, which is the answer."""
    found = {name: module for name, module in model.named_modules() if isinstance(module, nn.Linear | nn.Conv2d)}
    return dict(list(found.items())[:-1])


def bend_of(model: nn.Module, name: str) -> nn.Module:
    """Where a unit of a layer is switched off: behind its activation function or BatchNorm, where these are modules
    (they make something of 0), else the layer itself (ReLU leaves 0 as it is)."""
    parent, _, last = name.rpartition(".")
    siblings = dict(model.get_submodule(parent).named_children())
    names = list(siblings)
    for other in (last.replace("conv", "bn"), *names[names.index(last) + 1 :][:1]):
        if other != last and isinstance(siblings.get(other), (*ACTIVATIONS.values(), nn.BatchNorm2d)):
            return siblings[other]
    return siblings[last]


# Weights disturbed -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class WeightNoise:
    """Accuracy with normal noise on every weight matrix; `levels` are shares of its own spread."""

    original: float
    without_biases: float
    levels: np.ndarray = array("level")
    accuracy: np.ndarray = array("level", "repeat")


def weight_noise(
    model: nn.Module, x: Tensor, targets: Tensor, most: float = 1.0, levels: int = 6, repeats: int = 3, seed: int = 0
) -> WeightNoise:
    """x (N, ...), targets (N,). Level 0 is the net as it is."""
    for what, value, least in (("levels", levels, 2), ("repeats", repeats, 1), ("most", most, 0)):
        at_least(what, value, least)
    chance = torch.Generator().manual_seed(seed)
    noisy = np.linspace(0, most, levels)

    def shaken(level: float) -> dict[str, Tensor]:
        return {
            name: p + level * p.std() * torch.randn(p.shape, generator=chance).to(p)
            for name, p in model.named_parameters() if p.dim() > 1
        }  # fmt: skip

    rows = [[accuracy(_with(model, x, shaken(level)), targets) for _ in range(repeats)] for level in noisy]
    bare = {n: torch.zeros_like(p) for n, p in model.named_parameters() if n.rpartition(".")[2].startswith("bias")}
    return WeightNoise(
        accuracy(answers(model, x), targets), accuracy(_with(model, x, bare), targets), noisy, np.array(rows)
    )


@torch.no_grad()
def _with(model: nn.Module, x: Tensor, changed: dict[str, Tensor]) -> Tensor:
    with evaluating(model):
        return torch.cat([torch.func.functional_call(model, changed, (part,)) for part in x.split(AT_ONCE)])


# Another bend ----------------------------------------------------------------------------------------------------


class Exchanged(TorchFunctionMode):
    """Inside, every activation function of a net is this one."""

    def __init__(self, bend: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.bend = bend

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", "") in BENDS:
            return self.bend(args[0])
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class Exchange:
    """The same weights with every bend replaced. They were learned with `original`, so the others show what a net
    relies on."""

    original: str
    names: tuple[str, ...]
    accuracy: np.ndarray = array("function")
    agreement: np.ndarray = array("function")  # share of the examples with the answer of the original


def activation_exchange(model: nn.Module, x: Tensor, targets: Tensor) -> Exchange:
    """x (N, ...), targets (N,). A fused recurrent kernel keeps its own; what stands around it is replaced."""
    with torch.no_grad():
        met = [step.kind for step in steps(model, x[:1])[0] if step.kind in BENDS]
    if not met:
        raise Problem("explain.no_bend")
    whole = answers(model, x)
    others = []
    for kind in ACTIVATIONS.values():
        with Exchanged(kind()):
            others.append(answers(model, x))
    return Exchange(
        max(set(met), key=met.count), tuple(ACTIVATIONS), np.array([accuracy(o, targets) for o in others]),
        np.array([agreement(whole, o) for o in others]),
    )  # fmt: skip


# A moved picture -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Shift:
    """Accuracy when every picture is moved by so many pixels; background comes in."""

    direction: str
    distances: np.ndarray = array("shift")
    accuracy: np.ndarray = array("shift")
    agreement: np.ndarray = array("shift")  # share of the examples that keep their answer


DIRECTIONS = {"horizontal": (0, 1), "vertical": (1, 0), "diagonal": (1, 1)}


def moved(x: Tensor, down: int, right: int, background: Tensor | None) -> Tensor:
    """Pictures (N, C, S, S) moved without wrapping round; background (C,), zeros without."""
    height, width = x.shape[2:]
    empty = x.new_zeros(1, x.shape[1], 1, 1) if background is None else background.to(x).view(1, -1, 1, 1)
    new = empty.expand_as(x).clone()
    if abs(down) < height and abs(right) < width:
        new[:, :, max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0)] = x[
            :, :, max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0)
        ]
    return new


def shift(
    model: nn.Module, x: Tensor, targets: Tensor, background: Tensor | None = None, most: int = 8,
    direction: str = "horizontal",
) -> Shift:  # fmt: skip
    """x (N, C, S, S), targets (N,)."""
    if direction not in DIRECTIONS:
        raise Problem("explain.choice", what="direction", value=direction, known=", ".join(DIRECTIONS))
    if x.dim() != 4:
        raise Problem("explain.pictures_only")
    within("most", most, min(x.shape[2:]))
    down, right = DIRECTIONS[direction]
    distances = range(-most, most + 1)
    given = [answers(model, moved(x, d * down, d * right, background)) for d in distances]
    return Shift(
        direction, np.array(distances), np.array([accuracy(g, targets) for g in given]),
        np.array([agreement(given[most], g) for g in given]),
    )  # fmt: skip


# The plane -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DecisionMap:
    """A net of two inputs over a square: its answer, and every hidden unit after its activation function."""

    names: tuple[str, ...]
    x: np.ndarray = array("column")
    y: np.ndarray = array("row")  # from the lowest
    probabilities: np.ndarray = array("class", "row", "column")
    units: tuple[np.ndarray, ...] = array("unit", "row", "column")


@torch.no_grad()
def decision_map(model: nn.Module, low: float = -3.0, high: float = 3.0, resolution: int = 64) -> DecisionMap:
    """For a net that reads (N, 2): the first number to the right, the second upward."""
    if not low < high or not 2 <= resolution <= 256:
        raise Problem("explain.square", low=low, high=high, resolution=resolution)
    ticks = torch.linspace(low, high, resolution)
    rows, columns = torch.meshgrid(ticks, ticks, indexing="ij")
    grid = torch.stack([columns.flatten(), rows.flatten()], 1).to(next(model.parameters()))  # (R·R, 2)
    found, logits = steps(model, grid)
    bends = [step for step in found if step.kind in BENDS]
    R = resolution
    return DecisionMap(
        tuple(step.name for step in bends), plain(ticks), plain(ticks),
        plain(probabilities(logits).T.reshape(-1, R, R)),
        tuple(plain(step.output.T.reshape(-1, R, R)) for step in bends),
    )  # fmt: skip
