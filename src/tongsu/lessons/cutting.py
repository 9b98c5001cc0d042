"""`{{code FILE:NAME from=TEXT to=TEXT}}`: our own source in a lesson, found by name when the lesson is built.

FILE stands in `src/tongsu`; NAME is a function, a class, a method (`RNN.forward`) or a name that is assigned; `from`
and `to` narrow it down to the lines from the first that has this text to the first after it that has that one.
"""

from __future__ import annotations

import ast
import textwrap
from dataclasses import dataclass
from pathlib import Path

from tongsu.errors import Problem
from tongsu.lessons.directives import Directive

PACKAGE = Path(__file__).parents[1]
MOST = 16  # lines: a lesson shows what matters, the file has the rest


@dataclass(frozen=True)
class Cut:
    """`file` within the package, `first` its line (from 1)."""

    file: str
    name: str
    first: int
    text: str


def cut(directive: Directive) -> Cut:
    """Raises Problem, naming the lesson's file and line, for what is not there or too long."""
    file, colon, name = directive.target.partition(":")
    path, place = PACKAGE / file, directive.place
    if not (colon and path.is_file() and path.suffix == ".py"):
        raise Problem("lessons.no_source", place=place, file=file)
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    first, last = _of(ast.parse(text), name, directive)
    for option, side in (("from", 0), ("to", 1)):
        if wanted := directive.options.get(option):
            fitting = [at for at in range(first, last + 1) if wanted in lines[at - 1]]
            if not fitting:
                raise Problem("lessons.no_line", place=place, text=wanted, name=name, file=file)
            first, last = (fitting[0], last) if side == 0 else (first, fitting[0])
    if last - first + 1 > MOST:
        raise Problem("lessons.too_long", place=place, name=name, lines=last - first + 1, most=MOST)
    return Cut(file, name, first, textwrap.dedent("\n".join(lines[first - 1 : last])).strip("\n") + "\n")


def _of(tree: ast.Module, name: str, directive: Directive) -> tuple[int, int]:
    """First and last line of `Class.method` and the like."""
    body: list[ast.stmt] = tree.body
    found: ast.stmt | None = None
    for part in name.split("."):
        named = {one: node for node in body for one in _names(node)}
        if part not in named:
            file = directive.target.partition(":")[0]
            raise Problem("lessons.no_name", place=directive.place, name=part, file=file, known=", ".join(named) or "–")
        found = named[part]
        body = getattr(found, "body", [])
    assert found is not None
    decorators = getattr(found, "decorator_list", [])
    return min([found.lineno, *(one.lineno for one in decorators)]), found.end_lineno or found.lineno


def _names(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [one.id for one in targets if isinstance(one, ast.Name)]
