"""Exercises of the last lesson: padding that nobody looks at, a residual block, and a net that its shortcuts save."""

from __future__ import annotations

from typing import Any

import numpy as np

from tongsu.errors import Problem
from tongsu.lessons.exercises.exercise import Exercise, Verdict
from tongsu.lessons.exercises.trained import LEARNED, classifiers, other_fields
from tongsu.lessons.exercises.written import Written
from tongsu.locale import t

LOST = 0.3  # of the way from guessing to perfect, without shortcuts


def _scores() -> list[list[Any]]:
    chance = np.random.default_rng(4)
    hidden = [[0, 1, 1], [0, 0, 1, 1, 1], [1, 1], [0, 0, 0, 1]]  # 1: a word; 0: padding
    return [[chance.normal(0, 2, size=(len(seen),) * 2).round(2).tolist(), seen] for seen in hidden]


def _masked(scores: Any, seen: Any) -> Any:
    import torch

    values = torch.tensor(scores).masked_fill(torch.tensor(seen) == 0, -torch.inf)
    return torch.softmax(values, 1).numpy()


def _softmax(scores: Any, axis: int = 1) -> Any:
    powers = np.exp(scores - scores.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


PADDING = Written(
    "padding", "05-transformer", "shares", _scores, _masked,
    {
        "no_mask": lambda scores, seen: _softmax(scores),
        "after": lambda scores, seen: _softmax(scores) * seen,
        "zero": lambda scores, seen: _softmax(scores * seen),
        "inverted": lambda scores, seen: _softmax(np.where(seen == 0, scores, -1e9)),
        "rows": lambda scores, seen: _softmax(np.where(seen[:, None] == 0, -1e9, scores)),
    },
)  # fmt: skip


def _blocks() -> list[list[Any]]:
    chance = np.random.default_rng(5)
    sizes = [(1, 3, 3), (2, 4, 5), (3, 2, 6)]  # B, D, H
    return [[chance.normal(size=s).round(2).tolist() for s in ((B, D), (H, D), (D, H))] for B, D, H in sizes]


def _residual(x: Any, w1: Any, w2: Any) -> Any:
    import torch
    from torch.nn.functional import linear

    x, w1, w2 = (torch.tensor(value) for value in (x, w1, w2))
    return torch.relu(torch.add(linear(torch.relu(linear(x, w1)), w2), x)).numpy()


def _relu(x: Any) -> Any:
    return np.maximum(x, 0)


RESIDUAL_BLOCK = Written(
    "residual-block", "05-transformer", "block", _blocks, _residual,
    {
        "no_skip": lambda x, w1, w2: _relu(_relu(x @ w1.T) @ w2.T),
        "bent_first": lambda x, w1, w2: x + _relu(_relu(x @ w1.T) @ w2.T),
        "never_bent": lambda x, w1, w2: x + _relu(x @ w1.T) @ w2.T,
        "one_layer": lambda x, w1, w2: _relu(x + x @ w1.T @ w2.T),
        "times": lambda x, w1, w2: _relu(x * (_relu(x @ w1.T) @ w2.T)),
        "minus": lambda x, w1, w2: _relu(x - _relu(x @ w1.T) @ w2.T),
    },
)  # fmt: skip


def shortcuts(plain: str, residual: str) -> Verdict:
    """Two residual nets that differ in `skip` alone: without it nothing much is learned, with it it is."""
    lost, saved = classifiers(plain, residual)
    for one in (lost, saved):
        if one.recipe["model"] != "small-resnet":
            raise Problem("lessons.not_this_run", run=one.run.name, wanted=t("lessons.run_resnet"))
    saw = tuple(
        t("lessons.exercise.shortcuts.saw", run=one.run.name, accuracy=f"{one.accuracy:.1%}",
          layers=2 * sum(one.recipe["model_args"].get("blocks", (1, 1, 1))) + 2,
          skip=t(f"lessons.exercise.shortcuts.{'with' if _skips(one.recipe) else 'without'}"))
        for one in (lost, saved)
    )  # fmt: skip
    others = other_fields(lost, saved, "model_args.skip")
    if others:
        return Verdict(False, saw, t("lessons.exercise.shortcuts.hint_others", fields=", ".join(others)))
    if _skips(lost.recipe) == _skips(saved.recipe):
        return Verdict(False, saw, t("lessons.exercise.shortcuts.hint_alike"))
    if _skips(lost.recipe):
        return Verdict(False, saw, t("lessons.exercise.shortcuts.hint_order"))
    if lost.above_chance > LOST:
        return Verdict(False, saw, t("lessons.exercise.shortcuts.hint_still_learns"))
    if saved.above_chance < LEARNED:
        return Verdict(False, saw, t("lessons.exercise.shortcuts.hint_not_saved"))
    return Verdict(True, saw)


def _skips(recipe: dict[str, Any]) -> bool:
    return bool(recipe["model_args"].get("skip", True))


SHORTCUTS = Exercise("shortcuts", "05-transformer", "run", ("PLAIN", "RESIDUAL"), shortcuts)
