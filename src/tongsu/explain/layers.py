"""Layer by layer: what each step of a net puts out, what its units look for, which of them never speak.

Letters used in shapes: S steps, H units, C channels, K classes, N examples, T words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from tongsu.errors import Problem
from tongsu.explain.arrays import array, plain
from tongsu.explain.record import BENDS, Step, evaluating, named, sentence, steps, within
from tongsu.models.logits import predicted, probabilities
from tongsu.models.mlp import ACTIVATIONS
from tongsu.models.rnn import RNN

AT_ONCE = 250  # examples: bounds the memory of large maps
DRILLS = {"linear": "unit", "conv": "pixel", "max_pool": "pool", "avg_pool": "pool"}


@torch.no_grad()
def watched(model: nn.Module, x: Tensor) -> tuple[list[Step], Tensor]:
    """Steps and logits of one example x (1, ...); of a sentence only its words, whatever it is padded to."""
    if x.dtype.is_floating_point:
        return steps(model, x)
    read, count = sentence(model, x)
    found, logits = steps(model, read)
    if isinstance(model, RNN):
        with evaluating(model):
            states = model.states(read)
        recurrent = Step("recurrent", "recurrent", model.recurrent, (read,), {}, states)
        at = next(i for i, step in enumerate(found) if step.kind == "embedding")
        found = [*found[: at + 1], recurrent, *found[at + 1 :]]
    words = read.shape[1]
    return [
        Step(s.name, s.kind, s.module, s.args, s.kwargs, s.output[:, words - count :])
        if s.output.dim() == 3 and s.output.shape[1] == words != count else s
        for s in found
    ], logits  # fmt: skip


@dataclass(frozen=True)
class Layers:
    """What a net is made of, and what each step costs for one example."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    parameters: np.ndarray = array("step")
    multiplications: np.ndarray = array("step")
    dense: np.ndarray = array("step")  # parameters of a dense layer that does a convolution's work; else 0
    local: np.ndarray = array("step")  # the same with a kernel for each place, nothing shared; else 0
    views: tuple[str, ...] = ()  # the view that shows one number of the step


def layers(model: nn.Module, x: Tensor) -> Layers:
    """x (1, ...)."""
    found, _ = watched(model, x)
    counts = np.zeros((4, len(found)), dtype=np.int64)
    for at, step in enumerate(found):
        if step.module is not None:
            counts[0, at] = sum(p.numel() for p in step.module.parameters(recurse=False))
        if step.kind == "linear":
            counts[1, at] = step.args[1].numel() * (step.output[0].numel() // step.output.shape[-1])
        elif step.kind == "conv":
            weight, places = step.args[1].numel(), step.output[0, 0].numel()
            bias = step.args[2] is not None if len(step.args) > 2 else step.kwargs.get("bias") is not None
            counts[1, at] = weight * places
            counts[2, at] = step.input[0].numel() * step.output[0].numel() + bias * step.output[0].numel()
            counts[3, at] = weight * places + bias * step.output[0].numel()
    return Layers(
        tuple(step.name for step in found), tuple(step.kind for step in found),
        tuple(tuple(step.output.shape[1:]) for step in found), counts[0], counts[1], counts[2], counts[3],
        tuple(DRILLS.get(step.kind, "") for step in found),
    )  # fmt: skip


@dataclass(frozen=True)
class Activation:
    """What one step puts out; None where it is longer than was asked for."""

    name: str
    kind: str
    shape: tuple[int, ...]
    values: np.ndarray | None = array("channel", "row", "column")  # or (unit,), or (word, unit)


@dataclass(frozen=True)
class Activations:
    steps: tuple[Activation, ...]
    probabilities: np.ndarray = array("class")


def activations(model: nn.Module, x: Tensor, layer: str | None = None, most: int = 100_000) -> Activations:
    """Every step for one example x (1, ...), or one of them; `most`: numbers of a step beyond which it is left out."""
    found, logits = watched(model, x)
    if layer is not None:
        found = [named(found, layer, tuple({step.kind for step in found}))]
        most = max(most, found[0].output[0].numel())
    return Activations(
        tuple(
            Activation(step.name, step.kind, tuple(step.output.shape[1:]),
                       plain(step.output[0]) if step.output[0].numel() <= most else None)
            for step in found
        ),
        plain(probabilities(logits)[0]),
    )  # fmt: skip


@dataclass(frozen=True)
class FirstWeights:
    """What each unit of the first layer looks for."""

    layer: str
    tiles: np.ndarray = array("unit", "channel", "row", "column")
    bias: np.ndarray = array("unit")  # zeros where there is none


def first_weights(model: nn.Module) -> FirstWeights:
    """Kernels; or rows of a perceptron's weights, laid out as the square picture that they read."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            tiles = module.weight
        elif isinstance(module, nn.Linear):
            tiles = module.weight.view(len(module.weight), *square(module.in_features))
        else:
            continue
        bias = module.bias if module.bias is not None else module.weight.new_zeros(len(module.weight))
        return FirstWeights(name, plain(tiles), plain(bias))
    raise Problem("explain.no_layer", layer="–", known="–")


def square(inputs: int) -> tuple[int, int, int]:
    """(C, S, S) of a picture with so many numbers, one channel or three. Raises Problem when there is none."""
    for channels in (1, 3):
        side = round((inputs / channels) ** 0.5)
        if channels * side * side == inputs:
            return channels, side, side
    raise Problem("explain.not_a_picture", inputs=inputs)


@dataclass(frozen=True)
class Wires:
    """What flows along the strongest connections into a layer: input times weight."""

    layer: str
    sources: np.ndarray = array("wire")
    targets: np.ndarray = array("wire")
    values: np.ndarray = array("wire")
    inputs: np.ndarray = array("source")
    outputs: np.ndarray = array("target")  # sums, before the bend


def wires(model: nn.Module, x: Tensor, layer: str | None = None, count: int = 100) -> Wires:
    """x (1, ...). Strongest first."""
    found, _ = watched(model, x)
    step = named(found, layer, ("linear",))
    inputs = plain(step.input[0])  # (D,)
    flows = plain(step.args[1]) * inputs  # (H, D)
    order = np.argsort(-np.abs(flows), axis=None, kind="stable")[: max(count, 0)]
    targets, sources = np.unravel_index(order, flows.shape)
    return Wires(step.name, sources, targets, flows.ravel()[order], inputs, plain(step.output[0]))


@dataclass(frozen=True)
class ActivationFunctions:
    names: tuple[str, ...]
    used: str  # the one that this net has most of, or ""
    x: np.ndarray = array("point")
    y: np.ndarray = array("function", "point")
    derivative: np.ndarray = array("function", "point")


def activation_functions(model: nn.Module, low: float = -4.0, high: float = 4.0) -> ActivationFunctions:
    if not low < high:
        raise Problem("explain.at_least", what="high", value=high, least=low)
    x = torch.linspace(low, high, 161, dtype=torch.float64, requires_grad=True)
    ys = [kind()(x) for kind in ACTIVATIONS.values()]
    slopes = [torch.autograd.grad(y.sum(), x)[0] for y in ys]
    kinds = [name for m in model.modules() for name, kind in ACTIVATIONS.items() if type(m) is kind]
    used = max(set(kinds), key=kinds.count) if kinds else ""
    return ActivationFunctions(tuple(ACTIVATIONS), used, plain(x), plain(torch.stack(ys)), plain(torch.stack(slopes)))


@dataclass(frozen=True)
class DeadUnits:
    """How often each unit speaks: the share of the examples on which it is above 0 after its activation function."""

    names: tuple[str, ...]
    active: tuple[np.ndarray, ...] = array("unit")
    dead: np.ndarray = array("layer")
    units: np.ndarray = array("layer")


@torch.no_grad()
def dead_units(model: nn.Module, x: Tensor, targets: Tensor) -> DeadUnits:
    """x (N, ...). A channel of maps speaks where any place of it does."""
    speaks: dict[str, Tensor] = {}
    for part in x.split(AT_ONCE):
        for step in steps(model, part)[0]:
            if step.kind in BENDS and not (step.module is None and step.output.dim() == 3):
                loud = step.output.abs() > 1e-7  # (n, H, ...)
                loud = loud.flatten(2).any(2) if loud.dim() == 4 else loud.flatten(0, -2) if loud.dim() == 3 else loud
                speaks[step.name] = speaks.get(step.name, torch.zeros(loud.shape[1])) + loud.double().sum(0).cpu() / (
                    len(loud) * len(x) / len(part))  # fmt: skip
    if not speaks:
        raise Problem("explain.no_bend")
    active = tuple(plain(share) for share in speaks.values())
    return DeadUnits(
        tuple(speaks), active, np.array([int((a == 0).sum()) for a in active]), np.array([len(a) for a in active])
    )


@dataclass(frozen=True)
class Plane:
    """Where points of H numbers are laid flat: point = (h - mean) axes^T."""

    mean: np.ndarray = array("unit")
    axes: np.ndarray = array("axis", "unit")  # (2, H), of length 1
    explained: np.ndarray = array("axis")  # share of the spread along each


def plane_of(points: np.ndarray) -> Plane:
    """The plane in which points (N, H) spread most (Pearson 1901); each axis points to its largest number."""
    mean = points.mean(0)
    _, sizes, directions = np.linalg.svd(points - mean, full_matrices=False)
    axes = np.zeros((2, points.shape[1]))
    axes[: min(2, len(directions))] = directions[:2]
    signs = np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])
    explained = np.zeros(2)
    explained[: min(2, len(sizes))] = sizes[:2] ** 2 / max(float((sizes**2).sum()), 1e-300)
    return Plane(mean, axes * np.where(signs == 0, 1, signs)[:, None], explained)


def laid_flat(points: np.ndarray, plane: Plane) -> np.ndarray:
    return cast(np.ndarray, (points - plane.mean) @ plane.axes.T)


@dataclass(frozen=True)
class EmbeddingMap:
    """What the last layer reads, of many examples, laid flat."""

    layer: str
    plane: Plane
    points: np.ndarray = array("example", "axis")
    targets: np.ndarray = array("example")
    predicted: np.ndarray = array("example")


@torch.no_grad()
def embedding_map(model: nn.Module, x: Tensor, targets: Tensor, plane: Plane | None = None) -> EmbeddingMap:
    """x (N, ...), targets (N,). plane: of another frame, so that a film does not turn."""
    read, said, name = [], [], ""
    for part in x.split(AT_ONCE):
        found, logits = steps(model, part)
        last = named(found, None, ("linear",), last=True)
        name = last.name
        read.append(last.input.flatten(1))
        said.append(predicted(logits))
    hidden = plain(torch.cat(read))  # (N, H)
    if plane is not None:
        within("plane", len(plane.mean), hidden.shape[1] + 1)
    plane = plane or plane_of(hidden)
    return EmbeddingMap(name, plane, laid_flat(hidden, plane), plain(targets), plain(torch.cat(said)))
