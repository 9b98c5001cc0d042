"""What the renderers share: a directive's words, its picture, the command behind a view, the text of an exercise."""

from __future__ import annotations

import shlex
from pathlib import Path

from tongsu.errors import Problem
from tongsu.lessons.directives import Directive
from tongsu.lessons.lesson import Lesson
from tongsu.locale import Language, catalogue, speaking, t

PICTURES = Path(__file__).parent / "pictures"


def picture_name(directive: Directive) -> str | None:
    """The picture of a `view` (where it has one) or of a `picture`."""
    return directive.target if directive.name == "picture" else directive.options.get("picture")


def picture(directive: Directive, lang: Language) -> Path | None:
    """Its file, which must be there."""
    name = picture_name(directive)
    if name is None:
        return None
    path = PICTURES / f"{name}.{lang}.png"
    if not path.is_file():
        known = sorted({one.name.split(".")[0] for one in PICTURES.glob("*.png")})
        raise Problem("lessons.no_picture", place=directive.place, name=name, known=", ".join(known) or "–")
    return path


def picture_title(lesson: Lesson, directive: Directive) -> str:
    """What the picture shows: the title of its view."""
    name = picture_name(directive)
    views = [one for one in lesson.directives("view") if one.options.get("picture") == name]
    with speaking(lesson.language):
        return t(f"explain.view.{view_of(views[0])}.title") if views else str(name)


def view_of(directive: Directive) -> str:
    """The view's name. Raises Problem, naming the lesson's file and line, when there is no such view."""
    name, known = directive.words[1], catalogue("explain", "en")["view"]
    assert isinstance(known, dict)
    if name not in known:
        raise Problem("lessons.no_view", place=directive.place, name=name, known=", ".join(known))
    return name


def asked(directive: Directive) -> dict[str, str]:
    """The view's own parameters."""
    return {name: value for name, value in directive.options.items() if name != "picture"}


def command(directive: Directive) -> str:
    """The same question on the command line."""
    view_of(directive)
    settings = [word for name, value in asked(directive).items() for word in ("--set", f"{name}={value}")]
    return shlex.join(["tongsu", "explain", *directive.words, *settings])


def call(directive: Directive) -> str:
    """The same question in Python."""
    view_of(directive)
    run, name, *given = directive.words
    words = [repr(run), repr(name), *map(repr, given)]
    return f"show({', '.join([*words, *(f'{key}={value!r}' for key, value in asked(directive).items())])})"
