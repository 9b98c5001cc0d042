from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tongsu.locale import set_language


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"
