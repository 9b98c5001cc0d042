"""A lesson as plain Markdown for a forge: every directive expanded, nothing live."""

from __future__ import annotations

from tongsu.lessons.cutting import cut
from tongsu.lessons.directives import Directive
from tongsu.lessons.exercises import find as find_exercise
from tongsu.lessons.figures import measured
from tongsu.lessons.glossary import idea, term
from tongsu.lessons.lesson import Block, Code, Lesson, Text, expand
from tongsu.lessons.parts import command, picture, picture_title
from tongsu.locale import speaking, t


def markdown(lesson: Lesson, pictures: str = "../pictures/", words: str = "glossary.md") -> str:
    """`pictures`: what stands before their names, seen from the file that this becomes. `words`: the page to which
    terms lead; without one they are words alone."""
    with speaking(lesson.language):
        parts = (block_markdown(lesson, block, pictures, words) for block in lesson.blocks)
        return "\n\n".join(part for part in parts if part) + "\n"


def block_markdown(lesson: Lesson, block: Block, pictures: str, words: str = "glossary.md") -> str:
    """One block, in the language that is spoken."""
    if isinstance(block, Text):
        return expand(lesson.file, block, lambda one: in_sentence(lesson, one, words))
    if isinstance(block, Code):
        shown = f"```{block.language}\n{block.text}```"
        return shown if block.output is None else f"{shown}\n\n{t('lessons.prints')}\n\n```text\n{block.output}```"
    return alone(lesson, block, pictures)


def in_sentence(lesson: Lesson, directive: Directive, words: str) -> str:
    if directive.name == "measured":
        return measured(directive, lesson.language)
    found, lang = term(directive), lesson.language
    word = f"**{found.word(lang)}**"
    linked = f"[{word}]({words}#{found.heading(lang).slug})" if words else word
    return t("lessons.term", word=linked, other=found.other(lang))


def alone(lesson: Lesson, directive: Directive, pictures: str) -> str:
    if directive.name == "idea":
        idea(directive)  # it must be known; the heading above it is where the index leads
        return ""
    if directive.name == "code":
        found = cut(directive)
        caption = t("lessons.from_source", file=found.file, line=found.first)
        return f"```python\n{found.text}```\n\n*{caption}*"
    if directive.name == "exercise":
        exercise = find_exercise(directive.target, directive.place)
        quoted = "\n".join(f"> {line}".rstrip() for line in exercise.text.splitlines())
        return f"> **{t('lessons.exercise_title', title=exercise.title)}**\n>\n{quoted}\n>\n> `{exercise.usage}`"
    path = picture(directive, lesson.language)
    shown = [f"![{picture_title(lesson, directive)}]({pictures}{path.name})"] if path else []
    own = [t("lessons.own_view", command=command(directive))] if directive.name == "view" else []
    return "\n\n".join([*shown, *own])
