"""The same in Python, in three lines; and torch waits until it is needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

import tongsu
from tongsu.errors import Problem

DIGITS = {"data": "digits", "examples": 600, "batch_size": 16, "epochs": 3, "lr": 0.02, "frames": 2, "show": False}


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TONGSU_OFFLINE", "1")
    monkeypatch.setenv("TONGSU_LANG", "en")
    return tmp_path


def test_train_evaluate_predict(folders: Path) -> None:
    run = tongsu.train("mlp", "quick", hidden=(64, 32), seed=1, **DIGITS)  # type: ignore[arg-type]
    assert Path(run.path).parent == folders / "runs"
    told = run.evaluate()
    assert (
        told["metrics"]["accuracy"] == pytest.approx(run.metrics["test_accuracy"])
        and run.metrics["test_accuracy"] > 0.7
    )

    picture = Image.new("RGB", (300, 200), "white")
    ImageDraw.Draw(picture).line([(150, 40), (150, 160)], fill="black", width=14)
    picture.save(folders / "one.png")
    answers = run.predict(picture, np.asarray(picture), folders / "one.png", str(folders / "one.png"))
    assert len({tuple(answer.probabilities.values()) for answer in answers}) == 1
    assert answers[0].probability == max(answers[0].probabilities.values())
    assert sum(answers[0].probabilities.values()) == pytest.approx(1)

    again = tongsu.load("last")
    assert again.path == run.path and again.predict(picture) == run.predict(picture)
    assert tongsu.load(run.path).metrics == run.metrics
    recipe = run.run.recipe()
    assert recipe["model_args"]["hidden"] == [64, 32] and recipe["seed"] == 1


def test_wrong_use_is_a_problem(folders: Path) -> None:
    with pytest.raises(Problem, match="Did you mean lr"):
        tongsu.train("mlp", data="digits", lrr=0.1)
    with pytest.raises(Problem, match="no chapter"):
        tongsu.train("mpl")
    with pytest.raises(Problem, match="no runs"):
        tongsu.load("last")
    assert not (folders / "runs").exists()


def test_interrupted_and_resumed(folders: Path) -> None:
    """Ctrl-C in the middle saves, raises KeyboardInterrupt, and `resume` goes on."""
    events = folders / "runs" / "mlp-fast-1" / "events.jsonl"

    def press() -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if events.exists() and '"Step"' in events.read_text(encoding="utf-8"):
                os.kill(os.getpid(), signal.SIGINT)
                return
            time.sleep(0.01)

    before = signal.getsignal(signal.SIGINT)
    finger = threading.Thread(target=press)
    finger.start()
    long = {**DIGITS, "hidden": (1024, 1024), "batch_size": 4, "epochs": 5, "lr": 0.002}
    with pytest.raises(KeyboardInterrupt):
        tongsu.train("mlp", **long)  # type: ignore[arg-type]
    finger.join()
    assert signal.getsignal(signal.SIGINT) is before
    half = tongsu.load("last").run
    assert half.status == "interrupted" and 0 < half.checkpoints()[-1]["step"] < 600
    whole = tongsu.resume("last", show=False)
    assert whole.run.status == "finished" and whole.run.results()["steps"] == 600


@pytest.mark.parametrize(
    "code",
    [
        "import tongsu",
        "sys.argv = ['tongsu', '--help']; main()",
        "sys.argv = ['tongsu', 'train', '--help']; main()",
        "sys.argv = ['tongsu', '--version']; main()",
        "sys.argv = ['tongsu', 'runs', 'ls']; main()",
    ],
)
def test_torch_waits(code: str) -> None:
    program = f"""
import atexit, os, sys
from tongsu.cli import main
atexit.register(lambda: os._exit(9) if "torch" in sys.modules else None)
{code}
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
