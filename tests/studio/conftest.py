"""Studios for the tests: one that a whole file shares, and one of a test's own that may be killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from client import Page, Studio
from playwright.sync_api import Browser
from visitor import chromium


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    own = Studio(tmp_path)
    yield own
    own.close()


@pytest.fixture(scope="session")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    shared = Studio(tmp_path_factory.mktemp("studio"))
    yield shared.start()
    shared.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened
