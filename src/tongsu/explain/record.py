"""Watching a net at work: every step from its input to its answer, by name, with what goes in and what comes out.

A step is a module (`hidden.0`, `blocks.3.conv2`) or, where a net calls a function, the module before it and the
function: `convolutions.0/max_pool`, `bn/relu`. Nothing about the net is changed; it answers as it does when it is
asked (evaluation mode, then back to the mode in which it was).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from tongsu.errors import Problem
from tongsu.models.rnn import RNN, WrittenOut, starts

KINDS = {  # functions of PyTorch by name, and what we call them
    "linear": "linear", "conv2d": "conv", "conv_transpose2d": "conv_transpose", "batch_norm": "norm",
    "layer_norm": "norm", "embedding": "embedding", "relu": "relu", "leaky_relu": "leaky_relu", "sigmoid": "sigmoid",
    "tanh": "tanh", "gelu": "gelu", "relu6": "relu6", "hardtanh": "relu6", "max_pool2d": "max_pool",
    "avg_pool2d": "avg_pool", "adaptive_avg_pool2d": "adaptive_pool", "add": "add", "__add__": "add",
    "scaled_dot_product_attention": "attention", "softmax": "softmax", "mean": "mean",
}  # fmt: skip
BENDS = ("relu", "leaky_relu", "sigmoid", "tanh", "gelu", "relu6")
WEIGHTED = ("linear", "conv", "conv_transpose", "norm", "embedding", "recurrent")


@dataclass(frozen=True)
class Step:
    name: str
    kind: str
    module: nn.Module | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    output: Tensor

    @property
    def input(self) -> Tensor:
        found: Tensor = self.args[0]
        return found


class _Watch(TorchFunctionMode):
    """Notes every function of KINDS that a net calls."""

    def __init__(self, names: dict[nn.Module, str]) -> None:
        super().__init__()
        self.names = names
        self.inside: list[nn.Module] = []
        self.steps: list[Step] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if kwargs.get("inplace"):
            kwargs["inplace"] = False  # what came before stays to be looked at
        output = func(*args, **kwargs)
        kind = KINDS.get(getattr(func, "__name__", ""))
        if kind and isinstance(output, Tensor) and not any(isinstance(m, WrittenOut) for m in self.inside):
            self.note(kind, args, kwargs, output)
        return output

    def note(self, kind: str, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        if kind == "add" and not (_same_shape(*args[:2]) and output.dim() > 2):
            return  # only where two ways through the net meet
        if kind == "mean" and args[0].dim() != 4:
            return
        top = self.inside[-1] if self.inside else None
        leaf = top if top is not None and not list(top.children()) else None
        if leaf is not None:
            name = self.names[leaf]
        else:
            name = f"{self.steps[-1].name.partition('/')[0] if self.steps else 'input'}/{kind}"
        taken = {step.name for step in self.steps}
        number = 2
        while name in taken:
            name = f"{name.rpartition('#')[0] or name}#{number}"
            number += 1
        self.steps.append(Step(name, kind, leaf, args, kwargs, output))


def _same_shape(a: Any, b: Any = None) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor) and a.shape == b.shape


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    was_training = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in was_training.items():
            module.training = mode


def steps(model: nn.Module, x: Tensor) -> tuple[list[Step], Tensor]:
    """All steps of one pass of x (B, ...), and the logits. The tensors keep their graph where gradients are on."""
    watch = _Watch({module: name for name, module in model.named_modules()})

    def enter(module: nn.Module, _inputs: Any) -> None:
        watch.inside.append(module)

    def leave(_module: nn.Module, _inputs: Any, _output: Any) -> None:
        watch.inside.pop()

    with ExitStack() as stack:
        for module in model.modules():
            stack.callback(module.register_forward_pre_hook(enter).remove)
            stack.callback(module.register_forward_hook(leave, always_call=True).remove)
        stack.enter_context(evaluating(model))
        with watch:
            logits = model(x)
    return watch.steps, logits


def bend_behind(found: list[Step], step: Step) -> str:
    """The activation function that a step's output goes through (max-pooling may stand between), or ""."""
    for after in found[found.index(step) + 1 :]:
        if after.kind in BENDS and after.output.shape[1] == step.output.shape[1]:
            return after.kind
        if after.kind != "max_pool":
            break
    return ""


def bend(name: str, value: float) -> float:
    """One number through an activation function; "" leaves it."""
    if not name:
        return value
    function = getattr(torch.nn.functional, name)
    slope = (0.01,) if name == "leaky_relu" else ()
    return float(function(torch.tensor(value, dtype=torch.float64), *slope))


def named(found: list[Step], layer: str | None, kinds: tuple[str, ...], last: bool = False) -> Step:
    """The step of that name; None: the first (or last) of these kinds. Raises Problem, naming those there are."""
    fitting = [step for step in found if step.kind in kinds]
    if layer is None and fitting:
        return fitting[-1 if last else 0]
    for step in fitting:
        if step.name == layer:
            return step
    raise Problem("explain.no_layer", layer=layer or "–", known=", ".join(step.name for step in fitting) or "–")


def within(what: str, value: int, count: int) -> int:
    """Raise Problem unless 0 <= value < count."""
    if not 0 <= value < count:
        raise Problem("explain.out_of_range", what=what, value=value, last=count - 1)
    return value


def at_least(what: str, value: float, least: float) -> None:
    if value < least:
        raise Problem("explain.at_least", what=what, value=value, least=least)


def sentence(model: nn.Module, tokens: Tensor) -> tuple[Tensor, int]:
    """What a net of texts reads of tokens (1, T), and how many words of it there are. Padding is cut off where the
    net skips it; where it reads it, the words are the last ones. Raises Problem when there is no word."""
    begin = int(starts(tokens)[0])
    count = tokens.shape[1] - begin
    if not count:
        raise Problem("explain.no_words")
    reads_padding = isinstance(model, RNN) and model.padding == "read"
    return (tokens if reads_padding else tokens[:, begin:]), count
