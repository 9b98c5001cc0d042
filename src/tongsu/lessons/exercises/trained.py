"""Exercises that look at a person's own runs: recipe, events and results. What was seen is told with its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tongsu.errors import Problem
from tongsu.lessons.exercises.exercise import Exercise, Verdict
from tongsu.locale import t
from tongsu.runs.compare import differences
from tongsu.runs.run import Run
from tongsu.runs.store import RunStore

Values = dict[str, Any]
BROKEN, LEARNED = 0.2, 0.6  # of the way from guessing to perfect
FACTOR = 2.0  # between the rate that breaks and the one that learns
MOST_PARAMETERS, LEAST_ACCURACY = 20_000, 0.985
OVERFITTED, GAP = 0.98, 0.04  # accuracy on what was learned by heart, and how much less it is on other data
COLLAPSED, HEALED = 0.6, 0.8  # coverage of the ten digits


@dataclass(frozen=True)
class Seen:
    """A run, as far as the exercises ask. accuracy and loss: of the validation data after each epoch."""

    run: Run
    recipe: Values
    metrics: Values
    training: tuple[Values, ...]
    validation: tuple[Values, ...]
    failed: bool

    @staticmethod
    def of(spec: str) -> Seen:
        """Raises Problem when there is no such run, or it is still at it."""
        run = RunStore().find(spec)
        if run.status in ("new", "training"):
            raise Problem("lessons.unfinished_run", run=run.name)
        events = run.timeline()
        told = [event for event in events if event["event"] == "Evaluated"]
        failed = any(event["event"] == "Stopped" and event.get("reason") == "failed" for event in events)
        return Seen(
            run, run.recipe(), run.results().get("metrics", {}), tuple(event["train"] for event in told),
            tuple(event["validation"] for event in told), failed,
        )  # fmt: skip

    @property
    def accuracy(self) -> float:
        return float(self.validation[-1]["accuracy"]) if self.validation else 0.0

    @property
    def above_chance(self) -> float:
        """0: as good as guessing; 1: always right."""
        chance = 1 / len(self.run.preprocessing()["labels"])
        return 0.0 if self.failed else (self.accuracy - chance) / (1 - chance)

    @property
    def gap(self) -> float:
        return float(self.training[-1]["accuracy"]) - self.accuracy


def classifiers(*specs: str) -> list[Seen]:
    """Raises Problem for a run that is no finished classifier."""
    found = [Seen.of(spec) for spec in specs]
    for one in found:
        if one.recipe["task"] != "classify" or not (one.failed or one.validation):
            raise Problem("lessons.not_this_run", run=one.run.name, wanted=t("lessons.run_classifier"))
    return found


def other_fields(one: Seen, two: Seen, *allowed: str) -> list[str]:
    """What differs in two recipes beside what may."""
    changed = differences([one.recipe, two.recipe])
    return [name for name in changed if not any(name == ok or name.startswith(f"{ok}.") for ok in allowed)]


def breaking_rate(breaks: str, learns: str) -> Verdict:
    """Two runs that differ in the learning rate alone, one of which broke."""
    broken, good = classifiers(breaks, learns)
    rates = [float(one.recipe["lr"]) for one in (broken, good)]
    saw = tuple(
        t("lessons.exercise.breaking-rate.saw_failed", run=one.run.name, lr=f"{lr:g}") if one.failed
        else t("lessons.exercise.breaking-rate.saw", run=one.run.name, lr=f"{lr:g}", accuracy=f"{one.accuracy:.1%}")
        for one, lr in zip((broken, good), rates, strict=True)
    )  # fmt: skip
    others = other_fields(broken, good, "lr")
    if others:
        return Verdict(False, saw, t("lessons.exercise.breaking-rate.hint_others", fields=", ".join(others)))
    if broken.above_chance > BROKEN and good.above_chance <= BROKEN:
        return Verdict(False, saw, t("lessons.exercise.breaking-rate.hint_order"))
    if broken.above_chance > BROKEN:
        return Verdict(False, saw, t("lessons.exercise.breaking-rate.hint_not_broken"))
    if good.above_chance < LEARNED:
        return Verdict(False, saw, t("lessons.exercise.breaking-rate.hint_not_learned"))
    if rates[0] <= rates[1]:
        return Verdict(False, saw, t("lessons.exercise.breaking-rate.hint_other_side"))
    if rates[0] > FACTOR * rates[1] * 1.001:
        factor = f"{rates[0] / rates[1]:.3g}"
        return Verdict(False, saw, t("lessons.exercise.breaking-rate.hint_far", factor=factor))
    return Verdict(True, saw)


def overfit(overfitted: str, cured: str) -> Verdict:
    """A run that knows its examples by heart, and one on the same examples that does better on others."""
    ill, well = classifiers(overfitted, cured)
    for one in (ill, well):
        if one.failed:
            raise Problem("lessons.not_this_run", run=one.run.name, wanted=t("lessons.run_finished"))
    saw = tuple(
        t("lessons.exercise.overfit.saw", run=one.run.name, train=f"{one.training[-1]['accuracy']:.1%}",
          validation=f"{one.accuracy:.1%}", loss=f"{one.validation[-1]['loss']:.3f}",
          best=f"{min(epoch['loss'] for epoch in one.validation):.3f}")
        for one in (ill, well)
    )  # fmt: skip
    if ill.training[-1]["accuracy"] < OVERFITTED:
        return Verdict(False, saw, t("lessons.exercise.overfit.hint_not_learned"))
    if ill.gap < GAP:
        return Verdict(False, saw, t("lessons.exercise.overfit.hint_no_gap", gap=f"{ill.gap:.1%}"))
    if any(ill.recipe[name] != well.recipe[name] for name in ("data", "data_args")):
        return Verdict(False, saw, t("lessons.exercise.overfit.hint_other_data"))
    if well.above_chance < LEARNED:
        return Verdict(False, saw, t("lessons.exercise.overfit.hint_too_weak"))
    if well.accuracy <= ill.accuracy:
        return Verdict(False, saw, t("lessons.exercise.overfit.hint_no_better"))
    if well.gap > ill.gap / 2:
        return Verdict(False, saw, t("lessons.exercise.overfit.hint_still", gap=f"{well.gap:.1%}"))
    return Verdict(True, saw)


def small_cnn(spec: str) -> Verdict:
    """98.5 % of MNIST's test images with 20,000 parameters at most."""
    (seen,) = classifiers(spec)
    results = seen.run.results()
    if not results or seen.recipe["data"] != "mnist":
        raise Problem("lessons.not_this_run", run=seen.run.name, wanted=t("lessons.run_mnist"))
    parameters, accuracy = int(results["parameters"]), float(seen.metrics["test_accuracy"])
    facts = {"run": seen.run.name, "parameters": f"{parameters:,}", "accuracy": f"{accuracy:.2%}"}
    saw = (t("lessons.exercise.small-cnn.saw", **facts),)
    if parameters > MOST_PARAMETERS:
        name, count = heaviest(seen)
        facts = {"layer": name, "count": f"{count:,}", "share": f"{count / parameters:.0%}"}
        return Verdict(False, saw, t("lessons.exercise.small-cnn.hint_large", **facts))
    if accuracy < LEAST_ACCURACY:
        convolutions = seen.recipe["model"] != "mlp"
        kind = "hint_accuracy" if convolutions else "hint_dense"
        return Verdict(False, saw, t(f"lessons.exercise.small-cnn.{kind}", missing=f"{LEAST_ACCURACY - accuracy:.2%}"))
    return Verdict(True, saw)


def heaviest(seen: Seen) -> tuple[str, int]:
    """The module with most parameters."""
    from tongsu.training.build import build_model
    from tongsu.training.recipe import Recipe

    model = build_model(Recipe.from_dict(seen.recipe))
    counts = {name: sum(p.numel() for p in m.parameters(recurse=False)) for name, m in model.named_modules()}
    return max(counts.items(), key=lambda pair: pair[1])


def collapse(collapsed: str, healed: str) -> Verdict:
    """Two GANs: one whose drawings show few digits, one whose drawings show all."""
    ill, well = Seen.of(collapsed), Seen.of(healed)
    for one in (ill, well):
        if one.recipe["task"] != "gan" or "test_coverage" not in one.metrics:
            raise Problem("lessons.not_this_run", run=one.run.name, wanted=t("lessons.run_gan"))
    saw = tuple(
        t("lessons.exercise.collapse.saw", run=one.run.name, coverage=f"{one.metrics['test_coverage']:.0%}",
          rarest=f"{one.metrics['test_rarest_digit']:.1%}", distance=f"{one.metrics['test_frechet_distance']:.0f}")
        for one in (ill, well)
    )  # fmt: skip
    if ill.metrics["test_coverage"] > COLLAPSED:
        return Verdict(False, saw, t("lessons.exercise.collapse.hint_not_collapsed"))
    if ill.recipe["data"] != well.recipe["data"]:
        return Verdict(False, saw, t("lessons.exercise.collapse.hint_other_data"))
    if well.metrics["test_coverage"] < HEALED:
        return Verdict(False, saw, t("lessons.exercise.collapse.hint_not_healed"))
    if well.metrics["test_frechet_distance"] >= ill.metrics["test_frechet_distance"]:
        return Verdict(False, saw, t("lessons.exercise.collapse.hint_ugly"))
    return Verdict(True, saw)


BREAKING_RATE = Exercise("breaking-rate", "00-start-here", "run", ("BREAKS", "LEARNS"), breaking_rate)
OVERFIT = Exercise("overfit", "01-mlp", "run", ("OVERFITTED", "CURED"), overfit)
SMALL_CNN = Exercise("small-cnn", "02-cnn", "run", ("RUN",), small_cnn)
COLLAPSE = Exercise("collapse", "04-gan", "run", ("COLLAPSED", "HEALED"), collapse)
