"""Exercises of the lesson on the MLP: two layers without a bend are one, a whole backward pass, and a deep net that is
stuck."""

from __future__ import annotations

from typing import Any

import numpy as np

from tongsu.errors import Problem
from tongsu.lessons.exercises.exercise import Exercise, Verdict
from tongsu.lessons.exercises.trained import BROKEN, LEARNED, Seen, classifiers, other_fields
from tongsu.lessons.exercises.written import Written
from tongsu.locale import t

DEEP = 4  # hidden layers
MLP_HIDDEN = (128, 64)  # where a recipe says nothing


def _pairs_of_layers() -> list[list[Any]]:
    chance = np.random.default_rng(4)
    return [
        [chance.normal(size=s).round(2).tolist() for s in ((H, H), (H,), (H, H), (H,))] for H in (2, 3, 5)
    ]  # square, so that a product the wrong way round is a wrong answer and no error


def _folded(w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """What PyTorch's own two layers make of nothing, and of one input at a time."""
    import torch

    weights = [torch.tensor(value) for value in (w1, b1, w2, b2)]

    def net(x: Any) -> Any:
        return torch.nn.functional.linear(torch.nn.functional.linear(x, *weights[:2]), *weights[2:])

    bias = net(torch.zeros(w1.shape[1], dtype=torch.float64))  # (K,)
    return (net(torch.eye(w1.shape[1], dtype=torch.float64)) - bias).T.numpy(), bias.numpy()


ONE_LAYER = Written(
    "one-layer", "01-mlp", "one_layer", _pairs_of_layers, _folded,
    {
        "order": lambda w1, b1, w2, b2: (w1 @ w2, w2 @ b1 + b2),
        "transposed": lambda w1, b1, w2, b2: ((w2 @ w1).T, w2 @ b1 + b2),
        "bias_lost": lambda w1, b1, w2, b2: (w2 @ w1, b2),
        "biases_added": lambda w1, b1, w2, b2: (w2 @ w1, b1 + b2),
        "weights_added": lambda w1, b1, w2, b2: (w1 + w2, b1 + b2),
    },
)  # fmt: skip


def _nets() -> list[list[Any]]:
    chance = np.random.default_rng(5)
    shapes = [(2, 3, 4, 2), (5, 2, 6, 3), (8, 4, 5, 4)]  # B, D, H, K
    return [
        [
            chance.normal(size=(B, D)).round(2).tolist(), np.eye(K)[chance.integers(K, size=B)].tolist(),
            *(chance.normal(size=s).round(2).tolist() for s in ((H, D), (H,), (K, H), (K,))),
        ]
        for B, D, H, K in shapes
    ]  # fmt: skip


def _all_gradients(x: Any, targets: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """PyTorch's own, of its own cross-entropy."""
    import torch

    weights = [torch.tensor(value, requires_grad=True) for value in (w1, b1, w2, b2)]
    hidden = torch.nn.functional.linear(torch.tensor(x), *weights[:2]).relu()
    logits = torch.nn.functional.linear(hidden, *weights[2:])
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(targets))
    return tuple(slope.numpy() for slope in torch.autograd.grad(loss, weights))


def _backward(error: Any, through: Any) -> Any:
    """A backward pass with `error(p, targets)` at the end and `through(dh, z, h)` at the bend."""

    def gradients(x: Any, targets: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
        z = x @ w1.T + b1
        h = np.maximum(z, 0)
        logits = h @ w2.T + b2
        powers = np.exp(logits - logits.max(1, keepdims=True))
        d = error(powers / powers.sum(1, keepdims=True), targets)
        dz = through(d @ w2, z, h)
        return dz.T @ x, dz.sum(0), d.T @ h, d.sum(0)

    return gradients


def _mean(p: Any, targets: Any) -> Any:
    return (p - targets) / len(p)


def _open(dh: Any, z: Any, h: Any) -> Any:
    return dh * (z > 0)


TWO_LAYERS = Written(
    "two-layers", "01-mlp", "gradients", _nets, _all_gradients,
    {
        "no_bend": _backward(_mean, lambda dh, z, h: dh),
        "bent_again": _backward(_mean, lambda dh, z, h: dh * h),
        "bent_gradient": _backward(_mean, lambda dh, z, h: np.maximum(dh, 0)),
        "no_mean": _backward(lambda p, targets: p - targets, _open),
        "sign": _backward(lambda p, targets: (targets - p) / len(p), _open),
        "no_targets": _backward(lambda p, targets: p / len(p), _open),
    },
)  # fmt: skip


def stuck(stuck: str, learns: str) -> Verdict:
    """Two runs of one deep net that differ in the activation function alone: one learns nothing, one learns."""
    ill, well = classifiers(stuck, learns)
    for one in (ill, well):
        if one.recipe["model"] != "mlp":
            raise Problem("lessons.not_this_run", run=one.run.name, wanted=t("lessons.run_mlp"))
    saw = tuple(
        t("lessons.exercise.stuck.saw", run=one.run.name, depth=depth(one), activation=bend(one),
          accuracy=f"{one.accuracy:.1%}")
        for one in (ill, well)
    )  # fmt: skip
    if depth(ill) < DEEP:
        return Verdict(False, saw, t("lessons.exercise.stuck.hint_shallow", least=DEEP))
    others = other_fields(ill, well, "model_args.activation")
    if others:
        return Verdict(False, saw, t("lessons.exercise.stuck.hint_others", fields=", ".join(others)))
    if ill.failed:
        return Verdict(False, saw, t("lessons.exercise.stuck.hint_broken"))
    if ill.above_chance > BROKEN:
        return Verdict(False, saw, t("lessons.exercise.stuck.hint_not_stuck", optimizer=ill.recipe["optimizer"]))
    if well.above_chance < LEARNED:
        return Verdict(False, saw, t("lessons.exercise.stuck.hint_not_learned"))
    return Verdict(True, saw)


def depth(seen: Seen) -> int:
    return len(seen.recipe["model_args"].get("hidden", MLP_HIDDEN))


def bend(seen: Seen) -> str:
    return str(seen.recipe["model_args"].get("activation", "relu"))


STUCK = Exercise("stuck", "01-mlp", "run", ("STUCK", "LEARNS"), stuck)
