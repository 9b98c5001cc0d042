"""Every page can be read and used: contrast in both themes, by keyboard alone, and on a narrow screen.

The contrast is that of WCAG 2.2 (relative luminance), of each visible text against what lies behind it; the layers
behind are composited from computed styles and, on a canvas, from its pixels. Level AA: 4.5, and 3 for large text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from client import Studio
from playwright.sync_api import Browser, Page, Request, expect
from shipyard import FEW, FORGER, train
from visitor import CHROMIUM, SLOW, Visitor

from tongsu.export import export
from tongsu.learned import Learned
from tongsu.runs.store import Run

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"), pytest.mark.long]
ACCESS = (Path(__file__).parent / "access.js").read_text(encoding="utf-8")

SMALL = ["epochs=1", "frames=3"]
RUNS = {
    "digits": ("mlp", "digits", FEW),
    "cnn": ("cnn", "digits", ["examples=300", *SMALL]),
    "resnet": ("resnet", "digits", ["examples=200", *SMALL]),
    "plane": ("mlp", "moons", ["hidden=4", *SMALL]),
    "lstm": ("rnn", "TABLE", ["cell=lstm", "embedding=8", "hidden=6", *SMALL]),
    "transformer": ("transformer", "TABLE", ["width=8", "heads=2", "layers=2", *SMALL]),
    "forger": ("gan", "digits", FORGER),
}
# Every page, each with a run to look into; and the dialogs.
PAGES = {
    "home": "#/",
    "mlp": "#/mlp?run=digits",
    "mlp, before a training": "#/mlp",
    "mlp, one unit": "#/mlp?run=digits&layer=hidden.0&unit=3",
    "cnn": "#/cnn?run=cnn",
    "cnn, one pixel": "#/cnn?run=cnn&step=convolutions.1&map=2&row=3&column=4",
    "rnn": "#/rnn?run=lstm",
    "rnn, one gate": "#/rnn?run=lstm&word=2&gunit=1",
    "gan": "#/gan?run=forger",
    "transformer": "#/transformer?run=transformer",
    "resnet": "#/resnet?run=resnet",
    "playground": "#/playground?run=plane&set=moons",
    "runs": "#/runs?runs=cnn,resnet",
    "ship": "#/ship?run=digits",
    "data": "#/data?data=moons",
    "lessons": "#/lessons?term=learning",
    "lesson": "#/lessons/00-start-here",
}  # fmt: skip
# What stands beside a passage changes as one walks; how it is reached by keyboard: test_browser_lessons.py.
PASSAGES = {
    "lesson, a view of one's own": "#/lessons/00-start-here?section=see-it-one-neuron-draws-one-line",
    "lesson, exercises": "#/lessons/02-cnn?section=how-large-is-the-map",
}
DIALOGS = [name for name in PAGES if "one" in name.split()]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    own = Studio(tmp_path_factory.mktemp("access"))
    table = own.folder / "moods.csv"
    rows = [
        f"a {word} film with number {n},{mood}" for n in range(30) for mood, word in (("good", "fine"), ("bad", "dull"))
    ]
    table.write_text("\n".join(["text,mood", *rows]), encoding="utf-8")
    for name, (chapter, data, changes) in RUNS.items():
        train(own.runs, name, chapter, f"table:{table}?text=text&label=mood" if data == "TABLE" else data, changes)
    export(Learned.load(Run(own.runs / "digits")), "safetensors")
    own.start()
    yield own
    own.close()


class Looked:
    """A page with everything on it: all views have come into sight, and what they asked has been answered."""

    def __init__(self, browser: Browser, studio: Studio, name: str) -> None:
        self.visitor = Visitor(browser, studio.address, "en")
        self.page = self.visitor.page
        self.under_way: set[Request] = set()
        self.page.on("request", lambda request: self.under_way.add(request))
        self.page.on("requestfinished", lambda request: self.under_way.discard(request))
        self.page.on("requestfailed", lambda request: self.under_way.discard(request))
        self.page.evaluate("address => { location.hash = address }", {**PAGES, **PASSAGES}[name])
        self.settle()
        for section in self.page.locator("main section.card").all():
            section.scroll_into_view_if_needed()
            self.settle()
        for details in self.page.locator("main details").all():
            details.evaluate("element => { element.open = true }")
        if name in DIALOGS:
            expect(self.page.locator("dialog table, dialog svg").first).to_be_visible(timeout=SLOW)
        self.page.evaluate(ACCESS)

    def settle(self) -> None:
        """Until nothing has been asked for a while; questions wait up to 0.3 s for a slider to come to rest."""
        still = 0
        while still < 5:
            self.page.wait_for_timeout(100)
            still = 0 if self.under_way else still + 1


def failing(page: Page, least: int) -> list[str]:
    texts: list[dict[str, Any]] = page.evaluate("access.texts()")
    assert len(texts) >= least, texts
    low = {
        f"{text['ratio']:.2f} of {text['wanted']}: {text['where']} “{text['text']}”"
        for text in texts if not text["ratio"] >= text["wanted"]
    }  # fmt: skip
    return sorted(low)


def test_the_measure_itself(browser: Browser, studio: Studio) -> None:
    """Known pairs: black on white 21, #777 on white 4.48 (the famous grey that just fails), half-transparent black."""
    visitor = (looked := Looked(browser, studio, "home")).visitor
    page = looked.page
    page.evaluate("""() => {
      const html = [["#000", "#fff", 1], ["#777", "#fff", 1], ["#000", "#fff", 0.5], ["#fff", "#1754b0", 1]]
        .map(([front, back, opacity], i) => [`text ${i}`, front, back, opacity]);
      document.body.replaceChildren(...html.map(([text, front, back, opacity]) => {
        const p = document.createElement("p");
        const span = document.createElement("span");
        span.textContent = text;
        Object.assign(p.style, { background: back, margin: "0" });
        Object.assign(span.style, { color: front, opacity: String(opacity) });
        p.append(span);
        return p;
      }));
    }""")
    ratios = {text["text"]: text["ratio"] for text in page.evaluate("access.texts()")}
    assert ratios["text 0"] == pytest.approx(21, abs=0.01) and ratios["text 1"] == pytest.approx(4.48, abs=0.01)
    assert ratios["text 2"] == pytest.approx(by_formula(0.5, 1.0), abs=0.01)
    assert ratios["text 3"] == pytest.approx(7.16, abs=0.01)
    assert len(failing(page, 4)) == 2
    visitor.close()


def by_formula(one: float, other: float) -> float:
    """Two greys of 0 … 1 (sRGB)."""
    light, dark = (((grey + 0.055) / 1.055) ** 2.4 + 0.05 for grey in (other, one))
    return light / dark


@pytest.mark.parametrize("name", [*PAGES, *PASSAGES])
def test_texts_stand_out_in_light_and_dark_and_nothing_is_wider_than_a_phone(
    browser: Browser, studio: Studio, name: str
) -> None:
    looked = Looked(browser, studio, name)
    page, found = looked.page, {}
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        expect(page.locator("html")).to_have_attribute("data-theme", scheme)
        looked.settle()
        if low := failing(page, 8):
            found[scheme] = low
    assert found == {}
    page.set_viewport_size({"width": 390, "height": 844})
    page.wait_for_timeout(200)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    looked.visitor.close()


@pytest.mark.parametrize("name", PAGES)
def test_every_control_is_reached_by_tab_and_seen(browser: Browser, studio: Studio, name: str) -> None:
    looked = Looked(browser, studio, name)
    page = looked.page
    page.evaluate("() => scrollTo(0, 0)")
    controls: list[str] = page.evaluate("access.number()")
    reached, unseen = set(), set()
    for _ in range(len(controls) + 60):  # what scrolls has the focus too
        page.keyboard.press("Tab")
        at: dict[str, Any] | None = page.evaluate("access.focus()")
        if len(reached) == len(controls):
            break
        if at is None:  # out of the page at its end, and in again at its beginning
            continue
        if at["control"] is not None:
            reached.add(int(at["control"]))
        if at["ratio"] < 3:
            unseen.add(f"{at['ratio']:.2f}: {at['where']}")
    assert {controls[number] for number in set(range(len(controls))) - reached} == set()
    assert unseen == set()
    looked.visitor.close()


def test_enter_and_space_act(browser: Browser, studio: Studio) -> None:
    """Also where it is no plain link or button: a map's pixel, a field of points, an output of the sandbox."""
    visitor = (looked := Looked(browser, studio, "cnn")).visitor
    page = looked.page
    before = page.locator("#sandbox .out.seen").evaluate("element => element.getAttribute('x')")
    page.locator("#sandbox button.field").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#sandbox .out.seen")).not_to_have_attribute("x", before)
    page.evaluate("() => { location.hash += '&step=convolutions.1' }")
    page.get_by_test_id("map").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("dialog")).to_be_visible(timeout=SLOW)
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)

    page.evaluate("() => { location.hash = '#/rnn?run=lstm&word=2' }")
    page.locator("#gates .map").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Space")
    expect(page.get_by_test_id("h")).to_be_visible(timeout=SLOW)
    assert "gunit=1" in page.url and "word=1" in page.url
    page.keyboard.press("Escape")

    page.evaluate("() => { location.hash = '#/playground?set=own' }")
    field = page.get_by_test_id("field")
    field.focus()
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    expect(field.locator("circle.point")).to_have_count(2)
    heights = [float(circle.get_attribute("cy") or 0) for circle in field.locator("circle.point").all()]
    assert heights[1] < heights[0]

    page.evaluate("() => { location.hash = '#/mlp?run=digits' }")
    page.locator("#net [data-unit='3']").wait_for()
    page.get_by_test_id("unit").fill("3")
    page.keyboard.press("Enter")
    expect(page.get_by_test_id("total")).to_be_visible(timeout=SLOW)
    page.keyboard.press("Escape")
    page.get_by_role("button", name=re.compile("Dark colours")).focus()
    page.keyboard.press("Space")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    visitor.close()
