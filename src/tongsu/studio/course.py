"""The lessons as the studio shows them: section by section, each view with the net that the lesson trains before it and
with the person's runs that can show it."""

from __future__ import annotations

import ast
import re
import shlex
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from tongsu.errors import Problem
from tongsu.lessons.directives import Directive
from tongsu.lessons.lesson import Code, Lesson, find
from tongsu.lessons.parts import view_of
from tongsu.lessons.to_html import html
from tongsu.locale import Language
from tongsu.recipes.choose import DECIDED, choose
from tongsu.runs.store import Run
from tongsu.studio.jobs import pairs
from tongsu.studio.studio import Studio
from tongsu.views import fitting

Values = dict[str, Any]
PICTURES = "/api/lessons/pictures/"
LOOKED = 12  # runs of a chapter that are tried, the newest first
NET = ("model", "model_args", "data", "data_args")  # of a recipe: the same net on the same data
FILES = ("table:", "images:", "points:")  # data that a lesson's own program makes


@dataclass(frozen=True)
class Section:
    """From one heading of the second level to the next; the first, `top`, is the title with what follows it. `key` is
    the same in all languages: the anchor of the English heading."""

    key: str
    title: str
    html: str


def sections(lesson: Lesson) -> list[Section]:
    """Links to other lessons lead to pages of the studio."""
    parts = re.split(r'(?=<h2 id=")', html(lesson, PICTURES))
    titles = [one.text for one in lesson.headings if one.level <= 2]
    return [
        Section(key, title, _linked(part, lesson.language))
        for key, title, part in zip(keys(lesson.name), titles, parts, strict=True)
    ]


def keys(lesson: str) -> list[str]:
    return ["top", *(one.slug for one in find(lesson, "en").headings if one.level == 2)]


def section_of(lesson: Lesson, slug: str) -> str | None:
    """The key of the section with this anchor in it; None when there is none."""
    number = -1
    for heading in lesson.headings:
        number += heading.level <= 2
        if heading.slug == slug:
            return keys(lesson.name)[number]
    return None


def _linked(part: str, lang: Language) -> str:
    def one(found: re.Match[str]) -> str:
        key = section_of(find(found[1], lang), unquote(found[2] or ""))
        return f'<a href="#/lessons/{found[1]}{f"?section={key}" if key else ""}"'

    return re.sub(r'<a data-lesson="([^"]+)" href="[^"#]*(?:#([^"]*))?"', one, part)


# What a lesson trains -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """A training as `tongsu.train` is asked for in a lesson. `own`: on the lesson's own data; False: its program makes
    them first, so the chapter's own data stand in."""

    chapter: str
    preset: str = "fast"
    data: str | None = None
    changes: Values = field(default_factory=dict)
    own: bool = True

    @property
    def command(self) -> str:
        preset = [] if self.preset == "fast" else ["--preset", self.preset]
        data = [f"data={self.data}"] if self.data else []
        return shlex.join(["tongsu", "train", self.chapter, *preset, *data, *pairs(self.changes)])

    def net(self) -> Values:
        return net_of(choose(self.chapter, self.preset, self.data, pairs(self.changes)).to_dict())

    def to_dict(self) -> Values:
        return {"chapter": self.chapter, "preset": self.preset, "data": self.data, "changes": self.changes,
                "own": self.own, "command": self.command}  # fmt: skip


def offers(lesson: Lesson) -> list[tuple[Directive, Offer]]:
    """Each view, and the training that stands last before it in the lesson's program."""
    found: list[tuple[Directive, Offer]] = []
    known: Values = {}
    last: Offer | None = None
    for block in lesson.blocks:
        if isinstance(block, Code) and block.language == "python":
            for statement in ast.parse(block.text).body:
                last = _trained(statement, known) or last
        elif isinstance(block, Directive) and block.name == "view":
            assert last is not None, f"{block.place}: nothing was trained before this view"
            found.append((block, last))
    return found


def _trained(statement: ast.stmt, known: Values) -> Offer | None:
    """The training that a statement begins; constants that it names go into `known`."""
    if not isinstance(statement, ast.Assign):
        return None
    call = statement.value
    if isinstance(call, ast.Call) and ast.unparse(call.func) == "tongsu.train":
        return _offer(call, known)
    with suppress(_Unknown):
        known.update({target.id: _value(call, known) for target in statement.targets if isinstance(target, ast.Name)})
    return None


class _Unknown(Exception):
    """Not a constant: it comes about when the program runs."""


def _value(node: ast.expr, known: Values) -> Any:
    """A constant of a lesson: literals, names of such, and sums of them. The lessons are part of this package."""
    calls = (ast.Call, ast.Attribute, ast.comprehension, ast.Lambda, ast.JoinedStr)
    if any(isinstance(part, calls) for part in ast.walk(node)):
        raise _Unknown
    try:
        return eval(compile(ast.Expression(node), "lesson", "eval"), {"__builtins__": {}}, known)
    except Exception:
        raise _Unknown from None


def _offer(call: ast.Call, known: Values) -> Offer:
    named: Values = {}
    own = True
    for keyword in call.keywords:
        try:
            value = _value(keyword.value, known)
        except _Unknown:
            own = False
            continue
        named.update({keyword.arg: value} if keyword.arg else value)
    data = named.pop("data", None)
    chapter, preset, *_ = [*(_value(one, known) for one in call.args), "fast"]
    if not own or str(data).startswith(FILES):  # only the kind of net can be kept
        single = [one for one in call.keywords if one.arg not in (None, "data", "show")]
        return Offer(chapter, "quick", None, {str(one.arg): _value(one.value, known) for one in single}, own=False)
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in named.items() if key != "show"}
    return Offer(chapter, preset, data, plain)


# Whose runs can show it ---------------------------------------------------------------------------------------------


def shown_by(studio: Studio, lesson: Lesson) -> list[Values]:
    """For each view: what to train for it, and the runs that can show it: first those with the lesson's own net on the
    lesson's own data, each group from new to old."""
    fits: dict[str, dict[str, frozenset[str]]] = {}
    told = []
    for directive, offer in offers(lesson):
        if offer.chapter not in fits:
            fits[offer.chapter] = {entry.name: views_of(studio, Run(entry.path))
                                   for entry in studio.store.list(offer.chapter)[:LOOKED]}  # fmt: skip
        net = offer.net()
        names = [name for name, views in fits[offer.chapter].items() if view_of(directive) in views]
        same = {name for name in names if offer.own and net_of(studio.jobs.find(name).recipe()) == net}
        ordered = sorted(names, key=lambda name: name not in same)
        told.append({"offer": offer.to_dict(), "runs": [{"name": name, "same": name in same} for name in ordered]})
    return told


def views_of(studio: Studio, run: Run) -> frozenset[str]:
    """The views that fit a run; none while it has no weights."""
    with suppress(Problem), studio.answers.model(run) as (learned, _):
        return frozenset(fitting(learned))
    return frozenset()


def net_of(recipe: Values) -> Values:
    """What a recipe says of the net and its data, without what the data decide of the net."""
    found = {name: recipe[name] for name in NET}
    return {**found, "model_args": {key: value for key, value in recipe["model_args"].items() if key not in DECIDED}}
