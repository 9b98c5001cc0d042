"""Experiments (实验): what the lessons state as a fact, measured with a fixed budget and seed.

`python -m tongsu.lessons.experiments [NAME...]` runs them and writes `results.json`; lessons quote it, and a test runs
each anew and asks whether the sentences still hold.
"""

from __future__ import annotations

from tongsu.lessons.experiments.attention import ATTENTION
from tongsu.lessons.experiments.border import BORDER
from tongsu.lessons.experiments.collapse import COLLAPSE
from tongsu.lessons.experiments.depth import DEPTH
from tongsu.lessons.experiments.directions import DIRECTIONS
from tongsu.lessons.experiments.experiment import Experiment, Figures
from tongsu.lessons.experiments.fading import FADING
from tongsu.lessons.experiments.layers import LAYERS
from tongsu.lessons.experiments.memory import MEMORY
from tongsu.lessons.experiments.sharing import SHARING

__all__ = ["EXPERIMENTS", "Experiment", "Figures"]

EXPERIMENTS: dict[str, Experiment] = {
    "border": BORDER,
    "depth": DEPTH,
    "fading": FADING,
    "sharing": SHARING,
    "memory": MEMORY,
    "directions": DIRECTIONS,
    "collapse": COLLAPSE,
    "attention": ATTENTION,
    "layers": LAYERS,
}
