"""Lesson 0: one neuron draws one straight border; eight of them before it draw one that bends."""

from __future__ import annotations

from tongsu.lessons.experiments.experiment import Experiment, Figures, accuracy, trained

MOONS = ("data=moons", "dropout=0", "optimizer=sgd")


def run() -> Figures:
    """Two moons of points that reach into one another; accuracy on points that were not learned from."""
    one = trained("mlp", *MOONS, "hidden=", "lr=0.5", preset="fast")
    eight = trained("mlp", *MOONS, "hidden=8", "lr=0.5", preset="fast")
    slow = trained("mlp", *MOONS, "hidden=8", "lr=0.0005", preset="fast")
    return {"one": accuracy(one), "eight": accuracy(eight), "slow": accuracy(slow)}


BORDER = Experiment(run, {
    "one neuron gets most of the moons right, but not all": lambda f: 0.8 < f["one"] < 0.95,
    "eight neurons before it get nearly all of them right": lambda f: f["eight"] > 0.97,
    "with a rate a thousand times smaller the same net learns far less": lambda f: f["slow"] < f["eight"] - 0.05,
})  # fmt: skip
