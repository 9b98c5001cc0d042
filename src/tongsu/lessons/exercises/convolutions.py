"""Exercises of the lesson on the CNN: how large a map is, max-pooling, and nets that are shown moved pictures."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tongsu.errors import Problem
from tongsu.lessons.exercises.exercise import Exercise, Verdict
from tongsu.lessons.exercises.trained import LEARNED, Seen, classifiers
from tongsu.lessons.exercises.written import Written
from tongsu.locale import t

FAR = 4  # pixels
FRAGILE, STURDY = 0.25, 0.1  # of all test pictures, lost when they are moved so far
ASKED = 500  # test pictures


def _settings() -> list[list[Any]]:
    return [[28, 3, 1, 0], [28, 5, 2, 2], [32, 3, 2, 0], [7, 7, 1, 0], [224, 7, 2, 3], [10, 4, 3, 1], [9, 2, 4, 0]]


def _side(size: int, kernel: int, stride: int, padding: int) -> int:
    """Of the map that PyTorch makes."""
    import torch

    with torch.device("meta"):  # shapes only
        convolution = torch.nn.Conv2d(1, 1, kernel, stride, padding)
        return int(convolution(torch.empty(1, 1, size, size)).shape[-1])


MAP_SIZE = Written(
    "map-size", "02-cnn", "map_size", _settings, _side,
    {
        "no_one": lambda s, k, t, p: (s + 2 * p - k) // t,
        "padding_once": lambda s, k, t, p: (s + p - k) // t + 1,
        "no_padding": lambda s, k, t, p: (s - k) // t + 1,
        "no_stride": lambda s, k, t, p: s + 2 * p - k + 1,
        "not_whole": lambda s, k, t, p: (s + 2 * p - k) / t + 1,
        "rounded_up": lambda s, k, t, p: math.ceil((s + 2 * p - k) / t) + 1,
    },
    arrays=False,
)  # fmt: skip


def _maps() -> list[list[Any]]:
    chance = np.random.default_rng(6)
    return [[chance.integers(-9, 10, (S, S)).tolist(), size] for S, size in ((4, 2), (6, 3), (7, 2), (5, 3))]


def _pooled(picture: Any, size: int) -> Any:
    import torch

    return torch.nn.functional.max_pool2d(torch.tensor(picture)[None, None], size)[0, 0].numpy()


def _windows(picture: Any, size: int, how: Any, step: int | None = None, rest: bool = False) -> Any:
    step, side = step or size, len(picture)
    starts = range(0, side if rest else side - size + 1, step)
    return np.array([[how(picture[i : i + size, j : j + size]) for j in starts] for i in starts])


MAX_POOL = Written(
    "max-pool", "02-cnn", "max_pool", _maps, _pooled,
    {
        "mean": lambda p, s: _windows(p, s, np.mean),
        "sum": lambda p, s: _windows(p, s, np.sum),
        "overlap": lambda p, s: _windows(p, s, np.max, step=1),
        "from_zero": lambda p, s: _windows(p, s, lambda window: max(window.max(), 0.0)),
        "corner": lambda p, s: _windows(p, s, lambda window: window[0, 0]),
        "rest": lambda p, s: _windows(p, s, np.max, rest=True),
    },
)  # fmt: skip


def moved(fragile: str, sturdy: str) -> Verdict:
    """Two classifiers of the same pictures: one loses much when they are moved, one does not."""
    weak, firm = classifiers(fragile, sturdy)
    seen = [accuracies(one) for one in (weak, firm)]
    saw = tuple(
        t("lessons.exercise.moved.saw", run=one.run.name, still=f"{still:.1%}", moved=f"{far:.1%}", pixels=FAR)
        for one, (still, far) in zip((weak, firm), seen, strict=True)
    )
    if any(weak.recipe[name] != firm.recipe[name] for name in ("data", "data_args")):
        return Verdict(False, saw, t("lessons.exercise.moved.hint_other_data"))
    chance = 1 / len(weak.run.preprocessing()["labels"])
    if min(still for still, _ in seen) < chance + LEARNED * (1 - chance):
        return Verdict(False, saw, t("lessons.exercise.moved.hint_not_learned"))
    lost = [still - far for still, far in seen]
    if lost[0] <= STURDY and lost[1] >= FRAGILE:
        return Verdict(False, saw, t("lessons.exercise.moved.hint_order"))
    if lost[0] < FRAGILE:
        return Verdict(False, saw, t("lessons.exercise.moved.hint_not_fragile", least=f"{FRAGILE:.0%}"))
    if lost[1] > STURDY:
        kind = "hint_dense" if firm.recipe["model"] == "mlp" else "hint_still_lost"
        return Verdict(False, saw, t(f"lessons.exercise.moved.{kind}", most=f"{STURDY:.0%}"))
    return Verdict(True, saw)


def accuracies(seen: Seen) -> tuple[float, float]:
    """On test pictures as they are, and moved to the left and to the right (the mean of both). Raises Problem for a run
    without pictures."""
    from tongsu.learned import Learned
    from tongsu.views import ask

    if seen.run.preprocessing()["preprocessing"]["kind"] != "images" or seen.failed:
        raise Problem("lessons.not_this_run", run=seen.run.name, wanted=t("lessons.run_pictures"))
    found = ask(Learned.load(seen.run), "shift", None, {"most": FAR, "examples": ASKED}).answer.accuracy
    return float(found[FAR]), float(found[0] + found[-1]) / 2


MOVED = Exercise("moved", "02-cnn", "run", ("FRAGILE", "STURDY"), moved)
