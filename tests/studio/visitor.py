"""Somebody in front of a real browser, whose every trouble is remembered."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from playwright.sync_api import Browser, Locator, Page, Request, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SLOW = 30_000  # milliseconds: a busy machine, not a slow page


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's own browser; nothing is downloaded."""
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


class Visitor:
    """A page whose every console error and failed request is remembered."""

    def __init__(self, browser: Browser, address: str, language: str, width: int = 1280, scheme: str = "light") -> None:
        self.context = browser.new_context(
            locale={"en": "en-GB", "zh": "zh-CN"}[language],
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        self.context.set_default_timeout(SLOW)
        self.troubles: list[str] = []
        self.foreign: list[str] = []
        self.asked: list[str] = []
        self.origin = address.partition("/?")[0]
        self.page = self.tab(address)

    def tab(self, address: str) -> Page:
        """One more page of the same person."""
        page = self.context.new_page()
        self.watch(page)
        page.goto(address)
        return page

    def watch(self, page: Page) -> None:
        page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))
        page.on("response", lambda got: self.troubles.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        page.on("requestfailed", self.failed)
        page.on("request", lambda request: self.seen(request.url))
        page.on("websocket", lambda socket: self.seen(socket.url))

    def failed(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # the page was left, and with it what it had asked
            self.troubles.append(f"{request.failure} {request.url}")

    def seen(self, url: str) -> None:
        self.asked.append(url)
        own = f"{self.origin}/", f"{self.origin.replace('http', 'ws', 1)}/", "data:", "blob:"
        if not url.startswith(own):
            self.foreign.append(url)

    def go(self, address: str) -> None:
        """To a place in the studio, such as #/cnn?run=a."""
        self.page.evaluate("address => { location.hash = address }", address)

    def find(self, name: str) -> Locator:
        return self.page.get_by_test_id(name)

    def draw_seven(self) -> None:
        """Two strokes with the mouse, as a person draws a 7."""
        pad = self.page.locator(".pad canvas")
        pad.scroll_into_view_if_needed()
        box = pad.bounding_box()
        assert box
        points = [(0.25, 0.22), (0.75, 0.22), (0.68, 0.4), (0.56, 0.6), (0.46, 0.85)]
        x, y, side = box["x"], box["y"], box["width"]
        self.page.mouse.move(x + side * points[0][0], y + side * points[0][1])
        self.page.mouse.down()
        for across, down in points[1:]:
            self.page.mouse.move(x + side * across, y + side * down, steps=6)
        self.page.mouse.up()

    def close(self) -> None:
        self.context.close()
        assert not self.troubles, self.troubles
        assert not self.foreign, self.foreign  # no request leaves the machine


def number(locator: Locator) -> float:
    return float(locator.get_attribute("data-value") or "nan")


def count(text: str) -> int:
    """`1,234 / 5,678` -> 1234."""
    return int(text.split("/")[0].replace(",", ""))


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), np.uint8).reshape(packed["shape"])
