"""All views in one list, so that the command line, the studio and the tests walk the same one.

    view = VIEWS["unit"]
    answer = view.function(model, x, layer="hidden.0", unit=3)     # a frozen dataclass of arrays
    as_json(answer)                                               # the same for the wire
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from torch import nn

from tongsu.explain import (
    arithmetic,
    attention,
    attribution,
    budgets,
    collapse,
    experiments,
    gates,
    gradients,
    latent,
    layers,
    neighbours,
    trajectory,
)
from tongsu.models import (
    CNN,
    GAN,
    MLP,
    RNN,
    VGG,
    EfficientNetLite,
    LeNet5,
    MiniLM,
    ResNet,
    SmallResNet,
    Transformer,
)

Kind = Literal["integer", "number", "text", "choice", "layer", "integers"]
Input = Literal["one", "batch", "real", "none"]
Fits = Callable[[nn.Module], bool]


@dataclass(frozen=True)
class Parameter:
    """One thing that a person may set. default None: the view chooses."""

    name: str
    kind: Kind
    default: Any = None
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class View:
    """What `function` is given after the model: x (1, ...) of one example; or x (N, ...) and targets (N,) of a batch;
    or real pictures (N, 1, 28, 28) in [-1, 1]; or nothing; and then parameters, and what GIVEN names, by name."""

    function: Callable[..., Any]
    input: Input
    fits: Fits

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """Read from the function's own signature, so that they cannot differ from it."""
        found = inspect.signature(self.function).parameters.values()
        return tuple(_parameter(one) for one in found if one.name not in GIVEN)

    def takes(self, name: str) -> bool:
        return name in inspect.signature(self.function).parameters


# A person does not set these by hand.
GIVEN = ("model", "x", "tokens", "targets", "background", "plane", "trials", "game")
CHOICES = {
    "optimizer": ("sgd", "adam"),
    "direction": ("forward", "backward"),
    "method": ("integrated-gradients", "grad-cam", "occlusion"),
    "cause": tuple(collapse.CAUSES),
    "cure": tuple(collapse.CURES),
}
SHIFTS = ("horizontal", "vertical", "diagonal")
LEAST = {  # of what is not counted from 0
    "count": 1, "size": 1, "kernel": 1, "stride": 1, "dilation": 1, "steps": 2, "bins": 2, "levels": 2, "repeats": 1,
    "average": 1, "resolution": 2, "learned": 20, "epochs": 1, "seeds": 1, "collapsing": 1,
}  # fmt: skip
MOST = {
    "resolution": 256, "count": 400, "steps": 512, "bins": 200, "levels": 40, "repeats": 20, "average": 100,
    "epochs": 50, "seeds": 20, "collapsing": 1000, "curing": 1000,
}  # fmt: skip


def _parameter(found: inspect.Parameter) -> Parameter:
    name, default, hint = found.name, found.default, str(found.annotation)
    if name in CHOICES:
        choices = SHIFTS if default in SHIFTS else CHOICES[name]
        return Parameter(name, "choice", default, choices)
    if name == "layer":
        return Parameter(name, "layer", default)
    if "Sequence" in hint:
        return Parameter(name, "integers", default, minimum=0)
    if "int" in hint:
        return Parameter(name, "integer", default, minimum=LEAST.get(name, 0), maximum=MOST.get(name))
    return Parameter(name, "text" if "str" in hint else "number", default)


def schema(parameter: Parameter) -> dict[str, Any]:
    """JSON Schema of one value."""
    kinds: dict[str, dict[str, Any]] = {
        "integer": {"type": "integer"}, "number": {"type": "number"}, "text": {"type": "string"},
        "layer": {"type": "string"}, "choice": {"enum": list(parameter.choices)},
        "integers": {"type": "array", "items": {"type": "integer", "minimum": 0}},
    }  # fmt: skip
    found = dict(kinds[parameter.kind])
    if parameter.kind in ("integer", "number"):
        for word, limit in (("minimum", parameter.minimum), ("maximum", parameter.maximum)):
            if limit is not None:
                found[word] = limit
    return found


# Which models a view fits --------------------------------------------------------------------------------------


def inputs_of(model: nn.Module) -> int:
    """How many numbers a perceptron reads."""
    return next(module for module in model.modules() if isinstance(module, nn.Linear)).in_features


def is_points(model: nn.Module) -> bool:
    return isinstance(model, MLP) and inputs_of(model) < 16


def any_model(model: nn.Module) -> bool:
    return True


def classifier(model: nn.Module) -> bool:
    return not isinstance(model, GAN)


def convolutional(model: nn.Module) -> bool:
    return isinstance(model, CNN | LeNet5 | VGG | ResNet | SmallResNet | EfficientNetLite)


def of_pictures(model: nn.Module) -> bool:
    return convolutional(model) or (isinstance(model, MLP) and not is_points(model))


def of_texts(model: nn.Module) -> bool:
    return isinstance(model, RNN | Transformer | MiniLM)


def pooled(model: nn.Module) -> bool:
    return isinstance(model, CNN | LeNet5 | VGG | ResNet)


def recurrent(model: nn.Module) -> bool:
    return isinstance(model, RNN)


def bidirectional(model: nn.Module) -> bool:
    return isinstance(model, RNN) and model.directions == 2


def attentive(model: nn.Module) -> bool:
    return isinstance(model, Transformer | MiniLM)


def perceptron(model: nn.Module) -> bool:
    return isinstance(model, MLP)


def planar(model: nn.Module) -> bool:
    return isinstance(model, MLP) and inputs_of(model) == 2


def not_text(model: nn.Module) -> bool:
    return perceptron(model) or convolutional(model)


def pictures_or_texts(model: nn.Module) -> bool:
    return of_pictures(model) or of_texts(model)


def adversarial(model: nn.Module) -> bool:
    return isinstance(model, GAN)


def usual(model: nn.Module) -> bool:
    """Whether it is trained from chance in seconds, and we know what to compare it with."""
    return isinstance(model, tuple(kind for kind, _ in budgets.USUAL))


def small_residual(model: nn.Module) -> bool:
    return isinstance(model, SmallResNet)


VIEWS: dict[str, View] = {
    # layer by layer
    "layers": View(layers.layers, "one", classifier),
    "activations": View(layers.activations, "one", classifier),
    "first-weights": View(layers.first_weights, "none", of_pictures),
    "wires": View(layers.wires, "one", perceptron),
    # one number, and its terms
    "unit": View(arithmetic.unit, "one", classifier),
    "pixel": View(arithmetic.pixel, "one", convolutional),
    "pool": View(arithmetic.pool, "one", pooled),
    "activation-functions": View(layers.activation_functions, "none", any_model),
    "dead-units": View(layers.dead_units, "batch", not_text),
    # how it learns
    "backpropagation": View(gradients.backpropagation, "one", classifier),
    "gradients-by-step": View(gradients.gradients_by_step, "one", recurrent),
    "gradients-by-depth": View(gradients.gradients_by_depth, "one", not_text),
    # texts
    "gates": View(gates.gates, "one", recurrent),
    "gate-numbers": View(gates.gate_numbers, "one", recurrent),
    "trajectory": View(trajectory.trajectory, "one", of_texts),
    "running-prediction": View(trajectory.running, "one", of_texts),
    "directions": View(gates.directions, "one", bidirectional),
    "neighbours": View(neighbours.neighbours, "one", of_texts),
    "attention": View(attention.attention, "one", attentive),
    "attention-maps": View(attention.attention_maps, "one", attentive),
    # what an answer rests on
    "integrated-gradients": View(attribution.integrated_gradients, "one", classifier),
    "grad-cam": View(attribution.grad_cam, "one", convolutional),
    "occlusion": View(attribution.occlusion, "one", pictures_or_texts),
    "deletion": View(attribution.deletion, "one", pictures_or_texts),
    # break it
    "shift": View(experiments.shift, "batch", of_pictures),
    "decision-map": View(experiments.decision_map, "none", planar),
    "ablation": View(experiments.ablation, "batch", not_text),
    "weight-noise": View(experiments.weight_noise, "batch", classifier),
    "activation-exchange": View(experiments.activation_exchange, "batch", classifier),
    "embedding-map": View(layers.embedding_map, "batch", classifier),
    # the game
    "samples": View(latent.samples, "none", adversarial),
    "interpolation": View(latent.interpolation, "none", adversarial),
    "latent-arithmetic": View(latent.latent_arithmetic, "none", adversarial),
    "scores": View(latent.scores, "real", adversarial),
    "round": View(latent.adversarial_round, "real", adversarial),
    "mode-collapse": View(collapse.mode_collapse, "real", adversarial),
    # nets beside each other
    "same-budget": View(budgets.same_budget, "batch", usual),
    "depth-accuracy": View(budgets.depth_accuracy, "batch", small_residual),
    # on paper
    "conv-sandbox": View(arithmetic.conv_sandbox, "none", any_model),
}
