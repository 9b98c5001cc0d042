"""The report, from data that is made up for these tests and means nothing."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from tongsu import plots
from tongsu.locale import LANGUAGES, Language, catalogue, set_language
from tongsu.report import ColouredText, Picture, Report, Row, render, write
from tongsu.report.sections import (
    gan_pictures,
    image_pictures,
    overview,
    section,
    text_pictures,
)

CHAPTERS = ("mlp", "cnn", "rnn", "gan", "transformer", "resnet")
VOID = {"meta", "img", "wbr", "path", "polyline", "br", "link"}


@pytest.fixture(autouse=True)
def any_language() -> Iterator[None]:
    yield
    set_language(None)


class Page(HTMLParser):
    """Reads a page strictly: every tag that opens closes, and every address is noted."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[tuple[str, str]] = []
        self.ids: set[str] = set()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.style = self.text = ""
        self.feed(html)
        self.close()
        assert self.open == [], f"left open: {self.open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        for name, value in attributes:
            if name in ("src", "href", "srcset", "data", "action", "poster", "xlink:href", "background"):
                self.addresses.append((tag, value or ""))
            if name == "id":
                assert value not in self.ids
                self.ids.add(value or "")
            assert not name.startswith("on"), "no script"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data


@cache
def made_up(language: Language) -> Report:
    set_language(language)
    chance = np.random.default_rng(0)
    images, targets = chance.random((30, 1, 28, 28)), chance.integers(0, 10, 30)
    labels = [str(k) for k in range(10)]
    history = plots.History("made up", {"step": [1, 2, 3], "seconds": [1, 2, 3], "loss": [3, 2, 1]},
                            {"step": [3], "seconds": [3], "loss": [1.5]})  # fmt: skip
    rows = [
        Row("mlp", "Test <1>", "MLP", 109386, "test_accuracy", 0.976, "test split", 1.94, 0.975, 30, "run-1"),
        Row("gan", "Test 2", "DCGAN", 2330944, "frechet_distance", 69.5, "test split", 118, 69.04, 2043),
        Row("rnn", "Test 3", "GRU", 5, "accuracy", 0.5, "test split", 99.7),
    ]
    words = ["不", "好", "<b>bad</b>", "film", "!"]
    text = ColouredText("Words", words, [0.1, 0.25, 0.4, 0.9, 0.98], "positive")
    frames = [(0, images[:10]), (9, images[:10])]
    answers = chance.dirichlet(np.ones(10), 30)
    sections = [
        section("mlp", image_pictures([history], images, targets, answers, np.eye(10, dtype=int), [3, 1, 2], labels)),
        section("rnn", text_pictures([history], [("GRU", [[4, 1], [2, 3]])], ["no", "yes"]), [text]),
        section(
            "gan",
            gan_pictures([history], images[:10], frames, [1] * 10, labels),
        ),
    ]
    return Report(language, "2001-02-03", {"device": "CPU", "other": 1}, rows, sections, overview(rows))


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_loaded_from_anywhere(language: Language) -> None:
    html = render(made_up(language))
    page = Page(html)
    for tag, address in page.addresses:
        if tag == "img":
            kind, _, data = address.partition(",")
            assert kind == "data:image/png;base64"
            assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")
        else:
            assert tag == "a"
            inside = address.startswith("#") and address[1:] in page.ids
            assert inside or re.fullmatch(r"report\.(zh|en)\.html", address)
    assert not {"script", "link", "iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    styles = page.style + " ".join(values.get("style") or "" for _, values in page.tags)
    assert "url(" not in styles and "@import" not in styles and "@font-face" not in styles
    assert "http:" not in html and "https:" not in html and "//" not in re.sub(r"base64,[^\"]*", "", html)
    policy = dict(page.tags[[t for t, _ in page.tags].index("meta") + 3][1])
    assert policy["content"] == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_what_it_was_given(language: Language) -> None:
    html = render(made_up(language))
    page = Page(html)
    words = catalogue("report", language)
    assert ("html", {"lang": "zh-CN" if language == "zh" else "en"}) in page.tags
    given = ("Test <1>", "109,386", "97.60% ✓", "97.5%", "69.5", "69.0", "50.00%", "run-1", "2001-02-03")
    english, chinese = ("1.9 s", "1 min 58 s", "34 min 3 s"), ("1.9 秒", "1 分 58 秒", "1 分 40 秒")
    for expected in (*given, *(chinese if language == "zh" else english)):
        assert expected in page.text
    assert page.text.count("✓") == 1, "a larger distance, and no reference, are not ahead"
    assert str(words["title"]) in page.text
    assert page.text.count("–") == 2  # no figure of the road map
    other = "en" if language == "zh" else "zh"
    assert ("a", f"report.{other}.html") in page.addresses
    for _, values in (tag for tag in page.tags if tag[0] == "img"):
        assert values["alt"] and int(values["width"] or 0) > 50 and int(values["height"] or 0) > 30


def test_words_carry_their_numbers() -> None:
    page = Page(render(made_up("en")))
    spans = [values for tag, values in page.tags if tag == "span" and "title" in values and "style" in values]
    assert [s["class"] for s in spans] == ["w low", "w low", "w low", "w high", "w high"]
    assert [s["style"] for s in spans] == ["--a:0.48", "--a:0.30", "--a:0.12", "--a:0.48", "--a:0.58"]
    assert spans[1]["title"] == "after “好”: 25% positive"
    assert "不 10% 好 25% <b>bad</b> 40%" in page.text  # Chinese without a space but for the hidden numbers
    points = next(values["points"] for tag, values in page.tags if tag == "polyline")
    assert points == "10.00,90.0 30.00,75.0 50.00,60.0 70.00,10.0 90.00,2.0"
    assert "In the end the model answers “positive”, 98% sure. The writer meant “positive”." in page.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_chapter_has_its_words(chapter: str, language: Language) -> None:
    set_language(language)
    made = section(chapter)
    assert made.title and len(made.paragraphs) == 2
    for paragraph in made.paragraphs:
        chinese = len(re.findall(r"[\u4e00-\u9fff]", paragraph))
        assert chinese > 30 if language == "zh" else chinese == 0
        assert "\n" not in paragraph and len(paragraph) < 700


@pytest.mark.parametrize("area", ["plots", "report"])
def test_both_languages_say_the_same_things_with_the_same_fields(area: str) -> None:
    def fields(entries: object, path: str = "") -> dict[str, set[str]]:
        if isinstance(entries, dict):
            parts = [fields(entry, f"{path}.{name}") for name, entry in entries.items()]
            return {key: value for part in parts for key, value in part.items()}
        return {path: set(re.findall(r"\{(\w+)", str(entries)))}

    assert fields(catalogue(area, "zh")) == fields(catalogue(area, "en"))


def test_a_picture_is_shown_at_half_its_dots() -> None:
    picture = Picture("A", "", plots.to_bytes(plots.samples(np.zeros((10, 28, 28)))))
    set_language("en")
    report = replace(made_up("en"), sections=[replace(section("gan"), pictures=[picture])], pictures=())
    (image,) = [values for tag, values in Page(render(report)).tags if tag == "img"]
    assert int(image["width"] or 0) == int.from_bytes(picture.png[16:20], "big") // 2


def test_both_files_are_written(tmp_path: Path) -> None:
    for language in LANGUAGES:
        path = write(made_up(language), tmp_path)
        assert path.name == f"report.{language}.html"
        assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.en.html", "report.zh.html"]
