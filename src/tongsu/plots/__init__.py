"""Pictures of histories, results and views: from arrays and plain values to a matplotlib Figure."""

from tongsu.plots.curves import History, against_reference, coverage, curves, reliability
from tongsu.plots.images import confusion, growing, predictions, samples, worst_errors
from tongsu.plots.style import save, to_bytes
from tongsu.plots.text import words

__all__ = [
    "History", "against_reference", "confusion", "coverage", "curves", "growing", "predictions", "reliability",
    "samples", "save", "to_bytes", "words", "worst_errors",
]  # fmt: skip
