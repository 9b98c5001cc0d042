"""Every chapter's page on a small net of its own: its views stand, one number of each is followed to its sum."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from itertools import product

import pytest
from by_hand import lstm_state, second_convolution
from client import Studio
from playwright.sync_api import Browser, Request, Route, expect
from visitor import CHROMIUM, SLOW, Visitor, number, unpacked

from tongsu import session
from tongsu.runs.store import RunStore

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"), pytest.mark.long]

SENTENCE = ["<start>", "a", "lovely", "film", "with", "a", "weak", "plot"]
WORDS = {
    "good": (["warm", "wise", "lovely"], ["great", "bright"]),
    "bad": (["dull", "silly", "boring"], ["weak", "thin"]),
}
RUNS = {
    "cnn": ("cnn", "digits", ["examples=400", "epochs=1", "frames=3"]),
    "resnet": ("resnet", "digits", ["examples=300", "epochs=1", "frames=3"]),
    "plane": ("mlp", "moons", ["hidden=4", "epochs=2", "frames=3"]),
    "lstm": ("rnn", "TABLE", ["cell=lstm", "embedding=8", "hidden=6", "epochs=2", "frames=3"]),
    "transformer": ("transformer", "TABLE", ["width=8", "heads=2", "layers=2", "epochs=2", "frames=3"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """One studio in whose folder every chapter but the GAN has a small run."""
    studio = Studio(tmp_path_factory.mktemp("chapters"))
    table = studio.folder / "reviews.csv"
    rows = [
        f"{before} {one} {thing} with a {other} {part},{label}"
        for label, (ones, others) in WORDS.items()
        for one, other in product(ones, others)
        for before, thing, part in product(["a", "the"], ["film", "story"], ["cast", "plot"])
    ]
    table.write_text("\n".join(["text,mood", *rows]), encoding="utf-8")
    store = RunStore(studio.runs)
    for name, (chapter, data, changes) in RUNS.items():
        spec = f"table:{table}?text=text&label=mood" if data == "TABLE" else data
        made = session.prepare(chapter, "quick", spec, changes, store=store, name=name)
        for _ in made.events(device="cpu"):
            pass
    studio.start()
    yield studio
    studio.close()


def opened(browser: Browser, studio: Studio, address: str, language: str = "en") -> Visitor:
    visitor = Visitor(browser, studio.address, language)
    visitor.page.evaluate("address => { location.hash = address }", address)
    return visitor


def test_cnn_from_the_picture_to_one_pixels_sum(browser: Browser, trained: Studio) -> None:
    visitor = opened(browser, trained, "#/cnn?run=cnn&example=3&step=convolutions.1&map=2")
    page = visitor.page
    page.get_by_test_id("map").wait_for()
    with page.expect_response(lambda got: got.url.endswith("/views/pixel")) as got:
        page.get_by_test_id("map").click(position={"x": 60, "y": 90})
    asked = got.value.request.post_data_json["parameters"]
    seen = unpacked(got.value.json()["image"])
    expect(page.get_by_test_id("total")).to_be_visible(timeout=SLOW)
    by_hand = second_convolution(trained.runs / "cnn", seen)[asked["channel"], asked["row"], asked["column"]]
    assert number(page.get_by_test_id("total")) == pytest.approx(by_hand, abs=1e-4)
    visitor.close()


def test_rnn_reads_a_typed_sentence_and_shows_its_gates(browser: Browser, trained: Studio) -> None:
    visitor = opened(browser, trained, "#/rnn?run=lstm")
    page = visitor.page
    page.locator("textarea[name=text]").fill(" ".join(SENTENCE[1:]))
    page.evaluate("() => scrollTo(0, 0)")  # what is out of sight is not asked for
    words = page.get_by_test_id("words").locator("button")
    expect(words).to_have_text(SENTENCE, timeout=SLOW)
    page.wait_for_function("() => location.hash.includes('text=')")  # the sentence stands in the address
    page.evaluate("() => { location.hash += '&word=5&gunit=1' }")
    page.get_by_test_id("h").wait_for()
    by_hand = lstm_state(trained.runs / "lstm", SENTENCE, word=5)[1]
    assert number(page.get_by_test_id("h")) == pytest.approx(by_hand, abs=1e-5)
    visitor.close()


@pytest.mark.parametrize(
    ("address", "panels"),
    [
        ("#/transformer?run=transformer", ["attention", "decided", "reading"]),
        ("#/resnet?run=resnet&frame=0", ["depth", "maps", "attribution"]),
        ("#/playground?run=plane&set=moons", ["decision-map"]),
        ("#/runs?runs=cnn,resnet", ["compare"]),
        ("#/data?data=moons", ["preview"]),
    ],
)
def test_every_page_stands_in_chinese_on_a_narrow_screen(
    browser: Browser,
    trained: Studio,
    address: str,
    panels: list[str],
) -> None:
    visitor = Visitor(browser, trained.address, "zh", width=390, scheme="dark")
    page = visitor.page
    page.evaluate("address => { location.hash = address }", address)
    for panel in panels:
        section = page.locator(f"#{panel}")
        section.scroll_into_view_if_needed(timeout=SLOW)
        expect(section.locator("svg, canvas").first).to_be_visible(timeout=SLOW)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.locator(".problem").count() == 0
    visitor.close()


@pytest.mark.parametrize(
    ("address", "shown", "how"),
    [
        ("#/transformer?run=transformer", "#embedding-map .legend circle", "fill"),
        ("#/data?data=moons", "#preview .track span", "background-color"),
    ],
)
def test_of_two_classes_the_second_is_blue(
    browser: Browser, trained: Studio, address: str, shown: str, how: str
) -> None:
    visitor = opened(browser, trained, address)
    second = visitor.page.locator(shown).nth(1)
    second.scroll_into_view_if_needed(timeout=SLOW)
    blue = visitor.page.evaluate("""() => {
        const one = document.body.appendChild(document.createElement("i"));
        one.style.color = "var(--blue)";
        return getComputedStyle(one).color;
    }""")
    expect(second).to_have_css(how, blue)
    visitor.close()


def test_a_panel_says_that_a_newer_answer_is_under_way(browser: Browser, trained: Studio) -> None:
    visitor = Visitor(browser, trained.address, "zh")
    held: list[Route] = []
    patient = True
    visitor.page.route("**/views/trajectory", lambda route: held.append(route) if patient else route.continue_())
    visitor.page.evaluate("() => { location.hash = '#/rnn?run=lstm' }")
    told = visitor.page.locator("#reading").get_by_test_id("waiting")
    expect(told).to_have_text("正在计算……", timeout=SLOW)
    patient = False
    for route in held:
        route.continue_()
    expect(visitor.page.get_by_test_id("words")).to_be_visible(timeout=SLOW)
    expect(told).to_have_count(0, timeout=SLOW)
    visitor.close()


@pytest.mark.parametrize("address", [f"#/{chapter}?run={run}" for run, (chapter, *_) in RUNS.items()])
def test_a_page_that_nobody_touches_stops_asking(browser: Browser, trained: Studio, address: str) -> None:
    visitor = opened(browser, trained, address)
    page = visitor.page
    began: set[Request] = set()
    ended: set[Request] = set()
    page.on("request", lambda one: began.add(one))
    page.on("requestfinished", lambda one: ended.add(one))
    page.on("requestfailed", lambda one: ended.add(one))
    page.set_viewport_size({"width": 1280, "height": 16000})  # every panel is in sight, and asks
    page.locator("section.card h2").last.wait_for()
    deadline, before = time.monotonic() + 3 * SLOW / 1000, -1
    while len(began) != before or began - ended:  # some that have ended began before anybody counted
        assert time.monotonic() < deadline, f"still asking: {Counter(one.url.rpartition('/')[2] for one in began)}"
        before = len(began)
        page.wait_for_timeout(1500)
    assert began
    visitor.close()
