from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tongsu.locale import set_language

os.environ.setdefault("KERAS_BACKEND", "torch")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    torch.manual_seed(0)
    yield
    set_language(None)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"
