"""Tongsu (通俗): deep learning in plain words. Train the real nets, look inside them, ship them.

>>> import tongsu
>>> run = tongsu.train("cnn")    # doctest: +SKIP
>>> run.predict("seven.png")     # doctest: +SKIP
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

# Threads that wait for each other spin, and lose ten times the speed when anything else runs on a small machine (a
# browser is enough); threads that sleep at once cost small nets three times the speed. So: spin for a moment, then
# sleep. OpenMP reads this once, before torch is imported; figures are in LOG.md.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

__version__ = "0.1.0"
__all__ = ["load", "resume", "train"]

if TYPE_CHECKING:
    from tongsu.api import load, resume, train


def __getattr__(name: str) -> Any:
    """torch takes a second to import, so it waits until somebody trains or loads."""
    if name in __all__:
        from tongsu import api

        return getattr(api, name)
    raise AttributeError(f"module 'tongsu' has no attribute {name!r}")
