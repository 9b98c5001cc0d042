"""Terms and ideas: what each word means in both languages, and which lesson's heading an idea leads to."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tongsu.errors import Problem
from tongsu.lessons.directives import Directive
from tongsu.lessons.lesson import Heading, find, names
from tongsu.locale import Language, speaking, t

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Term:
    """A term in both languages, and one plain sentence in each."""

    key: str
    en: str
    zh: str
    sentence_en: str
    sentence_zh: str

    def word(self, lang: Language) -> str:
        return self.zh if lang == "zh" else self.en

    def other(self, lang: Language) -> str:
        return self.en if lang == "zh" else self.zh

    def sentence(self, lang: Language) -> str:
        return self.sentence_zh if lang == "zh" else self.sentence_en

    def heading(self, lang: Language) -> Heading:
        """Its place in the written glossary."""
        with speaking(lang):
            return Heading(2, t("lessons.term", word=self.word(lang), other=self.other(lang)), 0)


@dataclass(frozen=True)
class Idea:
    """An idea of the road map and the lesson that it belongs to."""

    key: str
    en: str
    zh: str
    lesson: str

    def word(self, lang: Language) -> str:
        return self.zh if lang == "zh" else self.en


@cache
def terms() -> dict[str, Term]:
    """By key; the keys in the order of the alphabet."""
    written = tomllib.loads((FOLDER / "glossary.toml").read_text(encoding="utf-8"))
    return {key: Term(key, **entry) for key, entry in written.items()}


@cache
def ideas() -> dict[str, Idea]:
    """By key, in the order of the road map."""
    written = tomllib.loads((FOLDER / "ideas.toml").read_text(encoding="utf-8"))
    return {key: Idea(key, **entry) for key, entry in written.items()}


def term(directive: Directive) -> Term:
    if directive.target not in terms():
        known = ", ".join(key for key in terms() if directive.target[:3] in key) or "glossary.toml"
        raise Problem("lessons.no_term", place=directive.place, name=directive.target, known=known)
    return terms()[directive.target]


@cache
def introduced(lang: Language) -> dict[str, str]:
    """Key of a term -> the lesson that introduces it; those that no lesson introduces are missing."""
    found: dict[str, str] = {}
    for name in names():
        for directive in find(name, lang).directives("term"):
            found.setdefault(term(directive).key, name)
    return found


def idea(directive: Directive) -> Idea:
    if directive.target not in ideas():
        raise Problem("lessons.no_idea", place=directive.place, name=directive.target, known=", ".join(ideas()))
    return ideas()[directive.target]


def places(lang: Language) -> dict[str, tuple[str, str, str]]:
    """Where each idea is explained: key -> (lesson, heading, anchor of the heading). Ideas of lessons that are not
    written yet are missing."""
    found = {}
    for name in names():
        lesson = find(name, lang)
        for directive in lesson.directives("idea"):
            heading = lesson.heading_above(directive)
            found[idea(directive).key] = (name, heading.text, heading.slug)
    return {key: found[key] for key in ideas() if key in found}
