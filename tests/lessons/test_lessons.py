"""All lessons: both languages are built alike, everything they point to is there, and every form of them is sound."""

from __future__ import annotations

import io
import json
import re
import shlex
import tokenize
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import pytest
import typer

from tongsu.cli.app import app
from tongsu.lessons.exercises import EXERCISES
from tongsu.lessons.export import FORMATS, export, glossary, index
from tongsu.lessons.glossary import ideas, places, terms
from tongsu.lessons.lesson import FOLDER, Code, Lesson, Text, find, names
from tongsu.lessons.parts import PICTURES, call, picture_name
from tongsu.lessons.to_html import html
from tongsu.lessons.to_markdown import markdown
from tongsu.lessons.to_notebook import notebook
from tongsu.locale import LANGUAGES, Language
from tongsu.recipes.choose import choose

BOTH = [(name, lang) for name in names() for lang in LANGUAGES]
# Lessons that are still to be written; whoever writes one takes it off.
WAITING: set[str] = set()
MATH = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


def prose(lesson: Lesson) -> str:
    return "\n\n".join(block.markdown for block in lesson.blocks if isinstance(block, Text))


def formulas(lesson: Lesson) -> list[str]:
    """But for words in them."""
    return [re.sub(r"\\text\{[^}]*\}", r"\\text", formula) for formula in MATH.findall(prose(lesson))]


def bare(code: str) -> list[str]:
    """Python without its comments and texts."""
    kept = []
    inside = 0
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        kind = tokenize.tok_name[token.type]
        inside += {"FSTRING_START": 1, "FSTRING_END": -1}.get(kind, 0)
        if kind not in ("COMMENT", "STRING", "NL", "FSTRING_START", "FSTRING_MIDDLE", "FSTRING_END"):
            kept.append(token.string)
    return kept


@pytest.mark.parametrize("name", names())
def test_both_languages_are_built_alike(name: str) -> None:
    english, chinese = find(name, "en"), find(name, "zh")
    assert [one.level for one in english.headings] == [one.level for one in chinese.headings]
    assert [type(block) for block in english.blocks] == [type(block) for block in chinese.blocks]

    def kinds(lesson: Lesson) -> list[tuple[object, ...]]:
        # The glossary's terms may be met in another order within a paragraph, as the sentences go.
        return [(one.name, one.words, sorted(one.options.items())) for one in lesson.directives() if one.name != "term"]

    assert kinds(english) == kinds(chinese)
    assert sorted(one.target for one in english.directives("term")) == sorted(
        one.target for one in chinese.directives("term")
    )
    assert sorted(formulas(english)) == sorted(formulas(chinese))
    codes = [[block for block in lesson.blocks if isinstance(block, Code)] for lesson in (english, chinese)]
    assert [one.language for one in codes[0]] == [one.language for one in codes[1]]
    for one, other in zip(*codes, strict=True):
        if one.language == "python":
            assert bare(one.text) == bare(other.text)
            assert (one.output is None) == (other.output is None)
        elif one.language == "sh":
            assert [line.split("#")[0] for line in one.text.splitlines()] == [
                line.split("#")[0] for line in other.text.splitlines()
            ]


def test_there_is_a_file_in_both_languages_and_none_left_over() -> None:
    assert names() and sorted(path.stem for path in (FOLDER / "zh").glob("*.md")) == names()


@pytest.mark.parametrize("name", names())
def test_a_lesson_introduces_each_term_once(name: str) -> None:
    found = [one.target for one in find(name, "en").directives("term")]
    assert len(found) == len(set(found))
    assert not re.search(r"\{\{term [\w-]+\}\}[a-z]", prose(find(name, "en"))), "weight (权重)s"


@pytest.mark.parametrize(("name", "lang"), BOTH)
def test_every_formula_has_its_symbols_named(name: str, lang: Language) -> None:
    """Each letter and each Greek letter of a display formula stands in a list beside it."""
    text = prose(find(name, lang))
    listed = " ".join(re.findall(r"^- .*", text, re.MULTILINE))
    wanted: set[str] = set()
    for formula in re.findall(r"\$\$(.*?)\$\$", text, re.DOTALL):
        bare_formula = re.sub(r"\\text\{[^}]*\}|\\q?quad|\\[dt]?frac|\\left\b|\\right\b|\\,", " ", formula)
        wanted |= set(re.findall(r"\\[A-Za-z]+|(?<![A-Za-z\\])[A-Za-z](?![A-Za-z])", bare_formula))
    assert [one for one in sorted(wanted) if one not in listed] == []


@pytest.mark.parametrize(("name", "lang"), BOTH)
def test_every_link_leads_somewhere(name: str, lang: Language) -> None:
    lesson = find(name, lang)
    for link in LINK.findall(prose(lesson)):
        file, _, place = link.partition("#")
        assert "://" not in link, f"{link}: no request leaves the machine; name the work instead"
        assert not file or re.fullmatch(r"\d\d-[\w-]+\.md", file), link
        target = find(file.removesuffix(".md"), lang) if file else lesson
        assert not place or place in {heading.slug for heading in target.headings}, link


def commands(lesson: Lesson) -> list[str]:
    """Every `tongsu ...` of the shell blocks and of the text."""
    blocks = [line for block in lesson.blocks if isinstance(block, Code) and block.language == "sh"
              for line in block.text.splitlines()]  # fmt: skip
    return [line.split("  #")[0] for line in blocks if line.strip()] + re.findall(r"`(tongsu [^`]+)`", prose(lesson))


@pytest.mark.parametrize(("name", "lang"), BOTH)
def test_every_command_is_one(name: str, lang: Language) -> None:
    lesson = find(name, lang)
    assert commands(lesson)
    for line in commands(lesson):
        words = shlex.split(line)[1:]
        command = typer.main.get_command(app)
        while hasattr(command, "commands") and words:
            command, words = command.get_command(None, words[0]), words[1:]
        if words:
            given = command.make_context("tongsu", words, resilient_parsing=False).params
            if command.name == "train" and not given["resume"]:
                choose(given["chapter"], given["preset"], given["data"], given["changes"] or [])


def test_the_commands_of_the_exercises_are_ones_too() -> None:
    from tongsu.locale import speaking

    for lang in LANGUAGES:
        with speaking(lang):
            for exercise in EXERCISES.values():
                for line in re.findall(r"`(tongsu train [^`]+)`", exercise.text):
                    words = shlex.split(line)[2:]
                    data = next((word[5:] for word in words if word.startswith("data=")), None)
                    choose(words[0], "fast", data, words[1:])


# Terms and ideas ---------------------------------------------------------------------------------------------------


def test_the_glossary_is_in_order_and_complete() -> None:
    assert list(terms()) == sorted(terms())
    for one in terms().values():
        assert all((one.en, one.zh, one.sentence_en.endswith("."), one.sentence_zh.endswith("。")))
        assert re.search("[\u4e00-\u9fff]", one.sentence_zh) and not re.search("[\u4e00-\u9fff]", one.sentence_en)
        assert one.sentence_en.count(". ") == 0 and one.sentence_zh.count("。") == 1
    for lang in LANGUAGES:
        listed = glossary(lang)
        assert all(one.word(lang) in listed and one.other(lang) in listed for one in terms().values())


def test_the_road_maps_ideas_are_all_there() -> None:
    named = {
        "forward pass", "activation functions", "loss", "backpropagation", "local connection", "parameter sharing",
        "translation", "pooling", "the classic nets", "unrolling in time", "vanishing and exploding gradients", "gates",
        "reading in both directions", "generator", "discriminator", "the minimax game", "tanh at the output",
        "self-attention", "residual connection", "a complete project",
    }  # fmt: skip
    assert {one.en for one in ideas().values()} == named


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_idea_leads_to_one_heading_of_its_lesson(lang: Language) -> None:
    found = places(lang)
    for key, idea in ideas().items():
        if idea.lesson in names():
            assert idea.lesson not in WAITING, f"{idea.lesson} is written: take it off WAITING"
            lesson, _, slug = found[key]
            assert lesson == idea.lesson
            assert slug in {heading.slug for heading in find(lesson, lang).headings}
            marked = [one for name in names() for one in find(name, lang).directives("idea") if one.target == key]
            assert len(marked) == 1
            assert f"({lesson}.md#{slug})" in index(lang)
        else:
            assert idea.lesson in WAITING and key not in found


def test_ideas_lead_to_the_same_heading_in_both_languages() -> None:
    def at(lang: Language) -> dict[str, int]:
        found = {}
        for key, (name, _, slug) in places(lang).items():
            found[key] = [heading.slug for heading in find(name, lang).headings].index(slug)
        return found

    assert at("en") == at("zh")


def test_every_exercise_of_a_written_lesson_is_in_it_and_in_no_other() -> None:
    found = {one.target: name for name in names() for one in find(name, "en").directives("exercise")}
    for exercise in EXERCISES.values():
        if exercise.lesson in names():
            assert found.pop(exercise.name) == exercise.lesson
        else:
            assert exercise.lesson in WAITING
    assert found == {}


def test_every_picture_is_used_in_both_languages() -> None:
    used = {picture_name(one) for name in names() for one in find(name, "en").directives("view", "picture")} - {None}
    there = {tuple(path.stem.rsplit(".", 1)) for path in PICTURES.glob("*.png")}
    assert there == {(name, lang) for name in used for lang in LANGUAGES}
    assert all(path.stat().st_size < 200_000 for path in PICTURES.glob("*.png"))


# What they become --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "lang"), BOTH)
def test_markdown_has_nothing_left_to_expand(name: str, lang: Language) -> None:
    text = markdown(find(name, lang))
    assert "{{" not in MATH.sub("", text)
    for one in find(name, lang).directives("term"):
        assert f"**{terms()[one.target].word(lang)}**" in text
    assert text.count("```") % 2 == 0


class Tags(HTMLParser):
    """Every element is closed in its turn."""

    VOID = {"img", "br", "hr"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize(("name", "lang"), BOTH)
def test_html_is_well_formed_and_asks_nobody(name: str, lang: Language) -> None:
    lesson = find(name, lang)
    text = html(lesson)
    page = Tags()
    page.feed(text)
    assert page.open == []
    assert [a["id"] for tag, a in page.seen if re.fullmatch("h[1-6]", tag) and "id" in a] == [
        one.slug for one in lesson.headings
    ]
    views = [a for tag, a in page.seen if tag == "figure" and a.get("class") == "lesson-view"]
    assert [(a["data-run"], a["data-view"]) for a in views] == [one.words[:2] for one in lesson.directives("view")]
    assert all(json.loads(a["data-options"] or "") is not None for a in views)
    math = sum(1 for _, a in page.seen if a.get("class") == "math")
    assert math == len(MATH.findall(prose(lesson)))
    assert "://" not in text and "<script" not in text
    shown = {a["data-exercise"] for _, a in page.seen if "data-exercise" in a}
    assert shown == {one.target for one in lesson.directives("exercise")}


@pytest.mark.parametrize(("name", "lang"), BOTH)
def test_notebooks_are_notebooks(name: str, lang: Language) -> None:
    lesson = find(name, lang)
    made = notebook(lesson)
    nbformat.validate(nbformat.from_dict(made))
    cells = [cell["source"] for cell in made["cells"] if cell["cell_type"] == "code"][1:]
    wanted = [
        block.text.rstrip() if isinstance(block, Code) else call(block)
        for block in lesson.blocks
        if (isinstance(block, Code) and block.language == "python") or getattr(block, "name", "") == "view"
    ]
    assert cells == wanted


@pytest.mark.parametrize("to", FORMATS)
def test_an_export_is_complete_and_its_links_hold(to: str, tmp_path: Path) -> None:
    written = export(to, tmp_path)
    assert set(written) == {path for path in tmp_path.rglob("*") if path.is_file()}
    suffix = FORMATS[to][0]
    assert {(path.parent.name, path.stem) for path in written if path.suffix == suffix} >= {
        (lang, name) for name, lang in BOTH
    }
    for path in written:
        if path.suffix == ".md":
            for link in LINK.findall(re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)):
                assert (path.parent / link.partition("#")[0]).exists() or link.startswith("#"), link
