"""How the command line speaks: people on stderr, programs on stdout, and mistakes in one line."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from tongsu.errors import Problem
from tongsu.locale import t

console = Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())

AsJson = Annotated[bool, typer.Option("--json", help=t("cli.help.json"))]


def emit(answer: dict[str, Any], as_json: bool) -> None:
    """The one JSON object of a command, on the last line of stdout."""
    if as_json:
        print(json.dumps(answer, ensure_ascii=False, allow_nan=False, default=str), flush=True)


@contextmanager
def plain_errors() -> Iterator[None]:
    """A `Problem` ends the program with its own exit code and one clear line, never with a traceback."""
    try:
        yield
    except Problem as problem:
        emit({"error": {"kind": problem.kind, "message": problem.message, "hint": problem.hint}}, "--json" in sys.argv)
        start = t("cli.error")
        console.print(f"[bold red]{start}[/]", end="" if start.endswith("：") else " ")
        console.print(problem.message, markup=False)
        if problem.hint:
            console.print(f"→ {problem.hint}", style="dim", markup=False)
        sys.exit(problem.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
