"""What the lessons state holds: of the figures that they quote, and of figures measured now."""

from __future__ import annotations

import math

import pytest

from tongsu.lessons.experiments import EXPERIMENTS
from tongsu.lessons.experiments.__main__ import measure
from tongsu.lessons.figures import results
from tongsu.lessons.lesson import find, names

NAMES = [
    pytest.param(name, marks=[pytest.mark.long, *([pytest.mark.data] if one.needs else [])])
    for name, one in EXPERIMENTS.items()
]


def test_every_experiment_was_measured_and_says_on_what() -> None:
    assert list(results()) == list(EXPERIMENTS)
    for name, kept in results().items():
        assert kept["figures"] and all(math.isfinite(value) for value in kept["figures"].values())
        assert {"torch", "python", "threads", "device"} <= set(kept["machine"]), name


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_the_figures_that_are_quoted_bear_the_claims_out(name: str) -> None:
    claims = EXPERIMENTS[name].claims
    figures = results()[name]["figures"]
    assert claims and {claim: bool(holds(figures)) for claim, holds in claims.items()} == dict.fromkeys(claims, True)
    assert results()[name]["claims"] == dict.fromkeys(claims, True)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_no_claim_holds_whatever_comes_out(name: str) -> None:
    """Of figures that are all alike, half of the claims at least must fail: they are about differences."""
    claims, figures = EXPERIMENTS[name].claims, results()[name]["figures"]
    alike = dict.fromkeys(figures, 0.5)
    assert sum(not holds(alike) for holds in claims.values()) >= len(claims) / 2


@pytest.mark.parametrize("name", NAMES)
def test_the_claims_hold_when_it_is_measured_again(name: str) -> None:
    figures = EXPERIMENTS[name].measure()
    assert set(figures) == set(results()[name]["figures"])
    assert [claim for claim, holds in EXPERIMENTS[name].claims.items() if not holds(figures)] == []


def test_lessons_quote_only_what_was_measured() -> None:
    for name in names():
        for one in find(name, "en").directives("measured"):
            experiment, _, figure = one.target.partition(".")
            assert figure in results()[experiment]["figures"]


def test_an_unknown_experiment_is_named() -> None:
    from tongsu.errors import Problem

    with pytest.raises(Problem) as found:
        measure(["flight"])
    assert "border" in found.value.hint
