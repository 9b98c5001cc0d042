"""A lesson: one Markdown file for each language, `en/NN-name.md` and `zh/NN-name.md`, which reads well as it is.

It is a list of blocks: text (with directives within its sentences), fenced code, and directives that stand alone.
Fences: `python` runs, and all of a lesson's are one program, in order; `output` right after it is what it prints; all
others are shown only.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from tongsu.errors import Problem
from tongsu.lessons.directives import PIECE, WHOLE, Directive, read
from tongsu.locale import Language, language

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Text:
    """Markdown from line `line` on (counted from 1)."""

    markdown: str
    line: int


@dataclass(frozen=True)
class Code:
    language: str
    text: str
    line: int
    output: str | None = None  # what it prints


Block = Text | Code | Directive


def slug(text: str) -> str:
    """A heading's anchor as forges make it: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")


@dataclass(frozen=True)
class Heading:
    level: int
    text: str
    line: int

    @property
    def slug(self) -> str:
        return slug(self.text)


@dataclass(frozen=True)
class Lesson:
    name: str
    language: Language
    blocks: tuple[Block, ...] = field(repr=False)
    headings: tuple[Heading, ...] = field(repr=False)

    @property
    def file(self) -> str:
        return f"{self.language}/{self.name}.md"

    @property
    def title(self) -> str:
        return self.headings[0].text

    @property
    def short(self) -> str:
        """The title up to its colon: what the lesson is called where there is little room."""
        return re.split("[:：]", self.title)[0]

    def directives(self, *names: str) -> Iterator[Directive]:
        """In their order, those in sentences too; all, or those of these names."""
        for block in self.blocks:
            found = in_sentences(self.file, block) if isinstance(block, Text) else [block]
            yield from (one for one in found if isinstance(one, Directive) and (not names or one.name in names))

    def heading_above(self, directive: Directive) -> Heading:
        line = int(directive.place.rpartition(":")[2])
        return [heading for heading in self.headings if heading.line <= line][-1]


def names() -> list[str]:
    """All lessons, in their order."""
    return sorted(path.stem for path in (FOLDER / "en").glob("[0-9][0-9]-*.md"))


def find(name: str, lang: Language | None = None) -> Lesson:
    """A lesson by its name or its number (`00-start-here`, `start-here`, `0`). Raises Problem when there is none."""
    known = names()
    fitting = [one for one in known if name in (one, one[3:]) or (name.isdecimal() and int(name) == int(one[:2]))]
    if not fitting:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.4) or known
        raise Problem("lessons.unknown_lesson", name=name, known=", ".join(near))
    lang = lang or language()
    path = FOLDER / lang / f"{fitting[0]}.md"
    return parse(path.read_text(encoding="utf-8"), fitting[0], lang)


def parse(text: str, name: str, lang: Language) -> Lesson:
    """Raises Problem, naming file and line, for a directive that cannot be one and for code that would not run."""
    file, lines = f"{lang}/{name}.md", text.splitlines()
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    blocks: list[Block] = []
    written = 0  # lines that have become blocks

    def prose(until: int) -> None:
        markdown = "\n".join(lines[written:until])
        if markdown.strip():
            skipped = len(markdown) - len(markdown.lstrip("\n"))
            blocks.append(Text(markdown.strip("\n"), written + 1 + skipped))

    for at, token in enumerate(tokens):
        if not token.map:
            continue
        start, end = token.map
        if token.type == "fence":
            kind = token.info.strip()
            if token.level and kind in ("python", "output"):
                raise Problem("lessons.nested_code", place=f"{file}:{start + 1}")
            if token.level:
                continue
            prose(start)
            blocks += _fence(blocks, kind, token.content, f"{file}:{start + 1}", start + 1)
            written = end
        elif token.type == "paragraph_open" and not token.level:
            own = [line.strip() for line in tokens[at + 1].content.splitlines()]
            if all(WHOLE.fullmatch(line) for line in own):
                alone = [read(line[2:-2], f"{file}:{start + 1 + n}", block=True) for n, line in enumerate(own)]
                prose(start)
                blocks += alone
                written = end
    prose(len(lines))
    lesson = Lesson(name, lang, tuple(blocks), _headings(tokens))
    if not lesson.headings or lesson.headings[0].level != 1:
        raise Problem("lessons.no_title", file=file)
    list(lesson.directives())  # those in sentences are read now, not when somebody looks
    return lesson


def _fence(blocks: list[Block], kind: str, text: str, place: str, line: int) -> list[Block]:
    """One fence; an `output` becomes part of the code before it."""
    if kind != "output":
        return [Code(kind, text, line)]
    before = blocks.pop() if blocks else None
    if not isinstance(before, Code) or before.language != "python" or before.output is not None:
        raise Problem("lessons.lone_output", place=place)
    return [replace(before, output=text)]


def _headings(tokens: list[Token]) -> tuple[Heading, ...]:
    return tuple(
        Heading(int(token.tag[1]), tokens[at + 1].content, (token.map or [0])[0] + 1)
        for at, token in enumerate(tokens) if token.type == "heading_open" and not token.level
    )  # fmt: skip


def expand(file: str, block: Text, put: Callable[[Directive], str]) -> str:
    """The Markdown with what `put` makes of each directive in its sentences; code and formulas stay."""

    def one(found: re.Match[str]) -> str:
        if found["inside"] is None:
            return found[0]
        line = block.line + block.markdown.count("\n", 0, found.start())
        return put(read(found["inside"], f"{file}:{line}", block=False))

    return PIECE.sub(one, block.markdown)


def in_sentences(file: str, block: Text) -> list[Directive]:
    found: list[Directive] = []

    def note(one: Directive) -> str:
        found.append(one)
        return ""

    expand(file, block, note)
    return found
