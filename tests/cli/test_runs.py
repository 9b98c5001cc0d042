"""`tongsu runs` and `tongsu compare` on real folders, in both languages."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from tongsu.cli import runs
from tongsu.errors import Problem
from tongsu.locale import set_language
from tongsu.runs.store import Run, RunStore

app = typer.Typer()
app.add_typer(runs.app, name="runs")
app.command("compare")(runs.compare)


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(runs.console, "width", 200)
    set_language("en")
    yield RunStore()
    set_language(None)


def call(*words: str, type_in: str | None = None) -> Result:
    """Raises what the command raises; the program's entry makes a line and an exit code of a Problem."""
    result = CliRunner().invoke(app, words, input=type_in)
    if isinstance(result.exception, Problem):
        raise result.exception
    return result


def answer(result: Result) -> dict[str, Any]:
    """The one JSON object, on the last line of stdout."""
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout.splitlines()[-1])


def make(store: RunStore, chapter: str = "cnn", *, lr: float = 0.1, accuracy: float | None = 0.9) -> Run:
    run = store.create(chapter, "fast")
    run.write_recipe(
        {"chapter": chapter, "preset": "fast", "model": chapter, "data": "images:[b]/x", "seed": 1, "lr": lr,
         "model_args": {"channels": [1, 2]}, "optimizer_args": {"betas": [0.5, 0.9]} if lr < 0.1 else {}}
    )  # fmt: skip
    run.write_environment({"torch": "2"})
    run.append({"event": "Started", "step": 0})
    for step in range(1, 4):
        measures = {"loss": 1 / step, "accuracy": 1 - 1 / (step + 1)}
        run.append({"event": "Step", "step": step, "seconds": step * lr, "measures": measures})
    validation = {"loss": 0.3, "accuracy": 0.8}
    run.append({"event": "Evaluated", "step": 3, "seconds": 3 * lr, "validation": validation})
    if accuracy is not None:
        metrics = {"test_accuracy": accuracy, "test_loss": 1 - accuracy, "val_accuracy": accuracy}
        results = {"parameters": 225_034, "train_seconds": 10 * lr, "test_split": "the official test"}
        run.write_results({"metrics": metrics, **results})
        run.append({"event": "Finished", "step": 3, "seconds": 10 * lr, "metrics": metrics})
    return run


def test_ls(store: RunStore) -> None:
    result = call("runs", "ls")
    assert "tongsu train mlp" in result.stderr and result.stdout == ""
    make(store), make(store, "gan", accuracy=None)
    result = call("runs", "ls", "--json")
    listed = answer(result)["runs"]
    assert [(entry["name"], entry["status"]) for entry in listed] == [
        ("gan-fast-1", "training"), ("cnn-fast-1", "finished")
    ]  # fmt: skip
    assert listed[1]["metrics"]["test_accuracy"] == 0.9 and listed[1]["events"] == 6
    assert Run(Path(listed[0]["run"])).exists()
    assert "90.00%" in result.stderr and "images:[b]/x" in result.stderr and "2 runs" in result.stderr
    assert [entry["name"] for entry in answer(call("runs", "ls", "gan", "--json"))["runs"]] == ["gan-fast-1"]
    set_language("zh")
    assert "训练中" in call("runs", "ls").stderr


def test_show(store: RunStore) -> None:
    run = make(store)
    result = call("runs", "show", "last", "--json")
    shown = answer(result)
    assert shown["run"] == str(run.path) and shown["recipe"] == run.recipe() and shown["events"] == 6
    assert shown["results"]["parameters"] == 225_034 and shown["size"] > 500
    for text in ("model_args.channels", "[1, 2]", "225,034", "test: accuracy", "90.00%", "the official test"):
        assert text in result.stderr, text
    with pytest.raises(Problem) as caught:
        call("runs", "show", "cnn-fsat-1")
    assert caught.value.kind == "unknown" and "cnn-fast-1" in caught.value.hint


def test_rm_asks(store: RunStore) -> None:
    run, other = make(store), make(store)
    result = call("runs", "rm", run.name, type_in="n\n")
    assert "cnn-fast-1" in result.stderr and "KB" in result.stderr and run.exists()
    result = call("runs", "rm", run.name, "--json", type_in="y\n")
    assert answer(result) == {"removed": [str(run.path)]} and not run.exists()
    training = make(store, accuracy=None)
    with pytest.raises(Problem) as caught:
        call("runs", "rm", training.name, "--yes")
    assert caught.value.kind == "in-training"
    with pytest.raises(Problem):
        call("runs", "rm", other.name, "no-such-run", "--yes")  # all are found before one is deleted
    assert other.exists()
    call("runs", "rm", other.name, str(other.path), "-y")
    assert not other.exists()


def test_compare(store: RunStore, tmp_path: Path) -> None:
    first, second = make(store, accuracy=0.9), make(store, lr=0.05, accuracy=0.95)
    result = call("compare", first.name, second.name, "--json")
    compared = answer(result)
    assert compared["differences"] == {"lr": [0.1, 0.05], "optimizer_args.betas": [None, [0.5, 0.9]]}
    assert [one["metrics"]["test_accuracy"] for one in compared["runs"]] == [0.9, 0.95]
    assert [one["run"] for one in compared["runs"]] == [str(first.path), str(second.path)]
    for text in ("test: accuracy", "95.00%", "1.0 s", "0.5 s", "225,034"):
        assert text in result.stderr, text
    third = make(store, accuracy=None)
    result = call("compare", first.name, third.name)
    assert "same in every field" in result.stderr and "–" in result.stderr
    for alone in ([first.name], [first.name, str(first.path)]):
        with pytest.raises(Problem) as caught:
            call("compare", *alone)
        assert caught.value.kind == "compare-one"


def test_compare_draws_the_curves(store: RunStore, tmp_path: Path) -> None:
    from PIL import Image

    make(store), make(store, lr=0.05)
    for name in ("curves.png", "curves.svg"):
        made = answer(call("compare", "cnn-fast-1", "cnn-fast-2", "-o", str(tmp_path / name), "--json"))
        assert made["picture"] == str(tmp_path / name)
    with Image.open(tmp_path / "curves.png") as image:
        assert image.width > 1000 and len(image.convert("RGB").getcolors(1 << 20) or ()) > 50
    with pytest.raises(Problem):
        call("compare", "cnn-fast-1", "cnn-fast-2", "-o", str(tmp_path / "curves.docx"))


def test_torch_stays_out(store: RunStore) -> None:
    run, other = make(store), make(store)
    code = f"""
import sys
from typer.testing import CliRunner
import typer
from tongsu.cli import runs
app = typer.Typer()
app.add_typer(runs.app, name="runs")
app.command("compare")(runs.compare)
for words in (["runs", "ls"], ["runs", "show", "last"], ["compare", "{run.name}", "{other.name}"],
              ["runs", "rm", "last", "--yes"]):
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
