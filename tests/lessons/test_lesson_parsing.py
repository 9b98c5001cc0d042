"""The source format: what a lesson is made of, and one clear line with file and line number for every mistake."""

from __future__ import annotations

import inspect

import pytest

from tongsu.errors import Problem
from tongsu.lessons.cutting import MOST, cut
from tongsu.lessons.directives import FORMS, Directive, read
from tongsu.lessons.figures import FORMATS, say
from tongsu.lessons.lesson import FOLDER, Code, Lesson, Text, expand, find, parse
from tongsu.lessons.to_html import html
from tongsu.lessons.to_markdown import markdown
from tongsu.models.rnn import lstm_step

SMALL = """# A title

Words with `{{term gate}}` in code, $a_{{b}}$ in a formula, and {{term gate}} in a sentence.

$$
\\frac{{a}}{{b}} {{term x}}
$$

## A heading: with punctuation!

{{idea gates}}
{{code models/rnn.py:lstm_step from="i, f, g, o" to="c = f"}}

```python
print(6 * 7)
```

```output
42
```

- a list with

  ```sh
  tongsu train {{mlp}}
  ```
"""


def small(text: str = SMALL) -> Lesson:
    return parse(text, "99-small", "en")


def test_a_lesson_is_read_block_by_block() -> None:
    lesson = small()
    assert [type(block).__name__ for block in lesson.blocks] == ["Text", "Directive", "Directive", "Code", "Text"]
    assert lesson.title == "A title"
    assert [(one.level, one.slug, one.line) for one in lesson.headings] == [
        (1, "a-title", 1), (2, "a-heading-with-punctuation", 9)
    ]  # fmt: skip
    assert [(one.name, one.place) for one in lesson.directives()] == [
        ("term", "en/99-small.md:3"), ("idea", "en/99-small.md:11"), ("code", "en/99-small.md:12")
    ]  # fmt: skip
    (code,) = [block for block in lesson.blocks if isinstance(block, Code)]
    assert (code.language, code.text, code.output, code.line) == ("python", "print(6 * 7)\n", "42\n", 14)
    assert lesson.heading_above(next(lesson.directives("idea"))).slug == "a-heading-with-punctuation"


def test_nothing_is_lost_and_only_directives_are_replaced() -> None:
    lesson = small()
    first = lesson.blocks[0]
    assert isinstance(first, Text)
    assert expand("", first, lambda _: "HERE") == "\n".join(SMALL.splitlines()[:9]).replace(
        "and {{term gate}}", "and HERE"
    )


def test_code_is_cut_from_the_source_as_it_stands() -> None:
    found = cut(next(small().directives("code")))
    lines, first = inspect.getsourcelines(lstm_step)
    start = next(n for n, line in enumerate(lines) if "i, f, g, o" in line)
    end = next(n for n, line in enumerate(lines) if "c = f" in line)
    assert found.text == inspect.cleandoc("".join(lines[start : end + 1])) + "\n"
    assert (found.file, found.first) == ("models/rnn.py", first + start)


@pytest.mark.parametrize(("target", "begins"), [
    ("models/mlp.py:MLP.forward", "def forward(self, x: Tensor) -> Tensor:"),
    ("models/mlp.py:ACTIVATIONS", "ACTIVATIONS: dict"),
    ("tasks/judge.py:Judge.load", "@staticmethod"),
    ("models/rnn.py:State", "State = tuple"),
])  # fmt: skip
def test_functions_methods_decorators_and_values_are_found(target: str, begins: str) -> None:
    assert cut(read(f"code {target}", "x:1", block=True)).text.startswith(begins)


MISTAKES = {
    "{{fly away}}": ("unknown-directive", "fly"),
    "{{}}": ("unknown-directive", "code"),
    "{{code}}": ("directive-form", "{{code FILE:NAME"),
    "{{code models/rnn.py:lstm_step speed=3}}": ("directive-form", "speed=3"),
    '{{code models/rnn.py:lstm_step from="open}}': ("directive-form", "from="),
    "{{exercise neuron overfit}}": ("directive-form", "{{exercise NAME}}"),
    "{{term gate}}": ("only-inline", "{{term gate}}"),
    "Words {{exercise neuron}}": ("only-block", "{{exercise neuron}}"),
    "{{code models/nets.py:lstm_step}}": ("no-source", "models/nets.py"),
    "{{code ../../pyproject.toml:x}}": ("no-source", "pyproject.toml"),
    "{{code models/rnn.py:lstm_stop}}": ("no-name", "lstm_step"),
    "{{code models/rnn.py:RNN.backward}}": ("no-name", "forward"),
    '{{code models/rnn.py:lstm_step from="never there"}}': ("no-line", "never there"),
    "{{code models/rnn.py:RNN}}": ("too-long", str(MOST)),
    "Words {{measured border.ten}}": ("no-figure", "border.one"),
    "Words {{measured nothing.at_all}}": ("no-figure", "border"),
    "Words {{measured border.one loud}}": ("no-format", "percent"),
    "Words {{term gates}}": ("no-term", "gate"),
    "{{idea flight}}": ("no-idea", "forward-pass"),
    "{{view last wings}}": ("no-view", "wires"),
    "{{view last wires picture=never-drawn}}": ("no-picture", "never-drawn"),
    "{{picture never-drawn}}": ("no-picture", "never-drawn"),
    "{{exercise neurone}}": ("no-exercise", "neuron"),
    "```output\n1\n```": ("lone-output", "output"),
    "- a list\n\n  ```python\n  1\n  ```": ("nested-code", "Python"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("render", [markdown, html])
def test_every_mistake_is_one_line_that_names_the_place(mistake: str, render: object) -> None:
    kind, told = MISTAKES[mistake]
    with pytest.raises(Problem) as found:
        render(small(f"# Title\n\nWords.\n\n{mistake}\n"))  # type: ignore[operator]
    assert found.value.kind == kind
    line = 7 if kind == "nested-code" else 5
    assert f"en/99-small.md:{line}" in found.value.message
    assert told in str(found.value) and "\n" not in found.value.message
    assert found.value.exit_code == 2


def test_a_lesson_without_a_title_is_refused() -> None:
    for text in ("Words.", "## Too deep", ""):
        with pytest.raises(Problem) as found:
            small(text)
        assert found.value.kind == "no-title"


def test_every_form_can_be_written_as_its_usage_says() -> None:
    for name, form in FORMS.items():
        assert isinstance(read(form.usage.strip("{}"), "x:1", block=form.block), Directive), name


def test_lessons_are_found_by_name_and_number() -> None:
    assert {find(name, "en").name for name in ("00-start-here", "start-here", "0", "00")} == {"00-start-here"}
    with pytest.raises(Problem) as found:
        find("start-there", "en")
    assert "00-start-here" in found.value.hint


@pytest.mark.parametrize(("value", "form", "english", "chinese"), [
    (0.97643, "percent", "97.6 %", "97.6%"), (109386, "count", "109,386", "109,386"),
    (3412.0, "times", "3,400", "3,400"), (3.4567, "short", "3.46", "3.46"), (2.13e-9, "power", "2.1·10⁻⁹", "2.1·10⁻⁹"),
])  # fmt: skip
def test_figures_are_written_as_each_language_does(value: float, form: str, english: str, chinese: str) -> None:
    assert (say(value, form, "en"), say(value, form, "zh")) == (english, chinese)


def test_the_page_for_writers_knows_every_directive_and_format() -> None:
    page = (FOLDER / "WRITING.md").read_text(encoding="utf-8")
    assert [name for name in FORMS if f"`{{{{{name} " not in page] == []
    assert [form for form in FORMATS if f"`{form}`" not in page] == []
    assert f"{MOST} lines at most" in page
