from __future__ import annotations

from collections.abc import Iterator

import pytest

from tongsu.locale import set_language


@pytest.fixture(autouse=True)
def no_language_stays_behind() -> Iterator[None]:
    yield
    set_language(None)


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    set_language(request.param)
    yield request.param
    set_language(None)
