"""`tongsu roadmap`: all chapters, one after another, and the report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.data import bring
from tongsu.cli.start import start_torch
from tongsu.errors import Problem
from tongsu.locale import t


def roadmap(
    chapters: Annotated[list[str] | None, typer.Argument(help=t("cli.help.chapters"), metavar="[CHAPTER]...")] = None,
    preset: Annotated[str, typer.Option(help=t("cli.help.roadmap_preset"))] = "fast",
    seed: Annotated[int, typer.Option(help=t("cli.help.seed"))] = 0,
    device: Annotated[str, typer.Option(help=t("cli.help.device"))] = "auto",
    output: Annotated[Path, typer.Option("-o", "--output", help=t("cli.help.report"))] = Path("report"),
    as_json: AsJson = False,
) -> None:
    start_torch()
    from tongsu.cli.progress import follow
    from tongsu.recipes.choose import choose, nearest
    from tongsu.roadmap import PLAN, Trained, session_for, table, write_reports

    for chapter in chapters or []:
        if chapter not in {stop.chapter for stop in PLAN}:
            known = nearest(chapter, {stop.chapter for stop in PLAN})
            raise Problem("train.unknown_chapter", chapter=chapter, nearest=known)
    stops = [stop for stop in PLAN if not chapters or stop.chapter in chapters]
    for name in dict.fromkeys(choose(stop.chapter, preset).data for stop in stops):
        bring(name)
    done: list[Trained] = []
    for stop in stops:
        console.rule(f"[bold]{stop.title}")
        with console.status(t("train.preparing")):
            session = session_for(stop, preset, seed)
        stopped = follow(session.events(device), session.recipe)
        if stopped:
            console.print(t("train.interrupted", name=session.run.name), markup=False)
            raise typer.Exit(stopped)
        done.append(Trained(stop, session.run, session.dataset))
    with console.status(t("train.drawing")):
        path = write_reports(done, output, preset=preset, seed=seed)
    rows = table(done)
    show(rows)
    console.print(t("train.report", path=path.resolve()), markup=False)
    emit({"report": str(path), "rows": rows}, as_json)


def show(rows: list[dict[str, object]]) -> None:
    from rich.table import Table

    names = ("model", "parameters", "result", "reference", "seconds", "reference_seconds", "data")
    table = Table(*(t(f"report.column.{name}") for name in names))
    for row in rows:
        accuracy = str(row["metric_name"]).endswith("accuracy")
        shape = "{:.2%}" if accuracy else "{:.1f}"
        values = [shape.format(row[name]) if row[name] is not None else "–" for name in ("metric", "reference_metric")]
        seconds = [f"{row[name]:.0f} s" if row[name] is not None else "–" for name in ("seconds", "reference_seconds")]
        table.add_row(
            str(row["model"]), f"{row['parameters']:,}", *values, *seconds, str(row["data"])
        )
    console.print(table)
    for data, split in dict.fromkeys((row["data"], row["split"]) for row in rows):
        console.print(f"{data}: {split}", markup=False)
