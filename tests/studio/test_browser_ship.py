"""From the list of runs to files and a server, in a real browser; the terminal's commands say the same."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from client import Studio
from PIL import Image
from playwright.sync_api import Browser, expect
from shipyard import FEW, FORGER, command, train
from visitor import CHROMIUM, SLOW, Visitor

from tongsu.data import load

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"), pytest.mark.long]


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    own = Studio(tmp_path_factory.mktemp("ship"))
    train(own.runs, "forger", "gan", "digits", FORGER)
    train(own.runs, "digits", "mlp", "digits", FEW)
    own.start()
    yield own
    own.close()


def test_export_and_serve_what_the_commands_export_and_predict(browser: Browser, yard: Studio) -> None:
    visitor = Visitor(browser, yard.address, "en")
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = visitor.page
    page.evaluate("() => { location.hash = '#/runs' }")
    page.get_by_role("row", name=re.compile("digits")).filter(has_text="MLP").get_by_role(
        "link", name="Export and serve"
    ).click()

    # Exported, with 8 bits; the figures are those of the command.
    page.get_by_role("checkbox", name=re.compile("8-bit")).check()
    page.get_by_role("button", name="Export", exact=True).click()
    made = visitor.find("exported-onnx")
    expect(made).to_be_visible(timeout=4 * SLOW)
    difference, cost = made.get_by_test_id("difference").inner_text(), made.get_by_test_id("cost").inner_text()
    folder = made.get_by_test_id("folder").inner_text()
    files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    answer, said = command(yard, "export", "digits", "--quantize", "int8")
    told = re.search(r"largest difference ([\d.e+-]+)\.", said)
    assert told and difference == told[1]
    assert set(files) == set(answer["files"]) and files["model.onnx"] == (Path(folder) / "model.onnx").read_bytes()
    shares = re.search(r"accuracy ([\d.]+)% becomes ([\d.]+)% on (\d+) examples", said)
    assert shares and re.search(rf"accuracy {shares[1]} % becomes {shares[2]} % on {shares[3]} examples", cost)
    made.get_by_role("button", name="Copy").click()
    expect(made.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == answer["folder"]

    # Served; the line to copy is typed in a terminal, and answers as `tongsu predict` does.
    page.get_by_role("button", name="Start serving").click()
    state = visitor.find("serving")
    expect(state).to_have_attribute("data-state", "ready", timeout=4 * SLOW)
    test = load("digits").test
    Image.fromarray(test.inputs[0, 0].numpy()).save(yard.folder / "picture.png")
    line = visitor.find("curl").inner_text()
    served = subprocess.run(
        ["sh", "-c", f"{line} -s --noproxy '*'"], capture_output=True, text=True, check=True, cwd=yard.folder
    )
    wanted, _ = command(yard, "predict", "digits", "picture.png")
    answer = json.loads(served.stdout)["predictions"][0]
    assert answer["label"] == wanted["predictions"][0]["label"]
    assert answer["probabilities"] == pytest.approx(wanted["predictions"][0]["probabilities"], abs=1e-6)

    # Its own page opens from the link.
    address = visitor.find("address").inner_text()
    with visitor.context.expect_page() as opened:
        visitor.find("address").click()
    expect(opened.value).to_have_url(f"{address}/")
    expect(opened.value.locator("form").first).to_be_visible()
    opened.value.close()

    # A page that is loaded anew has not lost it; then it is stopped.
    page.reload()
    expect(state).to_have_attribute("data-state", "ready", timeout=SLOW)
    expect(visitor.find("address")).to_have_text(address)
    page.get_by_role("button", name="Stop serving").click()
    expect(state).to_have_attribute("data-state", "off", timeout=4 * SLOW)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{address}/readyz", timeout=5)
    visitor.close()


def test_troubles_are_told_in_chinese_on_a_narrow_dark_screen(browser: Browser, yard: Studio) -> None:
    visitor = Visitor(browser, yard.address, "zh", width=390, scheme="dark")
    page = visitor.page
    page.evaluate("() => { location.hash = '#/ship?run=forger' }")
    page.get_by_role("button", name="启动服务").click()
    alert = page.locator("#serve [role=alert]")
    expect(alert).to_contain_text("forger", timeout=4 * SLOW)
    expect(alert).to_contain_text(re.compile("[\u4e00-\u9fff]"))
    expect(visitor.find("serving")).to_have_attribute("data-state", "off")

    port = yard.address.partition("/?")[0].rpartition(":")[2]  # the studio itself has it
    page.locator("input[name=port]").fill(port)
    page.get_by_role("button", name="启动服务").click()
    expect(page.get_by_role("alert").first).to_contain_text(f"端口 {port} 已被其他程序占用")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    visitor.troubles = [trouble for trouble in visitor.troubles if "422" not in trouble]  # as asked for
    visitor.close()
