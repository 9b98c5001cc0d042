"""A newcomer's path in a real browser, in both languages, against the real server and its real training processes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from client import Studio
from playwright.sync_api import Browser, Page, Response, expect
from safetensors.numpy import load_file
from visitor import CHROMIUM, SLOW, Visitor, number, unpacked

from tongsu.data import load

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"),
    pytest.mark.long,
]
STATE = {"running": ("running", "训练中"), "paused": ("paused", "已暂停")}


class WithData(Studio):
    """A studio whose data folder is that of the machine: MNIST is there, or is fetched once."""

    @property
    def surroundings(self) -> dict[str, str]:
        return {k: v for k, v in super().surroundings.items() if k not in ("TONGSU_HOME", "TONGSU_OFFLINE")}


@pytest.fixture
def furnished(tmp_path: Path) -> Iterator[Studio]:
    load("mnist")
    own = WithData(tmp_path)
    yield own
    own.close()


def draw_seven(page: Page) -> None:
    """Two strokes with the mouse, as a person draws a 7."""
    pad = page.locator(".pad canvas")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    assert box
    points = [(0.25, 0.22), (0.75, 0.22), (0.68, 0.4), (0.56, 0.6), (0.46, 0.85)]
    x, y, side = box["x"], box["y"], box["width"]
    page.mouse.move(x + side * points[0][0], y + side * points[0][1])
    page.mouse.down()
    for across, down in points[1:]:
        page.mouse.move(x + side * across, y + side * down, steps=6)
    page.mouse.up()


def hidden_units(run: Path, seen: np.ndarray, unit: int) -> tuple[float, float]:
    """The pre-activation of a first-layer unit by NumPy in float64, from the run's own files; and its ReLU."""
    weights = load_file(run / "weights.safetensors")
    how = json.loads((run / "preprocessing.json").read_text())["preprocessing"]
    x = (seen.astype(np.float64) / 255 - how["mean"][0]) / how["std"][0]
    total = float(x.ravel() @ weights["hidden.0.weight"][unit].astype(np.float64) + weights["hidden.0.bias"][unit])
    return total, max(total, 0.0)


@pytest.mark.data
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_newcomer_trains_draws_and_follows_a_unit_to_its_sum(
    browser: Browser, furnished: Studio, language: str
) -> None:
    furnished.start()
    visitor = Visitor(browser, furnished.address, language)
    page = visitor.page
    which = language == "zh"

    # From the road map to the first chapter, and a training that is long enough to be paused.
    page.get_by_role("link", name=re.compile("Multilayer perceptron|多层感知机")).click()
    page.locator("select[name=preset]").select_option("quick")
    page.locator("select[name=data]").select_option("digits")
    page.locator("input[name=epochs]").fill("600")
    visitor.find("start").click()
    state, step = visitor.find("state"), visitor.find("step")
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

    # A short one to its end; then a drawing of one's own.
    page.get_by_role("button", name=re.compile("New training|新的训练")).click()
    page.locator("select[name=preset]").select_option("quick")
    page.locator("select[name=data]").select_option("mnist")
    visitor.find("start").click()
    expect(state).to_have_attribute("data-state", "finished", timeout=2 * SLOW)
    draw_seven(page)
    expect(visitor.find("prediction")).to_have_text("7", timeout=SLOW)

    # Down to one number: what the dialog shows is what NumPy makes of the run's file and of what the net saw.
    shown = page.locator("#net rect[data-unit='5']")
    shown.wait_for()
    with page.expect_response(lambda got: got.url.endswith("/views/unit")) as got:
        shown.click()
    seen = unpacked(got.value.json()["image"])
    activated, total = visitor.find("activated"), visitor.find("total")
    expect(total).to_be_visible()
    run = furnished.runs / re.findall(r"run=([\w-]+)", page.url)[0]
    by_hand, bent = hidden_units(run, seen, 5)
    assert number(total) == pytest.approx(by_hand, abs=1e-4)
    assert number(activated) == pytest.approx(bent, abs=1e-4)
    terms = [figure(cell) for cell in visitor.find("term").all_inner_texts()]
    assert sum(terms) == pytest.approx(by_hand, abs=0.01)  # what a person reads, three digits each, adds up too
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_have_count(0)

    # The time machine: at the very first frame the net knows nothing, and the address says where we are.
    net = page.get_by_test_id("prediction")
    visitor.find("time").focus()
    with page.expect_response(
        lambda got: got.url.endswith("/predict") and got.request.post_data_json["frame"] == 0
    ) as early:
        page.keyboard.press("Home")
    assert early.value.json()["probability"] < 0.6
    assert "frame=0" in page.url
    with page.expect_response(lambda got: predicted(got, None)):
        page.keyboard.press("End")
    expect(net).to_have_text("7")

    # The other language, at once.
    page.get_by_role("button", name=re.compile("^(中文|English)$")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(("多层感知机", "Multilayer perceptron")[which])
    visitor.close()


def predicted(got: Response, frame: int | None) -> bool:
    asked = got.request.post_data_json if got.url.endswith("/predict") else None
    return asked is not None and asked["frame"] == frame


def count(text: str) -> int:
    """`1,234 / 5,678` -> 1234."""
    return int(text.split("/")[0].replace(",", ""))


def figure(text: str) -> float:
    return float(text.replace("−", "-").replace("× ", "") or 0)
