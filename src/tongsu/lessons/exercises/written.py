"""Exercises in which a person writes a function: it is called apart, its answers are compared with ours, and when they
are those of a mistake that people often make, the hint speaks of that mistake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tongsu.lessons.exercises.apart import MEMORY, SECONDS, run_apart
from tongsu.lessons.exercises.exercise import Exercise, Verdict
from tongsu.locale import t

Function = Callable[..., Any]
STARTERS = Path(__file__).parent / "starters"
CLOSE = 1e-5


@dataclass(frozen=True)
class Written:
    """function: the name that the file must define. cases: lists of arguments. solve: the right answers, found in
    another way than a person would write them. mistakes: what goes wrong often, each under the name of its hint."""

    name: str
    lesson: str
    function: str
    cases: Callable[[], list[list[Any]]]
    solve: Function
    mistakes: dict[str, Function]
    arrays: bool = True

    def exercise(self) -> Exercise:
        starter = (STARTERS / f"{self.name.replace('-', '_')}.txt").read_text(encoding="utf-8")
        return Exercise(self.name, self.lesson, "code", ("FILE",), partial(check, self), starter)


def check(task: Written, file: str) -> Verdict:
    """Raises Problem when there is no such file; everything else that can be wrong with it is part of the verdict."""
    calls = task.cases()
    answer = run_apart(Path(file).expanduser(), task.function, calls, arrays=task.arrays)
    if answer.error:
        return Verdict(False, (_told(answer.error, task, answer.line, answer.message),), t("lessons.code.hint_error"))
    given = [_numbers(value) for value in answer.outputs]
    wanted = [_all(task.solve, call, task.arrays) for call in calls]
    right = [_equal(g, w) for g, w in zip(given, wanted, strict=True)]
    saw = [t("lessons.code.saw_calls", function=task.function, calls=len(calls), right=sum(right))]
    if all(right):
        return Verdict(True, tuple(saw))
    at = right.index(False)
    saw.append(_difference(given[at], wanted[at], at + 1))
    for name, mistake in task.mistakes.items():
        if all(_equal(g, _all(mistake, call, task.arrays)) for g, call in zip(given, calls, strict=True)):
            return Verdict(False, tuple(saw), t(f"lessons.exercise.{task.name}.hint_{name}"))
    return Verdict(False, tuple(saw), t(f"lessons.exercise.{task.name}.hint"))


def _told(error: str, task: Written, line: int, message: str) -> str:
    facts = {"function": task.function, "line": line, "message": message, "seconds": f"{SECONDS:.0f}",
             "memory": f"{MEMORY >> 20} MB"}  # fmt: skip
    return t(f"lessons.code.error_{error}", **facts)


def _all(function: Function, call: list[Any], arrays: bool) -> list[np.ndarray] | None:
    if arrays:
        call = [np.array(value, float) if isinstance(value, list) else value for value in call]
    return _numbers(function(*call))


def _numbers(value: Any) -> list[np.ndarray] | None:
    """One array, or several in a tuple or list of unlike shapes; None for what holds no numbers."""
    if value is None:  # the starter, untouched; NumPy would make a nan of it
        return None
    parts = list(value) if isinstance(value, tuple | list) and value else [value]
    try:
        whole = np.asarray(value, dtype=float)
        return [whole] if whole.size else None
    except (TypeError, ValueError):
        pass
    try:
        found = [np.asarray(part, dtype=float) for part in parts]
    except (TypeError, ValueError):
        return None
    return found if all(part.size for part in found) else None


def _equal(a: list[np.ndarray] | None, b: list[np.ndarray] | None) -> bool:
    if a is None or b is None or len(a) != len(b):
        return False
    return all(x.shape == y.shape and np.allclose(x, y, CLOSE, CLOSE) for x, y in zip(a, b, strict=True))


def _difference(given: list[np.ndarray] | None, wanted: list[np.ndarray] | None, number: int) -> str:
    """What is wrong with an answer, without the right one."""
    assert wanted is not None
    if given is None:
        return t("lessons.code.saw_nothing", number=number)
    shapes = [" + ".join(str(part.shape) for part in parts) for parts in (given, wanted)]
    if shapes[0] != shapes[1]:
        return t("lessons.code.saw_shape", number=number, given=shapes[0], wanted=shapes[1])
    flat = [np.concatenate([part.ravel() for part in parts]) for parts in (given, wanted)]
    wrong = ~np.isclose(flat[0], flat[1], CLOSE, CLOSE)
    at = int(wrong.argmax())
    if not np.isfinite(flat[0][at]):
        return t("lessons.code.saw_not_finite", number=number, given=flat[0][at])
    side = "large" if flat[0][at] > flat[1][at] else "small"
    values = {"number": number, "given": f"{flat[0][at]:.4g}", "wrong": int(wrong.sum()), "all": wrong.size}
    return t(f"lessons.code.saw_too_{side}", **values)
