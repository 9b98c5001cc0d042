"""All commands in one list."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tongsu import __version__
from tongsu.cli import bench, data, doctor, explain, keras, lessons, pretrained, roadmap, runs, ship, studio, train, use
from tongsu.cli.console import plain_errors
from tongsu.errors import Problem
from tongsu.locale import LANGUAGES, t

app = typer.Typer(
    name="tongsu",
    help=t("cli.help.tongsu"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("roadmap", help=t("cli.help.roadmap"))(roadmap.roadmap)
app.command("train", help=t("cli.help.train"))(train.train)
app.command("evaluate", help=t("cli.help.evaluate"))(use.evaluate)
app.command("card", help=t("cli.help.card"))(use.card)
app.command("predict", help=t("cli.help.predict"))(use.predict)
app.command("generate", help=t("cli.help.generate"))(use.generate)
app.command("explain", help=t("explain.command.help"))(explain.explain)
app.command("compare", help=t("cli.help.compare"))(runs.compare)
app.add_typer(runs.app, name="runs", help=t("cli.help.runs"))
app.add_typer(lessons.app, name="lessons", help=t("lessons.help.lessons"))
app.add_typer(lessons.exercises, name="exercise", help=t("lessons.help.exercises"))
app.add_typer(data.app, name="data", help=t("cli.help.data"))
app.add_typer(pretrained.app, name="pretrained", help=t("pretrained.help.pretrained"))
app.command("export", help=t("cli.help.export"))(ship.export)
app.command("serve", help=t("cli.help.serve"))(ship.serve)
app.command("push", help=t("cli.help.push"))(ship.push)
app.command("import", help=t("cli.help.import"))(keras.import_keras)
app.command("studio", help=t("cli.help.studio"))(studio.studio)
app.command("bench", help=t("cli.help.bench"))(bench.bench)
app.command("doctor", help=t("cli.help.doctor"))(doctor.doctor)

# Typer carries its own copy of click; this is the base of all errors in how a command was typed.
CommandError: type[BaseException] = typer.BadParameter.__mro__[2]
assert CommandError.__name__ == "ClickException"


def show_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    lang: Annotated[str | None, typer.Option(help=t("cli.help.lang"), metavar="|".join(LANGUAGES))] = None,
    version: Annotated[
        bool, typer.Option("--version", help=t("cli.help.version"), callback=show_version, is_eager=True)
    ] = False,
) -> None:
    if lang is not None:  # `main` has taken every language that we speak
        raise Problem("cli.unknown_language", lang=lang, known=", ".join(LANGUAGES))


def run() -> None:
    with plain_errors():
        try:
            sys.exit(app(standalone_mode=False) or 0)
        except CommandError as error:
            if type(error).__name__ == "NoArgsIsHelpError":
                error.show()  # type: ignore[attr-defined]
                sys.exit(2)
            raise Problem("cli.usage", message=error.format_message()) from None  # type: ignore[attr-defined]
        except typer.Abort:
            sys.exit(130)
