"""Views that train on the spot, as a person starts them: what is shown is what was answered; the run stays whole."""

from __future__ import annotations

import hashlib
import re
import statistics
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from client import Studio
from playwright.sync_api import Browser, Locator, Response, expect
from visitor import CHROMIUM, SLOW, Visitor

from tongsu import session
from tongsu.runs.store import RunStore

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"), pytest.mark.long]
RUNS = {
    "mlp": ["examples=400", "epochs=1", "frames=3"],
    "resnet": ["examples=200", "epochs=1", "frames=2", "width=4"],
    "gan": ["examples=400", "epochs=1", "frames=2", "width=8", "batch_size=16"],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    studio = Studio(tmp_path_factory.mktemp("trials"))
    for name, changes in RUNS.items():
        made = session.prepare(name, "quick", "digits", changes, store=RunStore(studio.runs), name=name)
        for _ in made.events(device="cpu"):
            pass
    studio.start()
    yield studio
    studio.close()


def opened(browser: Browser, studio: Studio, name: str, panel: str, language: str = "en") -> tuple[Visitor, Locator]:
    visitor = Visitor(browser, studio.address, language)
    visitor.go(f"#/{name}?run={name}")
    section = visitor.page.locator(f"#{panel}")
    section.scroll_into_view_if_needed(timeout=SLOW)
    return visitor, section


def values(packed: dict[str, Any]) -> np.ndarray:
    return np.array([np.nan if v is None else v for v in packed["values"]]).reshape(packed["shape"])


def listening(visitor: Visitor, view: str) -> list[dict[str, Any]]:
    """The answers of a view, as they arrive."""
    heard: list[dict[str, Any]] = []

    def hear(got: Response) -> None:
        if got.url.endswith(f"/views/{view}") and got.ok:
            heard.append(got.json()["answer"])

    visitor.page.on("response", hear)
    return heard


def arrived(visitor: Visitor, heard: list[dict[str, Any]], count: int) -> None:
    """Waits for so many answers: the last is heard a moment after the page has drawn it."""
    for _ in range(100):
        if len(heard) < count:
            visitor.page.wait_for_timeout(50)
    assert len(heard) == count


def files(folder: Path) -> dict[str, str]:
    return {str(p): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_variants_under_one_budget_seed_after_seed(browser: Browser, trained: Studio) -> None:
    visitor, panel = opened(browser, trained, "mlp", "same-budget")
    heard = listening(visitor, "same-budget")
    panel.locator("input[name=variants]").fill("hidden=8; hidden=32,16 lr=0.05")
    for name, value in (("learned", "120"), ("epochs", "2"), ("seeds", "3")):
        panel.locator(f"input[name={name}]").fill(value)
    panel.get_by_role("button", name="Train them").click()
    expect(panel.get_by_role("status")).to_have_text("Rounds done: 3 of 3", timeout=2 * SLOW)
    arrived(visitor, heard, 3)
    found = np.concatenate([values(answer["accuracy"]) for answer in heard], axis=1)  # (variants, seeds)
    assert found.shape == (2, 3) and [values(answer["seeds"])[0] for answer in heard] == [0, 1, 2]
    means = panel.get_by_test_id("mean")
    for v in range(2):
        shown = means.nth(v)
        assert float(shown.get_attribute("data-value") or "nan") == pytest.approx(found[v].mean(), abs=1e-6)
        spread = statistics.stdev(found[v].tolist())
        assert float(shown.get_attribute("data-spread") or "nan") == pytest.approx(spread, abs=1e-6)
        expect(shown).to_have_text(f"{100 * found[v].mean():.1f} % ± {100 * spread:.1f}")
    expect(panel.locator("circle")).to_have_count(6)
    expect(panel.get_by_text("hidden=32,16 lr=0.05")).to_be_visible()

    # Stopped in the middle: what is there stays, and it can be begun anew.
    panel.locator("input[name=seeds]").fill("20")
    panel.get_by_role("button", name="Train them").click()
    expect(panel.get_by_role("status")).to_have_text(re.compile("Rounds done: [2-9] of 20"), timeout=2 * SLOW)
    panel.get_by_role("button", name="Stop").click()
    expect(panel.get_by_role("button", name="Train them")).to_be_visible()
    visitor.page.wait_for_load_state("networkidle")
    done = int(re.findall(r"done: (\d+)", panel.get_by_role("status").inner_text())[0])
    expect(panel.locator("circle")).to_have_count(2 * done)

    # What cannot be is said where it was asked.
    with visitor.page.expect_response(lambda got: got.url.endswith("/views/same-budget")):
        panel.locator("input[name=variants]").fill("hiden=8")
        panel.get_by_role("button", name="Train them").click()
    expect(panel.locator(".problem")).to_contain_text("hiden")
    assert [said for said in visitor.troubles if "422" not in said] == []
    visitor.troubles.clear()
    visitor.close()


def test_depth_both_ways_in_chinese(browser: Browser, trained: Studio) -> None:
    visitor, panel = opened(browser, trained, "resnet", "depth-accuracy", "zh")
    heard = listening(visitor, "depth-accuracy")
    for name, value in (("learned", "20"), ("epochs", "1"), ("seeds", "2")):
        panel.locator(f"input[name={name}]").fill(value)
    panel.get_by_role("button", name="开始训练").click()
    expect(panel.get_by_role("status")).to_have_text("已完成 4 / 4 组", timeout=4 * SLOW)
    arrived(visitor, heard, 4)
    assert [values(answer["depths"]).tolist() for answer in heard] == [[20, 20], [56, 56]] * 2
    rows = [(20, True), (20, False), (56, True), (56, False)]
    for row, (depth, skip) in enumerate(rows):
        seen = [
            values(answer["budget"]["accuracy"])[v, 0]
            for answer in heard
            for v in range(2)
            if values(answer["depths"])[v] == depth and bool(values(answer["skips"])[v]) is skip
        ]
        assert len(seen) == 2
        mean = panel.get_by_test_id("mean").nth(row)
        assert float(mean.get_attribute("data-value") or "nan") == pytest.approx(np.mean(seen), abs=1e-6)
    expect(panel.get_by_text("56 层，无捷径")).to_be_visible()
    visitor.close()


def test_a_generator_collapses_and_is_brought_back(browser: Browser, trained: Studio) -> None:
    before = files(trained.runs / "gan")
    visitor, panel = opened(browser, trained, "gan", "collapse")
    heard = listening(visitor, "mode-collapse")
    panel.locator("select[name=cure]").select_option("small-rate")
    panel.get_by_role("button", name="Let it collapse").click()
    stages = panel.get_by_test_id("collapse-stage")
    expect(stages).to_have_count(3, timeout=4 * SLOW)
    arrived(visitor, heard, 1)
    (answer,) = heard
    shares = values(answer["shares"])
    for stage in range(3):
        some = shares[stage][shares[stage] > 0]
        coverage = float(np.exp(-(some * np.log(some)).sum()) / 10)
        assert float(stages.nth(stage).get_attribute("data-coverage") or "nan") == pytest.approx(coverage, abs=1e-5)
        expect(stages.nth(stage).locator("strong").first).to_have_text(f"{100 * coverage:.0f} %")
        expect(stages.nth(stage).locator("canvas")).to_have_count(12)
    assert answer["finished"] is True and answer["cure"] == "small-rate"
    assert files(trained.runs / "gan") == before
    visitor.close()
