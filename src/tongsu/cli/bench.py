"""`tongsu bench`: how fast this machine is, in under a minute."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.start import start_torch
from tongsu.locale import t

Chapters = Annotated[list[str] | None, typer.Argument(help=t("bench.help.chapters"), metavar="[CHAPTER]...")]


def bench(
    chapters: Chapters = None,
    device: Annotated[str, typer.Option(help=t("cli.help.device"))] = "auto",
    as_json: AsJson = False,
) -> None:
    start_torch()
    from rich.table import Table

    from tongsu.bench import measure
    from tongsu.recipes import CHAPTERS
    from tongsu.recipes.choose import choose
    from tongsu.session import environment
    from tongsu.training.device import matmul_speed, pick_device

    chosen = list(dict.fromkeys(chapters or CHAPTERS))
    for chapter in chosen:
        choose(chapter)  # an unknown one is refused before anything is measured
    place = pick_device(device)
    speeds, peaks = [], [matmul_speed(place)]
    with console.status("") as status:
        for chapter in chosen:
            status.update(t("bench.measuring", chapter=chapter))
            speeds += list(measure(chapter, place))
            peaks.append(matmul_speed(place))
    peak = max(peaks)  # what else runs on the machine can only make it look slower

    table = Table(*(t(f"bench.column.{name}") for name in ("net", "preset", "step", "share", "training")), box=None)
    for column in table.columns[2:]:
        column.justify = "right"
    for speed in speeds:
        step = t("bench.milliseconds", value=f"{1000 * speed.step_seconds:,.1f}")
        table.add_row(speed.net, speed.preset, step, f"{speed.operations / peak:.0%}", duration(speed.training_seconds))
    console.print(t("bench.peak", speed=f"{peak / 1e9:,.0f}", device=place, threads=environment()["threads"]))
    console.print(table)
    console.print(t("bench.note"), style="dim")
    rows = [{**dataclasses.asdict(speed), "share_of_peak": speed.operations / peak} for speed in speeds]
    emit({"peak": peak, "device": str(place), "environment": environment(), "rows": rows}, as_json)


def duration(seconds: float) -> str:
    if seconds < 60:
        return t("bench.seconds", value=f"{seconds:.1f}")
    return t("bench.minutes", value=f"{seconds / 60:.1f}")
