from __future__ import annotations

from collections.abc import Iterator

import pytest

from tongsu.locale import set_language


@pytest.fixture(params=["en", "zh"])
def language(request: pytest.FixtureRequest) -> Iterator[str]:
    set_language(request.param)
    yield request.param
    set_language(None)
