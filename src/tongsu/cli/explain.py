"""`tongsu explain RUN [VIEW] [INPUT]`: how a run's model comes to its answers, as a picture or as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.start import start_torch
from tongsu.errors import Problem
from tongsu.locale import t

if TYPE_CHECKING:
    from tongsu.learned import Learned
    from tongsu.views import Seen

KINDS = (".png", ".svg", ".json", ".csv")
Run = Annotated[str, typer.Argument(help=t("cli.help.run"), metavar="RUN")]
View = Annotated[str | None, typer.Argument(help=t("explain.command.view"), metavar="[VIEW]")]
Input = Annotated[str | None, typer.Argument(help=t("explain.command.input"), metavar="[INPUT]")]
Settings = Annotated[list[str] | None, typer.Option("--set", help=t("explain.command.set"), metavar="NAME=VALUE")]
Layer = Annotated[str | None, typer.Option(help=t("explain.command.layer"))]
Output = Annotated[Path | None, typer.Option("-o", "--output", help=t("explain.command.output"))]


def explain(
    run: Run,
    view: View = None,
    input: Input = None,
    frame: Annotated[int | None, typer.Option(help=t("cli.help.frame"))] = None,
    layer: Layer = None,
    settings: Settings = None,
    output: Output = None,
    as_json: AsJson = False,
) -> None:
    parameters = _parameters(settings or [], layer)
    if output is not None and output.suffix.lower() not in KINDS:  # before anything is worked out
        raise Problem("explain.file_kind", file=output.name)

    start_torch()
    from tongsu import views
    from tongsu.learned import Learned
    from tongsu.pretrained.built_in import find

    learned = Learned.load(find(run), frame)
    if view is None:
        _list(learned, run, as_json)
        return
    raw: Any = views.Example.parse(input) if input else None
    seen = views.ask(learned, view, raw or input, parameters)
    path = output or learned.run.pictures / f"{view}.png"
    _write(seen, path)
    console.print(t("explain.command.written", title=t(f"explain.view.{view}.title"), path=path), markup=False)
    if as_json:
        emit({"run": str(learned.run.path), "frame": frame, "file": str(path), **views.as_json(seen)}, as_json)


def _parameters(settings: list[str], layer: str | None) -> dict[str, Any]:
    parameters: dict[str, Any] = {"layer": layer} if layer else {}
    for text in settings:
        name, sign, value = text.partition("=")
        if not (sign and name.strip()):
            raise Problem("explain.option_form", text=text)
        parameters[name.strip()] = value.strip()
    return parameters


def _list(learned: Learned, run: str, as_json: bool) -> None:
    """The views that fit this run, and what may be set."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from tongsu import views
    from tongsu.explain import schema

    table = Table(*(t(f"explain.command.column_{name}") for name in ("view", "about", "options")), box=SIMPLE_HEAD)
    listed = []
    for name, view in views.fitting(learned).items():
        about, options = t(f"explain.view.{name}.about"), views.parameters_of(view)
        wants = f" ({t('explain.command.wants_one')})" if view.input == "one" else ""
        table.add_row(name, about + wants, " ".join(option.name for option in options))
        listed.append({
            "name": name, "title": t(f"explain.view.{name}.title"), "about": about, "input": view.input,
            "parameters": [
                {"name": option.name, "default": option.default, "schema": schema(option),
                 "help": t(f"explain.parameter.{option.name}")}
                for option in options
            ],
        })  # fmt: skip
    console.print(table)
    console.print(t("explain.command.hint", run=run), markup=False)
    emit({"run": str(learned.run.path), "views": listed}, as_json)


def _write(seen: Seen, path: Path) -> None:
    """A picture, or the numbers: whole or not at all."""
    import csv
    import io

    from tongsu import explain, views
    from tongsu.plots import save
    from tongsu.runs.atomic import write_json, write_text

    kind = path.suffix.lower()
    if kind == ".json":
        write_json(path, views.as_json(seen))
    elif kind == ".csv":
        rows = list(explain.rows(seen.answer))
        axes = sorted({name for row in rows for name in row} - {"field", "value"})
        text = io.StringIO()
        table = csv.DictWriter(text, ["field", *axes, "value"], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_text(path, text.getvalue())
    else:
        save(views.picture(seen), path)
