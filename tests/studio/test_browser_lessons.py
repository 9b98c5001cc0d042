"""A lesson in a real browser: text, formulas and code in both languages, the view beside it, exercises."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from client import Studio
from playwright.sync_api import Browser, Page, expect
from shipyard import train
from visitor import CHROMIUM, SLOW, Visitor

from tongsu.lessons.lesson import find, names
from tongsu.lessons.to_html import html
from tongsu.studio.app import STATIC

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"), pytest.mark.long]

LESSON, VIEW = "00-start-here", "see-it-one-neuron-draws-one-line"
SOLUTION = """import math

def neuron(inputs, weights, bias):
    return 1 / (1 + math.exp(-(sum(x * w for x, w in zip(inputs, weights)) + bias)))
"""
WRONG = SOLUTION.replace("-(sum", "(sum")
MOST = 300_000  # bytes of compressed JavaScript


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    own = Studio(tmp_path_factory.mktemp("lessons"))
    train(own.runs, "plane", "mlp", "moons", ["hidden=4", "epochs=5", "frames=4", "dropout=0"])
    own.start()
    yield own
    own.close()


def opened(visitor: Visitor, place: str) -> Page:
    visitor.go(place)
    return settled(visitor.page)


def settled(page: Page) -> Page:
    """All is there, and the page has seen where the reader rests."""
    page.locator("article[aria-busy=false]").wait_for()
    page.wait_for_timeout(500)
    return page


def at_top(page: Page, section: str) -> float:
    return float(page.locator(f"[data-section={section}]").evaluate("one => one.getBoundingClientRect().top"))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_lesson_has_its_formulas_set_and_its_code_and_pictures_shown(
    browser: Browser, studio: Studio, language: str
) -> None:
    visitor = Visitor(browser, studio.address, language)
    assert len([url for url in visitor.asked if url.endswith(".js")]) == 1  # KaTeX is for lessons alone
    for name in names():
        lesson = find(name, language)
        page = opened(visitor, f"#/lessons/{name}")
        expect(page.get_by_role("heading", level=1)).to_have_text(lesson.title, timeout=SLOW)
        settled(page)  # this one, not the one before
        written = html(lesson)
        formulas = page.locator("article .math")
        assert formulas.count() == written.count('class="math"') > 0
        assert page.locator("article .math .katex-html[aria-hidden=true]").count() == formulas.count()
        assert page.locator("article .math math annotation").count() == formulas.count()  # for those who listen
        assert page.locator("article .katex-error").count() == 0
        assert page.locator("article pre code").count() == written.count("<pre><code")
        widths = page.locator("article figure img").evaluate_all("all => all.map(one => one.naturalWidth)")
        assert len(widths) == written.count("<img") and min(widths) > 100
    assert any("formulas" in url for url in visitor.asked)
    visitor.close()


def test_the_view_that_the_passage_speaks_of_stands_beside_it_on_ones_own_run(browser: Browser, studio: Studio) -> None:
    visitor = Visitor(browser, studio.address, "en")
    page = opened(visitor, f"#/lessons/{LESSON}")
    contents = page.locator("aside").get_by_role("link", name="See it: one neuron draws one line")
    contents.click()
    live = visitor.find("live")
    expect(live).to_have_attribute("data-view", "decision-map", timeout=SLOW)
    expect(live).to_have_attribute("data-run", "plane")
    expect(live.locator(".units canvas")).to_have_count(4, timeout=SLOW)  # one map for each hidden unit
    text, aside = page.locator("article").bounding_box(), live.bounding_box()
    assert text and aside and aside["x"] >= text["x"] + text["width"]

    # The time machine moves the view, and the page asks the run for that frame.
    with page.expect_response(
        lambda got: "/views/decision-map" in got.url and got.request.post_data_json["frame"] == 0
    ):
        live.get_by_test_id("time").focus()
        page.keyboard.press("Home")

    # Its neighbour on the same run; then the lesson's own net, trained from here.
    opened(visitor, "#/lessons/01-mlp?section=when-the-complaint-fades-on-the-way")
    expect(live).to_have_attribute("data-view", "gradients-by-depth", timeout=SLOW)
    expect(live.locator(".u-over")).to_be_visible(timeout=SLOW)
    opened(visitor, f"#/lessons/{LESSON}?section={VIEW}")
    page.get_by_role("button", name="Train the lesson's own net").click()
    expect(live).to_have_attribute("data-run", "mlp-fast-1", timeout=SLOW)
    expect(live.locator("#view-0-decision-map canvas").first).to_be_visible(timeout=2 * SLOW)
    expect(page.get_by_role("progressbar")).to_have_count(0, timeout=2 * SLOW)
    assert json.loads((studio.runs / "mlp-fast-1" / "recipe.json").read_text())["model_args"]["hidden"] == []

    # Beside the next lesson it is not the text's net, and what one layer and two classes have not, nobody asks.
    opened(visitor, "#/lessons/01-mlp")
    for number, view in enumerate(("activation-functions", "backpropagation")):
        page.locator("figure.lesson-view button.show").nth(number).click()
        expect(live).to_have_attribute("data-view", view, timeout=SLOW)
        expect(live).to_have_attribute("data-run", "mlp-fast-1")
        expect(live.get_by_text("not the one in the text")).to_be_visible()
        page.wait_for_load_state("networkidle")
        expect(live.locator(".problem")).to_have_count(0)
    visitor.close()


def test_by_keyboard_one_gets_to_the_view_and_back_to_the_text(browser: Browser, studio: Studio) -> None:
    visitor = Visitor(browser, studio.address, "en")
    page = opened(visitor, f"#/lessons/{LESSON}")
    second = page.locator("figure.lesson-view button.show").nth(1)
    second.focus()
    page.keyboard.press("Enter")
    expect(page.locator("aside #view-1-decision-map canvas").first).to_be_visible(timeout=SLOW)
    reached = []
    for _ in range(7):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.closest('aside') && document.activeElement.tagName"))
    assert reached[0] == "BUTTON" and "SELECT" in reached and "A" in reached  # back; which run; all about it
    page.wait_for_timeout(600)
    expect(visitor.find("live")).to_have_attribute("data-view", "decision-map")
    page.get_by_role("button", name="Back to the text").focus()
    page.keyboard.press("Enter")
    expect(second).to_be_focused()
    visitor.close()


def test_without_a_run_there_is_the_picture_and_an_offer_and_on_a_phone_the_view_stands_below(
    browser: Browser, studio: Studio
) -> None:
    visitor = Visitor(browser, studio.address, "en", width=390)
    page = opened(visitor, "#/lessons/02-cnn?section=the-same-everywhere")
    figure = page.locator("figure.lesson-view[data-view=layers]")
    figure.scroll_into_view_if_needed()
    expect(figure.get_by_test_id("offer")).to_be_visible(timeout=SLOW)
    expect(figure.get_by_test_id("live")).to_contain_text("tongsu train cnn data=digits examples=1000")
    picture, offer = figure.locator("img").bounding_box(), figure.get_by_test_id("live").bounding_box()
    assert picture and offer and offer["y"] >= picture["y"] + picture["height"] and offer["width"] <= 390
    page = opened(visitor, f"#/lessons/{LESSON}?section={VIEW}")
    figure = page.locator("figure.lesson-view").first
    figure.scroll_into_view_if_needed()
    expect(figure.locator("canvas").first).to_be_visible(timeout=SLOW)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.close()


def test_a_section_has_an_address_and_keeps_its_place_in_the_other_language(browser: Browser, studio: Studio) -> None:
    visitor = Visitor(browser, studio.address, "en")
    page = opened(visitor, f"#/lessons/{LESSON}?section=which-way-to-turn")
    assert 40 < at_top(page, "which-way-to-turn") < 160
    page.mouse.wheel(0, 260)
    page.wait_for_timeout(600)
    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="往哪边拧")).to_be_visible(timeout=SLOW)
    settled(page)
    assert at_top(page, "which-way-to-turn") < 0.35 * 900 < at_top(page, "the-same-in-our-code")
    assert "section=which-way-to-turn" in page.url and "lang=zh" in page.url

    # The heading's own link leads a new tab there; reading on moves the address.
    link = page.locator("[data-section=one-neuron] a.here").get_attribute("href") or ""
    tab = visitor.tab(studio.address)
    tab.evaluate("address => { location.hash = address }", unquote(link))
    settled(tab)
    assert 40 < at_top(tab, "one-neuron") < 160
    tab.evaluate("() => scrollTo(0, document.body.scrollHeight)")
    tab.wait_for_function("() => location.hash.includes('what-to-read-next')")
    visitor.close()


def test_an_exercise_is_checked_and_what_was_reached_is_kept_here_alone(browser: Browser, studio: Studio) -> None:
    visitor = Visitor(browser, studio.address, "en")
    told: list[str] = []
    visitor.page.on("request", lambda one: told.append(f"{one.url} {one.post_data}") if one.method != "GET" else None)
    page = opened(visitor, f"#/lessons/{LESSON}?section=one-neuron")
    card = page.locator("form[data-exercise=neuron]")
    expect(card.locator("textarea")).to_have_value(re.compile("def neuron"))
    card.locator("textarea").fill(WRONG)
    card.get_by_role("button", name="Check").click()
    expect(card.get_by_test_id("verdict")).to_have_attribute("data-passed", "false", timeout=SLOW)
    expect(card.get_by_test_id("hint")).to_contain_text("Look at the sign in the exponent.")
    expect(card.get_by_test_id("passed")).to_have_count(0)
    card.locator("textarea").fill(SOLUTION)
    card.get_by_role("button", name="Check").click()
    expect(card.get_by_test_id("verdict")).to_have_attribute("data-passed", "true", timeout=SLOW)
    expect(card.get_by_test_id("passed")).to_be_visible()

    # One that looks at runs: picked by name.
    page = opened(visitor, f"#/lessons/{LESSON}?section=try-this")
    runs = page.locator("form[data-exercise=breaking-rate]")
    expect(runs.get_by_role("button", name="Check")).to_be_disabled()
    for picker in runs.locator("select").all():
        picker.select_option("plane")
    runs.get_by_role("button", name="Check").click()
    expect(runs.get_by_test_id("verdict")).to_have_attribute("data-passed", "false", timeout=SLOW)
    expect(runs.get_by_test_id("verdict")).to_contain_text("plane")

    # It outlives the page, in the other language too, and no request has told it to anybody.
    page.reload()
    card.wait_for()
    expect(card.get_by_test_id("passed")).to_be_visible()
    expect(card.locator("textarea")).to_have_value(SOLUTION)
    kept = json.loads(page.evaluate("localStorage.getItem('tongsu.lessons')"))
    assert kept["passed"] == ["neuron"] and kept["code"] == {"neuron": SOLUTION}
    visitor.go("#/lessons?lang=zh")
    first = visitor.find("lesson").first
    expect(first).to_contain_text("练习通过 1/2")
    read = len(kept["read"][LESSON])
    assert read > 0
    expect(first).to_contain_text(f"已读 {read}/12 节")

    assert len([one for one in told if "/check " in one]) == 3
    assert not [one for one in told if "passed" in one or "which-way-to-turn" in one]

    page.get_by_role("button", name="清除进度").click()
    page.get_by_role("button", name="连同写过的代码一起清除").click()
    expect(first).to_contain_text("已读 0/12 节")
    assert page.evaluate("localStorage.getItem('tongsu.lessons')") is None
    visitor.close()


def test_a_word_is_found_by_either_of_its_names(browser: Browser, studio: Studio) -> None:
    visitor = Visitor(browser, studio.address, "en")
    visitor.go("#/lessons")
    words = visitor.find("glossary").locator("dt")
    words.first.wait_for()
    everything = words.count()
    search = visitor.page.get_by_label("Search, in English or in Chinese")
    for wanted in ("学习率", "learning rate", "LEARNING RATE"):
        search.fill(wanted)
        expect(words).to_have_count(1)
        expect(words).to_contain_text("learning rate")
        expect(words).to_contain_text("学习率")
    assert "term=" in visitor.page.url
    search.fill("")
    expect(words).to_have_count(everything)

    # An idea leads to the section that explains it.
    visitor.page.get_by_role("link", name="backpropagation", exact=True).click()
    visitor.find("article").wait_for()
    assert "lessons/01-mlp?section=who-is-to-blame" in visitor.page.url
    visitor.close()


def test_the_pages_javascript_is_small() -> None:
    sizes = {file.name: len(gzip.compress(file.read_bytes(), 9)) for file in (STATIC / "assets").glob("*.js")}
    assert sum(sizes.values()) < MOST, sizes
    first = re.findall(r'src="\./assets/([\w-]+\.js)"', (STATIC / "index.html").read_text())
    assert len(first) == 1 and "katex" not in (STATIC / "assets" / first[0]).read_text().lower()
    assert not list((STATIC / "assets").glob("*.ttf")) and list((STATIC / "assets").glob("KaTeX*.woff2"))
