"""All commands in one list."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command, get_group

from tongsu import __version__
from tongsu.cli.console import plain_errors
from tongsu.cli.help import Command, Group, page
from tongsu.errors import Problem
from tongsu.locale import LANGUAGES, t

# Module of `tongsu.cli` and what stands there for the command: a function, or a Typer with commands of its own.
COMMANDS = {
    "roadmap": "roadmap:roadmap",
    "train": "train:train",
    "evaluate": "use:evaluate",
    "card": "use:card",
    "predict": "use:predict",
    "generate": "use:generate",
    "explain": "explain:explain",
    "compare": "runs:compare",
    "runs": "runs:app",
    "lessons": "lessons:app",
    "exercise": "lessons:exercises",
    "data": "data:app",
    "pretrained": "pretrained:app",
    "export": "ship:export",
    "serve": "ship:serve",
    "push": "ship:push",
    "import": "keras:import_keras",
    "studio": "studio:studio",
    "bench": "bench:bench",
    "doctor": "doctor:doctor",
}


class Commands(TyperGroup):
    """A command's module is read when that command is asked for: the list of all needs none of them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        formatter.write(page(self, ctx, [(name, t(f"cli.help.{name}")) for name in COMMANDS]))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:  # all: Typer looks for one that is spelled alike
            if name not in self.commands:
                self.commands[name] = read(name)
        return self.commands.get(cmd_name)


def read(name: str) -> Any:
    """Import what stands behind a name of the table, and give it our help."""
    module, _, what = COMMANDS[name].partition(":")
    found = getattr(import_module(f"tongsu.cli.{module}"), what)
    if isinstance(found, typer.Typer):
        found.info.cls = Group
        for info in found.registered_commands:
            info.cls = Command
        command: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(cls=Command)(found)
        command = get_command(alone)
    command.name, command.help = name, t(f"cli.help.{name}")
    return command


app = typer.Typer(
    name="tongsu",
    cls=Commands,
    help=t("cli.help.tongsu"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

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
