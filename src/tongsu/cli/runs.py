"""`tongsu runs ls|show|rm` and `tongsu compare`: looking at training records without importing torch."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.markup import escape

from tongsu.cli.console import AsJson, console, emit
from tongsu.errors import Problem
from tongsu.locale import t
from tongsu.runs.atomic import size_text
from tongsu.runs.compare import differences, flat
from tongsu.runs.run import Run
from tongsu.runs.store import Entry, RunStore

app = typer.Typer(no_args_is_help=True)

Names = Annotated[list[str], typer.Argument(help=t("runs.help.runs"), metavar="RUN...")]
MEASURES = ("loss", "accuracy", "generator_loss", "discriminator_loss", "frechet_distance")
HEADLINE = ("test_accuracy", "test_frechet_distance")


@app.command("ls", help=t("runs.help.ls"))
def list_runs(
    chapter: Annotated[str | None, typer.Argument(help=t("runs.help.chapter"))] = None,
    as_json: AsJson = False,
) -> None:
    from rich.table import Table

    store = RunStore()
    found = store.list(chapter)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("name", "model", "data", "status", "result", "seconds", "active"):
        # Where the line is too narrow, these two are cut and all else stays whole.
        may_shrink = name in ("model", "data")
        table.add_column(t(f"runs.column.{name}"), no_wrap=not may_shrink, overflow="ellipsis")
    for entry in found:
        status, seconds = t(f"runs.status.{entry.status}"), _seconds(entry.seconds)
        written = map(escape, (entry.name, entry.model, entry.data))
        table.add_row(*written, status, _headline(entry), seconds, _moment(entry.active))
    if found:
        console.print(table)
        console.print(t("runs.text.count", count=len(found), folder=store.root), markup=False)
    else:
        console.print(t("runs.text.empty", folder=store.root), markup=False)
    emit({"folder": str(store.root), "runs": [_listed(entry) for entry in found]}, as_json)


@app.command("show", help=t("runs.help.show"))
def show(
    run: Annotated[str, typer.Argument(help=t("cli.help.run"), metavar="RUN")], as_json: AsJson = False
) -> None:
    from rich.table import Table

    found = RunStore().find(run)
    recipe, results = found.recipe(), found.results()
    steps = [entry["step"] for entry in found.checkpoints()]
    frames = [step for step, _ in found.frames()]
    events = sum(1 for _ in found.events())
    answer = {
        "run": str(found.path), "status": found.status, "recipe": recipe, "environment": found.environment(),
        "results": results, "checkpoints": steps, "frames": frames, "events": events, "size": found.size(),
    }  # fmt: skip
    title = t("runs.text.title", name=found.name, status=t(f"runs.status.{found.status}"))
    table = Table(title=title, show_header=False, title_justify="left")
    for name, value in flat(recipe).items():
        table.add_row(name, _text(value))
    table.add_section()
    for name, value in results.get("metrics", {}).items():
        table.add_row(_metric_name(name), _metric(name, value))
    for name in ("parameters", "train_seconds", "test_split"):
        if name in results:
            table.add_row(t(f"runs.column.{name.removeprefix('train_')}"), _field(name, results[name]))
    table.add_section()
    table.add_row(t("runs.column.checkpoints"), _text(steps))
    table.add_row(t("runs.column.frames"), _text(frames))
    table.add_row(t("runs.column.events"), f"{events:,}")
    table.add_row(t("runs.column.size"), size_text(found.size()))
    table.add_row(t("runs.column.path"), escape(str(found.path)))
    console.print(table)
    emit(answer, as_json)


@app.command("rm", help=t("runs.help.rm"))
def remove(
    runs: Names,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=t("runs.help.yes"))] = False,
    as_json: AsJson = False,
) -> None:
    store = RunStore()
    found = list(dict.fromkeys(store.find(run) for run in runs))
    size = size_text(sum(run.size() for run in found))
    names = ", ".join(run.name for run in found)
    if not yes and not typer.confirm(t("runs.text.ask", names=names, size=size), err=True):
        console.print(t("runs.text.kept"))
        found = []
    for run in found:
        store.remove(run)
        console.print(t("runs.text.removed", name=run.name), markup=False)
    emit({"removed": [str(run.path) for run in found]}, as_json)


def compare(
    runs: Names,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=t("runs.help.picture"))] = None,
    as_json: AsJson = False,
) -> None:
    """Side by side on the same axes: the recipe's fields that differ, size, metrics and time."""
    from rich.table import Table

    store = RunStore()
    found = list(dict.fromkeys(store.find(run) for run in runs))
    if len(found) < 2:
        raise Problem("runs.compare_one")
    differing = differences([run.recipe() for run in found])
    results = [run.results() for run in found]
    metrics = list(dict.fromkeys(name for result in results for name in result.get("metrics", {})))

    table = Table("", *(run.name for run in found))
    table.add_row(t("runs.column.status"), *(t(f"runs.status.{run.status}") for run in found))
    for name, values in differing.items():
        table.add_row(name, *map(_text, values))
    if not differing:
        console.print(t("runs.text.same"))
    table.add_section()
    for name in metrics:
        values = [result.get("metrics", {}).get(name) for result in results]
        table.add_row(_metric_name(name), *_marked(name, values))
    for name in ("parameters", "train_seconds"):
        cells = [_field(name, result.get(name)) for result in results]
        table.add_row(t(f"runs.column.{name.removeprefix('train_')}"), *cells)
    console.print(table)
    if output:
        draw(found, output)
        console.print(t("runs.text.drawn", file=output), markup=False)
    answers = [
        {"run": str(run.path), "status": run.status}
        | {name: result.get(name) for name in ("parameters", "train_seconds", "test_split", "metrics")}
        for run, result in zip(found, results, strict=True)
    ]
    emit({"runs": answers, "differences": differing, "picture": str(output) if output else None}, as_json)


def draw(runs: Sequence[Run], output: Path) -> None:
    """The learning curves of all runs on the same axes, as a .png or .svg file."""
    from tongsu.plots import History, curves, save

    save(curves([History(run.name, *run.history()) for run in runs], MEASURES), output)


def _listed(entry: Entry) -> dict[str, Any]:
    known = {name: value for name, value in vars(entry).items() if name != "path"}
    return {"run": str(entry.path), **known, "status": entry.status}


def _headline(entry: Entry) -> str:
    return next((_metric(name, entry.metrics[name]) for name in HEADLINE if name in entry.metrics), "–")


def _marked(name: str, values: Sequence[float | None]) -> list[str]:
    """The best value in bold."""
    known = [value for value in values if value is not None]
    best = (max if name.endswith(("accuracy", "coverage", "digit")) else min)(known) if known else None
    texts = [_metric(name, value) for value in values]
    return [f"[bold]{text}[/]" if value == best else text for text, value in zip(texts, values, strict=True)]


def _metric(name: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.2%}" if name.endswith("accuracy") else f"{value:.4g}"


def _metric_name(name: str) -> str:
    """test_accuracy -> "test: accuracy" in the reader's language; an unknown measure keeps its own name."""
    part, _, measure = name.partition("_")
    try:
        return t(f"runs.metric.{part}", name=t(f"train.measure.{measure}"))
    except KeyError:
        return name


def _field(name: str, value: Any) -> str:
    if value is None:
        return "–"
    if name == "train_seconds":
        return _seconds(value)
    return f"{value:,}" if name == "parameters" else escape(str(value))


def _seconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} s"


def _moment(seconds: float) -> str:
    return time.strftime("%m-%d %H:%M", time.localtime(seconds))


def _text(value: Any) -> str:
    if value is None:
        return "–"
    return escape(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
