"""Two tabs on one training, a page that is reloaded, a studio that is killed; and nothing leaves the machine."""

from __future__ import annotations

import json
import re
import signal
from typing import Any

import pytest
from client import Page, Studio, workers
from playwright.sync_api import Browser, expect
from playwright.sync_api import Page as Tab
from visitor import CHROMIUM, SLOW, Visitor, count

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"), pytest.mark.long]
LONG = {"epochs": 500_000, "frames": 8, "lr": 0.01}  # hours, if nobody stopped it


def begun(page: Page) -> str:
    """A training that goes on for hours, already under way."""
    wish = {"chapter": "mlp", "preset": "quick", "data": "digits", "changes": LONG}
    run = page.post("trainings", wish, status=201)["run"]
    page.reached(run, 50)
    return run


def step(tab: Tab) -> int:
    return count(tab.get_by_test_id("step").inner_text())


def stands(tab: Tab, state: str) -> None:
    expect(tab.get_by_test_id("state")).to_have_attribute("data-state", state, timeout=SLOW)


def moves_on(tab: Tab) -> int:
    """The update that the page shows, once it is a later one."""
    before = step(tab)
    expect(tab.get_by_test_id("step")).not_to_have_text(re.compile(f"^{before:,}( |$)"), timeout=SLOW)
    return step(tab)


def press(tab: Tab, name: str) -> None:
    tab.locator("aside").get_by_role("button", name=re.compile(name)).first.click()


def written(studio: Studio, run: str) -> list[dict[str, Any]]:
    lines = (studio.runs / run / "events.jsonl").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]  # the last may be on its way


def test_two_tabs_show_the_same_training(browser: Browser, studio: Studio) -> None:
    run = begun(studio.start())
    visitor = Visitor(browser, studio.address, "en")
    visitor.go(f"#/mlp?run={run}")
    one, other = visitor.page, visitor.tab(f"{visitor.origin}/#/mlp?run={run}&lang=zh")
    for tab in (one, other):
        stands(tab, "running")
        moves_on(tab)

    press(one, "Pause")
    for tab in (one, other):
        stands(tab, "paused")
    expect(other.get_by_test_id("state")).to_have_text("已暂停")
    at = step(one)
    assert step(other) == at == written(studio, run)[-1]["step"]

    press(other, "走一步")
    for tab in (one, other):
        expect(tab.get_by_test_id("step")).to_have_text(re.compile(rf"^{at + 1:,} "), timeout=SLOW)
        stands(tab, "paused")

    rate = "aside label:has-text('{}') input[type=number]"
    one.locator(rate.format("Learning rate")).fill("0.0025")
    one.locator(rate.format("Learning rate")).press("Enter")
    expect(other.locator(rate.format("学习率"))).to_have_value("0.0025", timeout=SLOW)

    press(other, "继续")
    for tab in (one, other):
        stands(tab, "running")
        assert moves_on(tab) > at + 1
    press(one, "Stop")
    for tab in (one, other):
        stands(tab, "stopped")
    last = written(studio, run)[-1]["step"]
    for tab in (one, other):
        expect(tab.get_by_test_id("step")).to_have_text(re.compile(rf"^{last:,} "), timeout=SLOW)
    visitor.close()


def test_a_page_that_is_reloaded_is_where_it_was(browser: Browser, studio: Studio) -> None:
    run = begun(studio.start())
    visitor = Visitor(browser, studio.address, "en")
    visitor.go(f"#/mlp?run={run}&example=3")
    page = visitor.page
    stands(page, "running")
    before = moves_on(page)
    heard: list[dict[str, Any]] = []
    sockets: list[str] = []

    def listen(socket: Any) -> None:
        sockets.append(socket.url)
        socket.on("framereceived", lambda frame: heard.append(json.loads(frame)))

    page.on("websocket", listen)
    page.reload()
    stands(page, "running")
    assert moves_on(page) >= before
    assert re.findall(r"run=([\w-]+)", page.url) == [run]
    expect(page.get_by_test_id("time")).to_be_visible(timeout=SLOW)
    expect(page.locator("aside .u-over")).to_be_visible()
    assert "after=0" in sockets[0]  # the page that comes knows nothing yet
    past = next(message["events"] for message in heard if message["kind"] == "events")
    assert past[0]["event"] == "Started" and past[0]["step"] == 0
    steps = [[event["step"] for event in told if event["event"] == "Step"] for told in (past, written(studio, run))]
    assert steps[0][0] == steps[1][0] <= before  # the curve from its beginning
    press(page, "Pause")
    stands(page, "paused")
    page.reload()  # and while it stands still
    stands(page, "paused")
    at = written(studio, run)[-1]["step"]
    expect(page.get_by_test_id("step")).to_have_text(re.compile(rf"^{at:,} "), timeout=SLOW)
    press(page, "Stop")
    stands(page, "stopped")
    visitor.close()


def test_a_studio_that_was_killed_is_found_again_by_its_page(browser: Browser, studio: Studio) -> None:
    run = begun(studio.start())
    visitor = Visitor(browser, studio.address, "en")
    visitor.go(f"#/mlp?run={run}")
    page = visitor.page
    stands(page, "running")
    shown = moves_on(page)
    expect(page.get_by_test_id("time")).to_be_visible(timeout=SLOW)  # everything is loaded
    page.wait_for_load_state("networkidle")
    assert visitor.troubles == []

    studio.end(signal.SIGKILL)
    (worker,) = workers(studio.runs, run)
    reached = written(studio, run)[-1]["step"]
    page.wait_for_event("websocket", timeout=SLOW)  # the page knocks, and nobody opens
    away = visitor.find("away")
    expect(away).to_contain_text("does not answer", timeout=SLOW)
    press(page, "Pause")
    expect(page.locator(".problem")).to_have_count(1)  # it is said once, however much was asked in vain
    studio.start(port=int(visitor.origin.rpartition(":")[2]))
    expect(away).to_be_empty(timeout=SLOW)
    expect(page.locator("aside .problem")).to_contain_text("was away", timeout=SLOW)  # that order was not carried out
    expect(page.get_by_test_id("step")).not_to_have_text(re.compile(f"^{step(page):,}( |$)"), timeout=SLOW)
    stands(page, "running")
    assert moves_on(page) > max(shown, reached)
    assert workers(studio.runs, run) == [worker]  # the same process trained all the while
    steps = [event["step"] for event in written(studio, run) if event["event"] == "Step"]
    assert steps == sorted(steps)
    gone = re.compile(r"net::ERR_(CONNECTION_(REFUSED|RESET|CLOSED)|EMPTY_RESPONSE|SOCKET_NOT_CONNECTED)")
    said = [trouble for trouble in visitor.troubles if gone.search(trouble)]
    assert visitor.troubles == said != []  # what a browser says of a studio that is away, and no more
    visitor.troubles.clear()

    press(page, "Pause")
    stands(page, "paused")
    press(page, "Stop")
    stands(page, "stopped")
    visitor.close()


def test_no_request_leaves_the_machine(browser: Browser, studio: Studio) -> None:
    run = begun(studio.start())
    visitor = Visitor(browser, studio.address, "zh")
    page = visitor.page
    for name in ("mlp", "cnn", "rnn", "gan", "transformer", "resnet", "playground", "runs", "data"):
        visitor.go(f"#/{name}")
        expect(page.locator("main h1").first).to_be_visible(timeout=SLOW)
        page.wait_for_load_state("networkidle")
    visitor.go(f"#/mlp?run={run}")
    stands(page, "running")
    for panel in page.locator("section.card").all():
        panel.scroll_into_view_if_needed(timeout=SLOW)
    press(page, "停止")
    stands(page, "stopped")
    kinds = {kind: [url for url in visitor.asked if kind in url] for kind in ("/assets/", "/api/", "ws://")}
    assert all(kinds.values()), kinds
    port = visitor.origin.rpartition(":")[2]
    local = re.compile(rf"(http|ws)://127\.0\.0\.1:{port}/|data:|blob:")
    assert [url for url in visitor.asked if not local.match(url)] == []
    visitor.close()
