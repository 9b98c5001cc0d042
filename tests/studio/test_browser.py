"""A newcomer's path through each chapter in a real browser, in both languages: the real server, its real training
processes, real data. (The GAN, whose path is another one, has test_browser_gan.py.)"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from by_hand import first_convolution, first_head, hidden_unit, lstm_state, second_convolution
from client import Studio
from playwright.sync_api import Browser, Response, expect
from visitor import CHROMIUM, SLOW, Visitor, count, number, unpacked

from tongsu.data import load
from tongsu.data.sources import home

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.long,
    pytest.mark.data,
]
STATE = {"running": ("running", "训练中"), "paused": ("paused", "已暂停")}
REVIEW = "a wonderful film and one of the best i have ever seen"


class WithData(Studio):
    """A studio whose data folder is that of the machine: what is there is not fetched again."""

    @property
    def surroundings(self) -> dict[str, str]:
        own = {name: value for name, value in super().surroundings.items() if name != "TONGSU_OFFLINE"}
        return own | {"TONGSU_HOME": str(home())}


@pytest.fixture
def furnished(tmp_path: Path) -> Iterator[Studio]:
    own = WithData(tmp_path)
    yield own
    own.close()


# Down to one number: what the page shows is what NumPy makes of the run's files and of what the net saw ---------


def a_unit(visitor: Visitor, run: Path) -> None:
    shown = visitor.page.locator("#net rect[data-unit='5']")
    with visitor.page.expect_response(asked_for("unit")) as got:
        shown.click()
    by_hand = hidden_unit(run, unpacked(got.value.json()["image"]), 5)
    activated, total = visitor.find("activated"), visitor.find("total")
    expect(total).to_be_visible()
    assert number(total) == pytest.approx(by_hand, abs=1e-4)
    assert number(activated) == pytest.approx(max(by_hand, 0.0), abs=1e-4)
    terms = [figure(cell) for cell in visitor.find("term").all_inner_texts()]
    assert sum(terms) == pytest.approx(by_hand, abs=0.01)  # what a person reads, three digits each, adds up too
    close_dialog(visitor)


def a_pixel(layer: str, maps: Callable[[Path, np.ndarray], np.ndarray]) -> Callable[[Visitor, Path], None]:
    def follow(visitor: Visitor, run: Path) -> None:
        page = visitor.page
        page.locator("#maps .chain").get_by_text(layer, exact=True).click()
        page.locator("#maps .tile").nth(2).click()
        with page.expect_response(asked_for("pixel")) as got:
            page.get_by_test_id("map").click(position={"x": 60, "y": 90})
        asked = got.value.request.post_data_json["parameters"]
        expect(visitor.find("total")).to_be_visible()
        by_hand = maps(run, unpacked(got.value.json()["image"]))[2, asked["row"], asked["column"]]
        assert number(visitor.find("total")) == pytest.approx(by_hand, abs=1e-4)
        close_dialog(visitor)

    return follow


def a_gate(visitor: Visitor, run: Path) -> None:
    words = visitor.page.get_by_test_id("words").locator("button")
    expect(words.last).to_have_text("seen", timeout=SLOW)
    said = words.all_inner_texts()
    visitor.page.evaluate("() => { location.hash += '&word=3&gunit=1' }")
    expect(visitor.find("h")).to_be_visible(timeout=SLOW)
    assert number(visitor.find("h")) == pytest.approx(lstm_state(run, said, word=3)[1], abs=1e-5)
    close_dialog(visitor)


def a_head(visitor: Visitor, run: Path) -> None:
    page = visitor.page
    words = page.locator("#attention text.word")
    expect(words.last).to_have_text("seen", timeout=SLOW)
    by_hand = first_head(run, words.all_text_contents())[-1]  # the last word is the one that is looked at
    shown = {int(one.get_attribute("data-key") or -1): number(one) for one in visitor.find("weight").all()}
    assert list(shown) == np.argsort(-by_hand)[: len(shown)].tolist()
    assert list(shown.values()) == pytest.approx(by_hand[list(shown)], abs=1e-5)


@dataclass(frozen=True)
class Walk:
    titles: tuple[str, str]
    data: str
    answers: tuple[str, str]
    follow: Callable[[Visitor, Path], None]
    cell: str = ""
    examples: str = ""


WALKS = {
    "mlp": Walk(("Multilayer perceptron", "多层感知机"), "mnist", ("7", "7"), a_unit),
    "cnn": Walk(("Convolutional net", "卷积神经网络"), "mnist", ("7", "7"),
                a_pixel("convolutions.1", second_convolution)),
    "rnn": Walk(("Recurrent nets", "循环神经网络"), "imdb", ("positive", "正面"), a_gate, "lstm"),
    "transformer": Walk(("Transformer", "Transformer"), "imdb", ("positive", "正面"), a_head),
    "resnet": Walk(("Residual net", "残差网络"), "mnist", ("7", "7"), a_pixel("conv", first_convolution),
                   examples="6000"),  # the slowest net: a tenth of the pictures is enough to know a 7
}  # fmt: skip


# A walk takes a minute and ends in the other language, so that one a chapter is enough after the first.
@pytest.mark.parametrize(
    ("chapter", "language"),
    [("mlp", "en"), ("mlp", "zh"), ("cnn", "zh"), ("rnn", "en"), ("transformer", "zh"), ("resnet", "en")],
)
def test_a_newcomer_trains_asks_and_follows_one_number(
    browser: Browser, furnished: Studio, chapter: str, language: str
) -> None:
    walk = WALKS[chapter]
    load(walk.data)
    furnished.start()
    visitor = Visitor(browser, furnished.address, language)
    page = visitor.page
    which = language == "zh"

    # From the road map to the chapter, and a training that is long enough to be paused.
    page.locator("main").get_by_role("link", name=walk.titles[which]).first.click()
    state, step = visitor.find("state"), visitor.find("step")
    begin(visitor, walk)
    page.locator("input[name=epochs]").fill("600")
    visitor.find("start").click()
    expect(state).to_have_attribute("data-state", "running", timeout=SLOW)
    expect(state).to_have_text(STATE["running"][which])
    expect(page.locator("aside .u-over")).to_be_visible()  # the curve stands
    first = step.inner_text()
    expect(step).not_to_have_text(first, timeout=SLOW)  # and moves

    # Pause, one single update, and the page says so.
    page.get_by_role("button", name=re.compile("Pause|暂停")).first.click()
    expect(state).to_have_text(STATE["paused"][which], timeout=SLOW)
    before = count(step.inner_text())
    page.get_by_role("button", name=re.compile("One update|走一步")).click()
    expect(step).to_have_text(re.compile(rf"^{before + 1:,} "), timeout=SLOW)
    expect(state).to_have_attribute("data-state", "paused")
    page.get_by_role("button", name=re.compile("Stop|停止")).first.click()
    expect(state).to_have_attribute("data-state", "stopped", timeout=SLOW)

    # A short one to its end; then an input of one's own.
    page.get_by_role("button", name=re.compile("New training|新的训练")).click()
    begin(visitor, walk)
    visitor.find("start").click()
    expect(state).to_have_attribute("data-state", "finished", timeout=4 * SLOW)
    if walk.data == "mnist":
        visitor.draw_seven()
    else:
        page.locator("textarea[name=text]").fill(REVIEW)
    says = visitor.find("prediction")
    expect(says).to_have_text(walk.answers[which], timeout=SLOW)

    run = furnished.runs / re.findall(r"run=([\w-]+)", page.url)[0]
    walk.follow(visitor, run)

    # The time machine: at the very first frame the net knows nothing, and the address says where we are.
    visitor.find("time").focus()
    with page.expect_response(predicted(0)) as early:
        page.keyboard.press("Home")
    if walk.data == "mnist":  # of two classes an untrained net may be sure of one
        assert early.value.json()["probability"] < 0.6
    assert "frame=0" in page.url
    with page.expect_response(predicted(None)) as late:
        page.keyboard.press("End")
    probabilities = [dict(got.value.json()["probabilities"]) for got in (early, late)]
    right = max(probabilities[1], key=probabilities[1].__getitem__)
    assert abs(probabilities[1][right] - probabilities[0][right]) > 0.02
    expect(says).to_have_text(walk.answers[which])

    # The other language, at once.
    page.get_by_role("button", name=re.compile("^(中文|English)$")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(walk.titles[not which])
    expect(says).to_have_text(walk.answers[not which])
    visitor.close()


def begin(visitor: Visitor, walk: Walk) -> None:
    for name, value in {"preset": "quick", "data": walk.data, "cell": walk.cell}.items():
        if value:
            visitor.page.locator(f"select[name={name}]").select_option(value)
    if walk.examples:
        visitor.page.locator("details summary").click()
        visitor.page.locator("input[name=examples]").fill(walk.examples)


def close_dialog(visitor: Visitor) -> None:
    visitor.page.keyboard.press("Escape")
    expect(visitor.page.locator("dialog")).to_have_count(0)


def asked_for(view: str) -> Callable[[Response], bool]:
    return lambda got: got.url.endswith(f"/views/{view}")


def predicted(frame: int | None) -> Callable[[Response], bool]:
    return lambda got: got.url.endswith("/predict") and got.request.post_data_json["frame"] == frame


def figure(text: str) -> float:
    return float(text.replace("−", "-").replace("× ", "") or 0)
