"""`tongsu doctor`: examine this machine."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer
from rich.markup import escape

from tongsu.cli.console import AsJson, console, emit
from tongsu.locale import t

MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "·"}


def doctor(
    network: Annotated[bool, typer.Option("--network", help=t("doctor.help.network"))] = False,
    as_json: AsJson = False,
) -> None:
    from rich.table import Table

    from tongsu.doctor import examine

    with console.status(t("doctor.examining")):
        findings = examine(network=network)
    table = Table(show_header=False, box=None)
    for finding in findings:
        table.add_row(MARKS[finding.ok], finding.title, escape(finding.value))
        if finding.advice:
            table.add_row("", "", f"[yellow]→ {escape(finding.advice)}[/]")
    console.print(table)
    bad = [finding for finding in findings if finding.ok is False]
    console.print(t("doctor.mend", count=len(bad)) if bad else t("doctor.sound"), markup=False)
    emit({"ok": not bad, "findings": [dataclasses.asdict(finding) for finding in findings]}, as_json)
    if bad:
        raise typer.Exit(1)
