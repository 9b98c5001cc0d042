"""The type of the fixture `make`: (chapter, data, changes of the recipe) to a run."""

from __future__ import annotations

from collections.abc import Callable

from tongsu.learned import Learned

Make = Callable[..., Learned]
