"""The speed benchmark itself, tiny: real processes on drawn digits, and TensorFlow where `make bench` has put it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import run

ROOT = Path(__file__).parents[2]
RUN = ROOT / "benchmarks" / "speed" / "run.py"
OTHERS = ROOT / ".venv-bench" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
needs_others = pytest.mark.skipif(not OTHERS.exists(), reason="make bench has not been run")
TINY = ("--data", "digits", "--epochs", "2", "--share", "0.1", "--seeds", "0", "--threads", "1")


def bench(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUN), *TINY, "--out", str(out), *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=out.parent)


def runs_of(out: Path) -> dict[tuple[str, str], dict[str, Any]]:
    file = json.loads(out.read_text(encoding="utf-8"))
    return {(run["net"], run["system"]): run for run in file["runs"]}


@pytest.mark.long
def test_ours_alone_goes_on_where_it_was_and_refuses_other_conditions(tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    first = bench(out, "--only", "mlp", "--systems", "fast")
    assert first.returncode == 0, first.stdout + first.stderr
    (told,) = runs_of(out).values()
    seconds = [epoch["seconds"] for epoch in told["epochs"]]
    assert 0 < seconds[0] < seconds[1] and all(0 <= epoch["quality"] <= 1 for epoch in told["epochs"])
    assert told["seed"] == 0 and told["peak_memory"] > 50e6 and told["import_seconds"] > 0
    assert told["process_seconds"] > told["start_seconds"] > told["import_seconds"]
    again = bench(out, "--only", "mlp", "--systems", "fast")
    assert again.returncode == 0 and "mlp fast" not in again.stdout  # nothing was measured a second time
    assert runs_of(out)["mlp", "fast"] == told
    other = bench(out, "--only", "mlp", "--systems", "fast", "--share", "0.2")
    assert other.returncode == 1 and "other conditions" in other.stderr


@needs_others
@pytest.mark.long
def test_all_systems_do_the_same_work(tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    done = bench(out, "--only", "cnn", "gan", "--gan-steps", "7")
    assert done.returncode == 0, done.stdout + done.stderr
    runs = runs_of(out)
    assert {system for _, system in runs} == {"keras", "pytorch", "lightning", "reference", "fast"}
    # 10 % of 4,000 or so digits, in batches of 32, twice; the last batch of each epoch is a short one.
    examples = runs["cnn", "keras"]["examples"]
    steps = 2 * -(-examples // 32)
    for system in ("keras", "pytorch", "lightning", "reference"):
        assert runs["cnn", system]["steps"] == steps, system
        assert len(runs["cnn", system]["epochs"]) == 2
        assert runs["cnn", system]["flops"] == runs["cnn", "keras"]["flops"]
        game = runs["gan", system]
        assert game["projected_seconds"] > game["steps_seconds"] > 0 and game["steps"] >= 7
    assert len(runs["gan", "fast"]["epochs"]) == 2 and "projected_seconds" not in runs["gan", "fast"]
    file = json.loads(out.read_text(encoding="utf-8"))
    assert {"tensorflow", "keras", "torch", "lightning", "tongsu"} <= set(file["conditions"]["versions"])
    bars = {row["net"]: row["bar"] for row in file["summary"]}
    assert bars["cnn"] == runs["cnn", "keras"]["epochs"][-1]["quality"]


@needs_others
@pytest.mark.long
def test_what_the_others_draw_is_judged_after_each_epoch(tmp_path: Path) -> None:
    out = tmp_path / "speed.json"
    done = bench(out, "--only", "gan", "--gan-steps", "0", "--systems", "keras", "pytorch")
    assert done.returncode == 0, done.stdout + done.stderr
    for one in runs_of(out).values():
        assert len(one["epochs"]) == 2 and all(epoch["quality"] > 0 for epoch in one["epochs"])


def test_what_a_script_says_on_its_last_line_counts_and_a_failure_is_told() -> None:
    good = run.process([sys.executable, "-c", "print('talk'); print('{\"seed\": 3}')"], 1)
    assert good == {"seed": 3}
    bad = run.process([sys.executable, "-c", "raise SystemExit('no such layer')"], 1)
    assert "no such layer" in bad["error"]
    threads = run.process([sys.executable, "-c", "import os; print(os.environ['OMP_NUM_THREADS'])"], 2)
    assert threads == 2  # the same for every system
