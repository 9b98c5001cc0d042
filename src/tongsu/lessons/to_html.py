"""A lesson as HTML for the studio. Formulas stay TeX in `.math` elements, for the page's own KaTeX; a view is a
`figure.lesson-view` with everything that is needed to ask it of a run, and its committed picture inside until then."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from tongsu.lessons.cutting import cut
from tongsu.lessons.directives import Directive
from tongsu.lessons.exercises import find as find_exercise
from tongsu.lessons.figures import measured
from tongsu.lessons.glossary import idea, term
from tongsu.lessons.lesson import Block, Code, Lesson, Text, expand
from tongsu.lessons.parts import asked, command, picture, picture_title, view_of
from tongsu.locale import speaking, t


def html(lesson: Lesson, pictures: str = "pictures/") -> str:
    """`pictures`: what stands before their names. Links to other lessons stay `NN-name.md#heading` and have the name in
    `data-lesson`."""
    with speaking(lesson.language):
        parser = _parser()
        slugs = iter([heading.slug for heading in lesson.headings])
        parts = []
        for block in lesson.blocks:
            part = _block(lesson, block, parser, pictures)
            if isinstance(block, Text):
                part = re.sub(r"<h([1-6])>", lambda found: f'<h{found[1]} id="{next(slugs)}">', part)
            parts.append(re.sub(r'<a href="((\d\d-[\w-]+)\.md(#[^"]*)?)"', r'<a data-lesson="\2" href="\1"', part))
        return "\n".join(part.strip() for part in parts if part) + "\n"


def _block(lesson: Lesson, block: Block, parser: MarkdownIt, pictures: str) -> str:
    if isinstance(block, Text):
        return str(parser.render(expand(lesson.file, block, lambda one: _in_sentence(lesson, one))))
    if isinstance(block, Code):
        shown = _pre(block.text, block.language)
        return shown if block.output is None else f'{shown}<pre class="output">{escape(block.output)}</pre>'
    return _alone(lesson, block, parser, pictures)


def _in_sentence(lesson: Lesson, directive: Directive) -> str:
    if directive.name == "measured":
        return f'<data class="measured" value="{directive.target}">{measured(directive, lesson.language)}</data>'
    found, lang = term(directive), lesson.language
    word = f'<dfn title="{escape(found.sentence(lang))}">{escape(found.word(lang))}</dfn>'
    other = f'<span lang="{"en" if lang == "zh" else "zh-CN"}">{escape(found.other(lang))}</span>'
    return t("lessons.term", word=word, other=other)


def _alone(lesson: Lesson, directive: Directive, parser: MarkdownIt, pictures: str) -> str:
    if directive.name == "idea":
        return f'<a class="idea" id="idea-{idea(directive).key}"></a>'
    if directive.name == "code":
        found = cut(directive)
        caption = t("lessons.from_source", file=found.file, line=found.first)
        place = {"file": found.file, "line": found.first}
        return _figure("code", place, _pre(found.text, "python"), _words(parser, caption))
    if directive.name == "exercise":
        exercise = find_exercise(directive.target, directive.place)
        title = f"<h4>{escape(t('lessons.exercise_title', title=exercise.title))}</h4>"
        usage = f"<p><code>{escape(exercise.usage)}</code></p>"
        told = {"exercise": exercise.name, "kind": exercise.kind}
        return f'<section class="lesson-exercise"{_data(told)}>{title}{parser.render(exercise.text)}{usage}</section>'
    path = picture(directive, lesson.language)
    title = escape(picture_title(lesson, directive))
    image = f'<img src="{pictures}{path.name}" alt="{title}" loading="lazy">' if path else ""
    if directive.name == "picture":
        return _figure("picture", {}, image, title)
    run, _, *given = directive.words
    settings = {"input": given[0] if given else "", "options": json.dumps(asked(directive))}
    told = {"run": run, "view": view_of(directive), **settings}
    return _figure("view", told, image, _words(parser, t("lessons.own_view", command=command(directive))))


def _pre(text: str, kind: str) -> str:
    return f'<pre><code class="language-{escape(kind or "text")}">{escape(text)}</code></pre>'


def _figure(kind: str, told: dict[str, Any], content: str, caption: str) -> str:
    return f'<figure class="lesson-{kind}"{_data(told)}>{content}<figcaption>{caption}</figcaption></figure>'


def _data(told: dict[str, Any]) -> str:
    return "".join(f' data-{name}="{escape(str(value))}"' for name, value in told.items())


def _words(parser: MarkdownIt, text: str) -> str:
    return str(parser.renderInline(text))


# Formulas ----------------------------------------------------------------------------------------------------------


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    parser.inline.ruler.before("escape", "math", _inline_math)
    parser.block.ruler.before("fence", "math", _block_math, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    parser.add_render_rule("math", _math)
    return parser


INLINE = re.compile(r"\$\$(.+?)\$\$|\$([^\s$](?:[^$\n]*[^\s$])?)\$(?!\d)", re.DOTALL)


def _inline_math(state: StateInline, silent: bool) -> bool:
    found = INLINE.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        token = state.push("math", "span" if found[2] else "div", 0)
        token.content = found[2] or found[1].strip()
    state.pos = found.end()
    return True


def _block_math(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """`$$` on a line of its own, TeX, `$$`."""

    def line(number: int) -> str:
        return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]].strip()

    if line(start) != "$$":
        return False
    last = next((at for at in range(start + 1, end) if line(at) == "$$"), None)
    if last is None:
        return False
    if not silent:
        token = state.push("math", "div", 0)
        token.content = "\n".join(line(at) for at in range(start + 1, last))
        token.map = [start, last + 1]
        state.line = last + 1
    return True


def _math(self: RendererHTML, tokens: Sequence[Token], at: int, options: Any, env: Any) -> str:
    token = tokens[at]
    return f'<{token.tag} class="math">{escape(token.content)}</{token.tag}>'
