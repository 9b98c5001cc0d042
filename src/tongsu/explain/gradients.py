"""Backpropagation, looked at: who is told what by the loss, layer by layer, word by word; and what a step changes.

Letters used in shapes: K classes, T words, H hidden units, L layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tongsu.errors import Problem
from tongsu.explain.arrays import array, plain
from tongsu.explain.gates import cell_of, way
from tongsu.explain.record import WEIGHTED, Step, evaluating, steps, within
from tongsu.models.logits import predicted, probabilities
from tongsu.models.resnet import BasicBlock, Bottleneck, SmallBlock
from tongsu.models.rnn import RNN

MOST = 100_000  # numbers of a layer's gradient that are handed on


def target_of(logits: Tensor, target: int | None) -> int:
    """The class that is asked about: the predicted one unless told. logits (1, K) or (1, 1)."""
    if target is None:
        return int(predicted(logits)[0])
    return within("target", target, max(logits.shape[-1], 2))


def loss_of(logits: Tensor, target: int) -> Tensor:
    """-log p(target) of logits (1, K) or (1, 1)."""
    if logits.shape[-1] == 1:
        return nn.functional.softplus(-logits[0, 0] if target == 1 else logits[0, 0])
    return -torch.log_softmax(logits[0], 0)[target]


@dataclass(frozen=True)
class Backpropagation:
    """For one example: what the loss tells each layer with weights, and what one step of an optimizer does with it."""

    target: int
    loss: float
    loss_after: float  # of the same example, with the weights that the step leads to
    first_order: float  # the change of the loss that the gradient promises: sum of gradient times update
    lr: float
    optimizer: str
    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]  # of each layer's weights
    probabilities: np.ndarray = array("class")
    probabilities_after: np.ndarray = array("class")
    weight_norm: np.ndarray = array("layer")
    gradient_norm: np.ndarray = array("layer")
    update_norm: np.ndarray = array("layer")
    output_gradients: tuple[np.ndarray | None, ...] = array("channel", "row", "column")  # d loss / d output, or (unit,)


def backpropagation(
    model: nn.Module, x: Tensor, target: int | None = None, lr: float = 0.1, optimizer: str = "sgd"
) -> Backpropagation:
    """x (1, ...). optimizer: "sgd", or "adam" in its first step. The model is left as it was."""
    if optimizer not in ("sgd", "adam"):
        raise Problem("explain.choice", what="optimizer", value=optimizer, known="sgd, adam")
    still = {id(p) for p in model.parameters() if not p.requires_grad}  # a recipe keeps these as they are
    still = still if len(still) < len(list(model.parameters())) else set()
    with learnable(model), torch.enable_grad():
        found, logits = steps(model, x)
        target = target_of(logits, target)
        loss = loss_of(logits, target)
        owned = {id(m): name for name, m in model.named_modules() if list(m.parameters(recurse=False))}
        names = list(owned.values())
        weights = {name: dict(model.get_submodule(name).named_parameters(recurse=False)) for name in names}
        flat = [(f"{name}.{part}" if name else part, p) for name in names for part, p in weights[name].items()]
        outputs = {step.name: step.output for step in found if step.name in weights and step.output.requires_grad}
        all_slopes = torch.autograd.grad(loss, [p for _, p in flat] + list(outputs.values()), allow_unused=True)
    slopes = {
        name: torch.zeros_like(p) if slope is None or id(p) in still else slope
        for (name, p), slope in zip(flat, all_slopes[: len(flat)], strict=True)
    }
    told = dict(zip(outputs, all_slopes[len(flat) :], strict=True))
    # Adam's first step: both averages are corrected to g and g², so it goes by the sign.
    updates = {n: -lr * (g if optimizer == "sgd" else g / (g.abs() + 1e-8)) for n, g in slopes.items()}
    with torch.no_grad(), evaluating(model):
        moved = {name: p + updates[name] for name, p in flat}
        after = torch.func.functional_call(model, moved, (x,))
    parts = [[f"{name}.{part}" if name else part for part in weights[name]] for name in names]
    parameters = dict(flat)
    return Backpropagation(
        target, float(loss.detach()), float(loss_of(after, target)),
        float(sum((slopes[n].double() * updates[n].double()).sum() for n in slopes)), lr, optimizer, tuple(names),
        tuple(tuple(next(iter(weights[name].values())).shape) for name in names),
        plain(probabilities(logits)[0]), plain(probabilities(after)[0]),
        np.array([_norm([parameters[n].detach() for n in part]) for part in parts]),
        np.array([_norm([slopes[n] for n in part]) for part in parts]),
        np.array([_norm([updates[n] for n in part]) for part in parts]),
        tuple(_short(told.get(name)) for name in names),
    )  # fmt: skip


def _norm(tensors: list[Tensor]) -> float:
    return float(torch.stack([value.double().square().sum() for value in tensors]).sum().sqrt())


def _short(slope: Tensor | None) -> np.ndarray | None:
    return plain(slope[0]) if slope is not None and slope[0].numel() <= MOST else None


class learnable:
    """Inside, every weight has a gradient, also those that a recipe keeps still; after, they are as they were."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model

    def __enter__(self) -> None:
        self.before = [(p, p.requires_grad) for p in self.model.parameters()]
        for p, _ in self.before:
            p.requires_grad_(True)

    def __exit__(self, *_: Any) -> None:
        for p, was in self.before:
            p.requires_grad_(was)


@dataclass(frozen=True)
class GradientsByStep:
    """How much of the loss each word's state still feels: norm of d loss / d h_t, for each layer and direction."""

    cell: str
    loss: float
    target: int
    series: tuple[str, ...]
    norms: np.ndarray = array("series", "word")


def gradients_by_step(model: RNN, tokens: Tensor, target: int | None = None) -> GradientsByStep:
    """tokens (1, T)."""
    with learnable(model), evaluating(model), torch.enable_grad():
        target = target_of(model(tokens).detach(), target)
        read, count = way(model, tokens)
        below, held, names = read.inputs, [], []
        final: list[Tensor] = []
        for depth in range(model.layers):
            outs, final = [], []
            for direction in ("forward", "backward")[: model.directions]:
                one = _again(model, below, depth, direction)
                states = [h for h, _ in one.states()]
                final.append(states[-1])
                in_place = states[::-1] if direction == "backward" else states
                held.append(in_place[len(in_place) - count :])
                names.append(f"{depth} {direction}")
                outs.append(torch.cat(in_place))  # (L, H)
            below = torch.cat(outs, dim=1)
        loss = loss_of(model.head(torch.cat(final, dim=1)), target)
        flat = [h for row in held for h in row]
        slopes = torch.autograd.grad(loss, flat, allow_unused=True)
    norms = np.array([0.0 if g is None else float(g.double().norm()) for g in slopes]).reshape(len(held), count)
    return GradientsByStep(cell_of(model), float(loss.detach()), target, tuple(names), norms)


def _again(model: RNN, x: Tensor, depth: int, direction: str) -> Any:
    from tongsu.explain.gates import _way

    return _way(model, x, depth, direction)


@dataclass(frozen=True)
class GradientsByDepth:
    """Norm of d loss / d output of each layer with weights, first layer first; and with the same weights, but the
    residual connections taken away."""

    target: int
    loss: float
    loss_without: float | None
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    norms: np.ndarray = array("layer")
    without: np.ndarray | None = array("layer")


def gradients_by_depth(model: nn.Module, x: Tensor, target: int | None = None) -> GradientsByDepth:
    """x (1, C, S, S)."""
    found, loss, target = _told(model, x, target)
    names = tuple(step.name for step, _ in found)
    without, loss_without = None, None
    if any(isinstance(module, BasicBlock | Bottleneck | SmallBlock) for module in model.modules()):
        with NoSkips(model):
            other, loss_without, _ = _told(model, x, target)
        by_name = {step.name: norm for step, norm in other}
        without = np.array([by_name.get(name, np.nan) for name in names])
        if all(getattr(module, "skip", True) is False for module in model.modules() if isinstance(module, SmallBlock)):
            without = without if any(not isinstance(m, SmallBlock) for m in _blocks(model)) else None
            loss_without = loss_without if without is not None else None
    kinds = tuple(step.kind for step, _ in found)
    return GradientsByDepth(target, loss, loss_without, names, kinds, np.array([n for _, n in found]), without)


def _blocks(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, BasicBlock | Bottleneck | SmallBlock)]


def _told(model: nn.Module, x: Tensor, target: int | None) -> tuple[list[tuple[Step, float]], float, int]:
    with learnable(model), torch.enable_grad():
        found, logits = steps(model, x)
        target = target_of(logits, target)
        loss = loss_of(logits, target)
        weighted = [step for step in found if step.kind in WEIGHTED and step.kind != "norm"]
        slopes = torch.autograd.grad(loss, [step.output for step in weighted], allow_unused=True)
    norms = [0.0 if slope is None else float(slope.double().norm()) for slope in slopes]
    return list(zip(weighted, norms, strict=True)), float(loss.detach()), target


class NoSkips(TorchFunctionMode):
    """Inside, a residual block puts out relu(f(x)) instead of relu(x + f(x)); its weights stay."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.blocks = _blocks(model)
        self.deep = 0
        self.hooks: list[Any] = []

    def __enter__(self) -> NoSkips:
        for block in self.blocks:
            self.hooks.append(block.register_forward_pre_hook(lambda *_: self._count(1)))
            self.hooks.append(block.register_forward_hook(lambda *_: self._count(-1)))
        return super().__enter__()

    def __exit__(self, *problem: Any) -> None:
        super().__exit__(*problem)
        for hook in self.hooks:
            hook.remove()

    def _count(self, change: int) -> None:
        self.deep += change

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if self.deep and getattr(func, "__name__", "") in ("add", "__add__"):
            shortcut, f = args[0], args[1]
            if isinstance(shortcut, Tensor) and isinstance(f, Tensor) and f.dim() == 4:
                return f * 1.0
        return func(*args, **(kwargs or {}))
