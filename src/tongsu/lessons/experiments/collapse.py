"""Lesson 4: a generator whose judge hardly learns draws fewer and fewer digits, and is healed when she learns again."""

from __future__ import annotations

import math
from typing import cast

from tongsu.explain.collapse import mode_collapse
from tongsu.lessons.experiments.experiment import Experiment, Figures, data_of, trained
from tongsu.models import GAN
from tongsu.trials import Game

JUDGED = 300  # drawings
BUDGET = ("examples=2000", "validation=500", "epochs=2", "samples=500", "width=24")


def run() -> Figures:
    """Coverage of the ten digits (0 to 1) before; the least of it in 90 rounds against a judge who learns a hundred
    times too slowly; and after 60 rounds with feature matching."""
    learned = trained("gan", *BUDGET)
    dataset = data_of(learned)
    real = dataset.preprocessing.scale(dataset.test.inputs[:JUDGED])  # (N, 1, 28, 28)
    game = Game(learned.recipe, dataset)
    found = mode_collapse(cast(GAN, learned.model), real, game, collapsing=90, curing=60, seconds=math.inf)
    before, _, cured = map(float, found.coverage)
    return {"before": before, "collapsed": float(found.path[found.rounds <= 90].min()), "cured": cured}


COLLAPSE = Experiment(run, {
    "the generator drew most digits": lambda f: f["before"] >= 0.5,
    "against a judge who hardly learns it draws far fewer": lambda f: f["collapsed"] < f["before"] - 0.25,
    "when she learns again, and looks at whole batches, they come back": lambda f: f["cured"] > f["collapsed"] + 0.15,
}, needs="mnist")  # fmt: skip
