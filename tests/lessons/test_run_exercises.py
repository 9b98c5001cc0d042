"""Exercises that look at runs and servers: real trainings pass or fail, with the hint that fits."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from torch.optim import Optimizer

from tongsu.errors import Failure, Problem
from tongsu.lessons.exercises import EXERCISES, Verdict
from tongsu.locale import t
from tongsu.runs.store import RunStore
from tongsu.session import prepare
from tongsu.training.control import Control


@dataclass
class Alone(Control):
    """Both players learn for the first updates; then only the generator, five times as fast, as in the studio."""

    together: int = 100
    updates: int = 0

    def learning(self, optimizers: Mapping[str, Optimizer]) -> Mapping[str, Optimizer]:
        self.updates += 1
        if self.updates > self.together:
            self.parts, self.rate = ("generator",), 5.0
        return super().learning(optimizers)


def train(name: str, chapter: str, *changes: str, alone_from: int | None = None) -> str:
    """A run of this name; alone_from: the update from which only the generator learns."""
    session = prepare(chapter, "quick", None, [*changes, "frames=0"], name=name)
    with contextlib.suppress(Failure):  # the loss was no number any more: that is what some of them are for
        for _ in session.events("cpu", None if alone_from is None else Alone(together=alone_from)):
            pass
    return name


def check(name: str, *what: str) -> Verdict:
    return EXERCISES[name].check(*what)


def hint(name: str, verdict: Verdict) -> str:
    """Which hint it is, whatever was filled in."""
    from tongsu.locale import catalogue

    texts = catalogue("lessons", "en")["exercise"][name]  # type: ignore[index]
    hints = {key: re.escape(text) for key, text in texts.items() if key.startswith("hint")}
    filled = {key: re.sub(r"\\\{\w+\\\}", ".+", text) for key, text in hints.items()}
    return next(key for key, pattern in filled.items() if re.fullmatch(pattern, verdict.hint))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = os.environ.get("TONGSU_RUNS")
    path = tmp_path_factory.mktemp("exercises") / "runs"
    os.environ["TONGSU_RUNS"] = str(path)
    yield path
    os.environ.pop("TONGSU_RUNS")
    if before is not None:
        os.environ["TONGSU_RUNS"] = before


DIGITS = ("data=digits", "examples=1000", "epochs=3", "batch_size=32", "optimizer=sgd")


@pytest.fixture(scope="module")
def rates(folder: Path) -> list[str]:
    return [train(f"rate-{lr}", "mlp", *DIGITS, f"lr={lr}") for lr in (0.0001, 0.05, 0.5, 1, 2, 8)]


def test_the_rate_at_which_it_breaks(rates: list[str], folder: Path) -> None:
    from tongsu.lessons.exercises.trained import BROKEN, LEARNED, Seen

    state = {name: Seen.of(name).above_chance for name in rates}
    broken = [name for name in rates if state[name] <= BROKEN and name != "rate-0.0001"]
    learned = [name for name in rates if state[name] >= LEARNED]
    assert "rate-8" in broken and "rate-0.05" in learned, state
    lowest, highest = broken[0], learned[-1]
    rate = {name: float(name[5:]) for name in rates}
    low, high = rate[highest], rate[lowest]
    for number in range(8):  # as a person would: halve the factor until it is small enough
        if high <= 2 * low:
            break
        middle = float(f"{(low * high) ** 0.5:.3g}")
        name = train(f"middle-{number}", "mlp", *DIGITS, f"lr={middle}")
        above = Seen.of(name).above_chance
        if above <= BROKEN:
            lowest, high = name, middle
        elif above >= LEARNED:
            highest, low = name, middle
        else:  # neither: somewhere beside it
            low, highest = low, highest
            high = high * 0.9
            lowest = train(f"high-{number}", "mlp", *DIGITS, f"lr={high:.3g}")
            if Seen.of(lowest).above_chance > BROKEN:
                pytest.fail("the border is not found")
    verdict = check("breaking-rate", lowest, highest)
    assert verdict.passed, verdict
    assert check("breaking-rate", highest, lowest).hint == t("lessons.exercise.breaking-rate.hint_order")


def test_typical_wrong_answers_about_the_rate(rates: list[str], folder: Path) -> None:
    wrong = {
        ("rate-0.05", "rate-0.05"): "hint_not_broken",
        ("rate-8", "rate-2"): "hint_not_learned",
        ("rate-8", "rate-0.05"): "hint_far",
        ("rate-0.0001", "rate-0.05"): "hint_other_side",
        ("rate-8", train("other", "mlp", *DIGITS, "lr=0.05", "hidden=32")): "hint_others",
    }
    found = {runs: hint("breaking-rate", check("breaking-rate", *runs)) for runs in wrong}
    assert found == wrong
    assert "hidden" in check("breaking-rate", "rate-8", "other").hint


FEW = ("data=digits", "examples=300", "batch_size=32", "optimizer=sgd", "lr=0.05")
HEART = ("hidden=256,256", "dropout=0", "epochs=40")


def test_overfitted_and_cured(folder: Path) -> None:
    ill = train("ill", "mlp", *FEW, *HEART)
    well = train("well", "mlp", *FEW, *HEART, "augment=shift")
    verdict = check("overfit", ill, well)
    assert verdict.passed, verdict
    wrong = {
        (train("hasty", "mlp", *FEW, "epochs=1"), well): "hint_not_learned",
        (train("plenty", "cnn", "data=digits", "examples=2000", "epochs=6"), well): "hint_no_gap",
        (ill, train("more", "mlp", "data=digits", "examples=2000", "epochs=3")): "hint_other_data",
        (ill, train("weak", "mlp", *FEW, "epochs=1", "lr=0.0001")): "hint_too_weak",
        (ill, ill): "hint_no_better",
    }
    found = {runs: hint("overfit", check("overfit", *runs)) for runs in wrong}
    assert found == wrong


DEEP = ("data=digits", "examples=1000", "epochs=6", "batch_size=32", "dropout=0", "hidden=64,64,64,64,64,64")


def test_stuck_and_freed(folder: Path) -> None:
    slow = (*DEEP, "optimizer=sgd", "lr=0.05")
    ill = train("stuck", "mlp", *slow, "activation=sigmoid")
    well = train("freed", "mlp", *slow, "activation=relu")
    verdict = check("stuck", ill, well)
    assert verdict.passed, verdict
    wrong = {
        (train("flat", "mlp", *slow, "activation=sigmoid", "hidden=64,64"), well): "hint_shallow",
        (ill, train("wider", "mlp", *slow, "activation=relu", "hidden=65,64,64,64,64,64")): "hint_others",
        (train("torn", "mlp", *slow, "activation=relu", "lr=1e9"),) * 2: "hint_broken",
        (well, ill): "hint_not_stuck",
        (ill, ill): "hint_not_learned",
    }
    found = {runs: hint("stuck", check("stuck", *runs)) for runs in wrong}
    assert found == wrong


def test_moved_digits(folder: Path) -> None:
    few = ("data=digits", "examples=1000", "batch_size=32", "epochs=6")
    fragile = train("fragile", "mlp", *few)
    sturdy = train("sturdy", "cnn", *few, "augment=shift")
    verdict = check("moved", fragile, sturdy)
    assert verdict.passed, verdict
    wrong = {
        (fragile, train("others", "cnn", "data=digits", "examples=500", "epochs=1")): "hint_other_data",
        (fragile, train("dull", "cnn", *few[:3], "epochs=1", "lr=1e-7")): "hint_not_learned",
        (sturdy, fragile): "hint_order",
        (sturdy, sturdy): "hint_not_fragile",
        (fragile, fragile): "hint_dense",
        (fragile, train("unmoved", "cnn", *few)): "hint_still_lost",
    }
    found = {runs: hint("moved", check("moved", *runs)) for runs in wrong}
    assert found == wrong


def test_other_kinds_of_runs_are_refused(rates: list[str], folder: Path) -> None:
    tiny = ("data=digits", "examples=100", "width=4", "epochs=1", "samples=20")
    forger = train("forger", "gan", *tiny)
    others = {"breaking-rate": [forger] * 2, "collapse": ["rate-0.05"] * 2, "small-cnn": ["rate-0.05"]}
    for name, runs in {**others, "overfit": ["rate-8"] * 2}.items():
        with pytest.raises(Problem) as found:
            check(name, *runs)
        assert found.value.kind == "not-this-run", name
    RunStore().create("mlp", "quick", "empty")
    with pytest.raises(Problem):
        check("small-cnn", "empty")
    with pytest.raises(Problem):
        check("small-cnn", "nowhere")


@pytest.mark.long
@pytest.mark.data
def test_a_small_net_that_reads_well(folder: Path) -> None:
    learned = ("examples=0", "epochs=3", "batch_size=64", "optimizer=adam", "lr=0.004")
    good = train("small", "cnn", "filters=12,24", "dense=20", "dropout=0", *learned)
    verdict = check("small-cnn", good)
    assert verdict.passed, verdict
    few = ("examples=2000", "epochs=1")
    wrong = {
        train("large", "cnn", *few): "hint_large",
        train("early", "cnn", "filters=4,8", "dense=16", *few): "hint_accuracy",
        train("dense", "mlp", "hidden=20", *few): "hint_dense",
    }
    assert {run: hint("small-cnn", check("small-cnn", run)) for run in wrong} == wrong
    assert "dense" in check("small-cnn", "large").hint and "%" in check("small-cnn", "large").hint


@pytest.mark.long
@pytest.mark.data
def test_a_collapse_and_its_cure(folder: Path) -> None:
    game = ("validation=500", "epochs=2", "samples=1000", "width=24")
    unheld = ("average=0", "feature_matching=0", "schedule=constant")
    ill = train("collapsed", "gan", *game, *unheld, "examples=4000", alone_from=200)
    well = train("healed", "gan", *game, "examples=20000")
    verdict = check("collapse", ill, well)
    assert verdict.passed, verdict
    assert hint("collapse", check("collapse", well, ill)) == "hint_not_collapsed"
    assert hint("collapse", check("collapse", ill, ill)) == "hint_not_healed"
    drawn = train("drawn", "gan", "data=digits", "examples=200", "width=4", "epochs=1", "samples=50")
    assert hint("collapse", check("collapse", ill, drawn)) == "hint_other_data"


@pytest.mark.long
def test_a_deep_net_and_its_shortcuts(folder: Path, rates: list[str]) -> None:
    deep = ("data=digits", "examples=2000", "blocks=18,18,18", "width=4", "batch_size=32", "epochs=4")
    plain, saved = train("plain", "resnet", *deep, "skip=false"), train("residual", "resnet", *deep)
    verdict = check("shortcuts", plain, saved)
    assert verdict.passed, verdict
    assert "110" in verdict.saw[0]
    few = ("data=digits", "examples=600", "width=4", "batch_size=32", "epochs=3")
    shallow, hasty = ("data=digits", "examples=100", "width=4", "epochs=1"), ("skip=false",)
    wrong = {
        (saved, plain): "hint_order",
        (saved, saved): "hint_alike",
        (train("shallow", "resnet", *few, *hasty), train("shallow-saved", "resnet", *few)): "hint_still_learns",
        (train("hurried", "resnet", *shallow, *hasty), train("hurried-saved", "resnet", *shallow)): "hint_not_saved",
        (plain, "shallow-saved"): "hint_others",
    }
    found = {runs: hint("shortcuts", check("shortcuts", *runs)) for runs in wrong}
    assert found == wrong
    with pytest.raises(Problem):
        check("shortcuts", "rate-0.05", saved)


@pytest.mark.long
def test_a_served_classifier(folder: Path, tmp_path: Path) -> None:
    how = ("examples=2000", "epochs=6", "batch_size=32", "optimizer=adam", "lr=0.002")
    train("served", "mlp", "data=digits", *how)
    train("weak-one", "mlp", "data=digits", "examples=200", "epochs=1", "lr=0.0001")
    for name, passed, kind in (("served", True, ""), ("weak-one", False, "hint_weak")):
        with served(name) as address:
            verdict = check("serve", address)
            assert verdict.passed is passed, verdict
            assert not kind or hint("serve", verdict) == kind
            if passed:
                own = os.environ["TONGSU_RUNS"]
                os.environ["TONGSU_RUNS"] = str(tmp_path)
                try:
                    assert hint("serve", check("serve", address)) == "hint_not_own"
                finally:
                    os.environ["TONGSU_RUNS"] = own
    with pytest.raises(Problem) as found:
        check("serve", address)
    assert found.value.kind == "no-server"


class served:
    """`tongsu serve` in a process of its own."""

    def __init__(self, run: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tongsu", "serve", run, "--port", "0", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip

    def __enter__(self) -> str:
        assert self.process.stdout is not None
        return str(json.loads(self.process.stdout.readline())["address"])

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()


def test_only_this_machine_is_asked() -> None:
    elsewhere = ("http://example.org:8000", "https://127.0.0.1:8000", "ftp://127.0.0.1", "http://127.0.0.1.example.org")
    for address in elsewhere:
        with pytest.raises(Problem) as found:
            check("serve", address)
        assert found.value.kind == "not-local"
