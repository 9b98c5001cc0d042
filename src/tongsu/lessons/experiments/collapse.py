"""Lesson 4: a generator whose judge hardly learns draws fewer and fewer digits, and is healed when she learns again."""

from __future__ import annotations

import math
from typing import cast

from tongsu.explain.collapse import mode_collapse
from tongsu.lessons.experiments.experiment import Experiment, Figures, data_of, trained
from tongsu.models import GAN
from tongsu.trials import Game

JUDGED = 500  # drawings
BUDGET = ("examples=2000", "validation=500", "epochs=2", "samples=500", "width=24")


def run() -> Figures:
    """Coverage of the ten digits (0 to 1) before, after 30 rounds against a judge who learns a hundred times too slowly,
    and after 80 rounds with feature matching."""
    learned = trained("gan", *BUDGET)
    dataset = data_of(learned)
    real = dataset.preprocessing.scale(dataset.test.inputs[:JUDGED])  # (N, 1, 28, 28)
    game = Game(learned.recipe, dataset)
    found = mode_collapse(cast(GAN, learned.model), real, game, seconds=math.inf)
    figures = dict(zip(("before", "collapsed", "cured"), map(float, found.coverage), strict=True))
    return figures | {"digits_left": int((found.shares[1] >= 0.02).sum())}


COLLAPSE = Experiment(run, {
    "the generator drew most digits": lambda f: f["before"] >= 0.5,
    "against a judge who hardly learns it draws far fewer": lambda f: f["collapsed"] < f["before"] - 0.2,
    "few digits are left": lambda f: f["digits_left"] <= 5,
    "when she learns again, and looks at whole batches, variety comes back": lambda f: f["cured"] > f["collapsed"] + 0.1,
}, needs="mnist")  # fmt: skip
