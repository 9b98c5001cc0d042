"""Ratios and times to a quality, against numbers worked out by hand."""

from __future__ import annotations

from typing import Any

import arithmetic
import pytest


def run(system: str, seed: int, *epochs: tuple[float, float], net: str = "cnn", **facts: Any) -> dict[str, Any]:
    rows = [{"epoch": at + 1, "seconds": s, "quality": q} for at, (s, q) in enumerate(epochs)]
    common = {"import_seconds": 1.0, "start_seconds": 2.0, "peak_memory": 100}
    return {"net": net, "system": system, "seed": seed, "epochs": rows, **common, **facts}


KERAS = [run("keras", 0, (10, 0.90), (20, 0.96), (30, 0.94)), run("keras", 1, (12, 0.92), (24, 0.94), (36, 0.96))]
FAST = [run("fast", 0, (2, 0.94), (4, 0.97)), run("fast", 1, (2, 0.95), (6, 0.94))]


def rows(runs: list[dict[str, Any]], bars: dict[str, float] | None = None) -> dict[str, dict[str, Any]]:
    return {row["system"]: row for row in arithmetic.summary(runs, bars or {}, 1000.0)}


def test_the_bar_is_the_mean_quality_of_the_keras_script_at_its_end() -> None:
    found = rows(KERAS + FAST)
    assert found["fast"]["bar"] == pytest.approx(0.95)
    # Means after each epoch: 0.945 and 0.955. The second is the first that is good enough, after (4 + 6) / 2 seconds.
    assert found["fast"]["to_quality"]["epoch"] == 2
    assert found["fast"]["to_quality"]["mean"] == 5
    assert found["fast"]["to_quality"]["spread"] == pytest.approx(2**0.5)
    assert found["fast"]["ratio"] == pytest.approx(33 / 5)  # (30 + 36) / 2 seconds of the whole script
    # Its own means are 0.91, 0.95, 0.95: it was as good after two epochs, (20 + 24) / 2 seconds.
    assert found["fast"]["ratio_first"] == pytest.approx(22 / 5)
    assert found["keras"]["ratio"] == pytest.approx(33 / 22) and found["keras"]["ratio_first"] == 1


def test_who_never_gets_there_has_no_time() -> None:
    found = rows([*KERAS, run("pytorch", 0, (9, 0.9), (18, 0.949))])
    assert found["pytorch"]["to_quality"] is None and found["pytorch"]["ratio"] is None
    assert found["pytorch"]["seconds"]["mean"] == 18


def test_a_distance_is_better_when_it_is_smaller() -> None:
    keras = run("keras", 0, (10, 90.0), (20, 60.0), net="gan")
    ours = run("fast", 0, (1, 70.0), (2, 60.0), net="gan")
    assert rows([keras, ours])["fast"]["ratio"] == 10


def test_a_projection_repeats_the_steps_that_were_not_the_first() -> None:
    # Five steps took 3 s, the other ten 5 s: half a second each. A hundred steps: 3 + 95 / 2.
    short = {"warm_steps": 5, "warm_seconds": 3.0, "steps": 15, "steps_seconds": 8.0}
    assert arithmetic.projected(short, 100) == pytest.approx(50.5)
    with pytest.raises(ValueError, match="too few"):
        arithmetic.projected({**short, "steps": 5}, 100)


def test_a_projected_time_is_told_as_one_and_needs_a_bar_from_elsewhere() -> None:
    keras = run("keras", 0, net="gan", projected_seconds=2000.0, epochs_planned=10)
    ours = run("fast", 0, (100, 70.0), (200, 45.0), net="gan")
    found = rows([keras, ours], {"gan": 50.0})
    assert found["keras"]["projected"] and not found["fast"]["projected"]
    assert found["keras"]["quality"] is None and found["keras"]["seconds_per_epoch"]["mean"] == 200
    assert found["fast"]["ratio"] == 10 and found["fast"]["ratio_first"] is None
    # A script that was run to its end counts, and the projected one beside it does not.
    whole = run("keras", 1, (500, 60.0), (1000, 40.0), net="gan")
    found = rows([keras, whole, ours], {"gan": 50.0})
    assert found["keras"]["bar"] == 40 and found["keras"]["seconds"]["values"] == [1000]
    assert found["fast"]["to_quality"] is None


def test_the_share_of_the_peak() -> None:
    ours = run("fast", 0, (2, 0.9), (4, 0.9), flops=2000)
    assert rows([ours])["fast"]["share_of_peak"]["mean"] == pytest.approx(0.5)  # 2000 / 4 s of 1000 a second
