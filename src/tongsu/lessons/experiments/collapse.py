"""Lesson 4: a generator that learns alone, against a discriminator that stands still, draws fewer and fewer digits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from torch.optim import Optimizer

from tongsu.lessons.experiments.experiment import Experiment, Figures, trained
from tongsu.models import GAN
from tongsu.tasks.judge import Judge
from tongsu.training.control import Control

DRAWN = 500
BUDGET = ("examples=2000", "validation=500", "epochs=3", "samples=500", "width=24")
ALONE_FROM = 100  # updates


@dataclass
class Alone(Control):
    """Both players learn for the first updates; then only the generator, as with “G only” in the studio."""

    together: int = ALONE_FROM
    updates: int = 0

    def learning(self, optimizers: Mapping[str, Optimizer]) -> Mapping[str, Optimizer]:
        self.updates += 1
        self.parts = ("generator",) if self.updates > self.together else None
        return super().learning(optimizers)


def run() -> Figures:
    """What the fixed judge reads in 500 drawings: coverage of the ten digits, and how many have at least 2 %."""
    figures: Figures = {}
    for name, control in (("both", None), ("alone", Alone())):
        game = cast(GAN, trained("gan", *BUDGET, control=control).model)
        noise = torch.randn(DRAWN, game.noise, generator=torch.Generator().manual_seed(0))  # (N, Z)
        with torch.no_grad():
            _, digits = Judge.load(torch.device("cpu")).look(game(noise))
        shares = digits.bincount(minlength=10).double() / DRAWN
        entropy = -(shares * shares.clamp(min=1e-12).log()).sum()
        figures |= {f"{name}_coverage": float(entropy.exp() / 10), f"{name}_digits": int((shares >= 0.02).sum())}
    return figures


COLLAPSE = Experiment(run, {
    "when both learn, most digits are drawn": lambda f: f["both_digits"] >= 8,
    "a generator that learns alone draws few of them": lambda f: f["alone_digits"] <= 5,
    "and covers less than the pair": lambda f: f["alone_coverage"] < f["both_coverage"] - 0.2,
}, needs="mnist")  # fmt: skip
