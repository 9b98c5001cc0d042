"""Mode collapse on demand: the learner's own generator is pushed into drawing one thing only, and brought back.

The rounds are real updates of a copy of the run's two players; the run is left as it is. Whoever asks brings `game`,
which knows how a round is played and what the fixed judge reads in a drawing.
Letters used in shapes: N drawings, R rounds.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from tongsu.errors import Problem
from tongsu.explain.arrays import array
from tongsu.explain.latent import AT_ONCE, drawn, noise_of
from tongsu.explain.record import at_least
from tongsu.models.gan import GAN

RATE = 1e-3  # learning rate of the cures
FEW, BATCH = 16, 32  # pictures in a round, of the collapse and of the cure: few of them show little variety
MOMENTUM = 0.1  # of BatchNorm's statistics in the copy, so that they keep up with some dozens of rounds
EVERY = 5  # rounds between two looks at the coverage
SHOWN = 12  # drawings that are handed on
# What makes a generator collapse: the learning rates of the two players (a player without one stands still).
CAUSES: dict[str, dict[str, float]] = {
    "slow-judge": {"generator": 5e-3, "discriminator": 5e-5},  # D objects far too late: G runs from mode to mode
    "frozen-judge": {"generator": 3e-3},  # D never objects: G stays with what it likes best
}
# What may cure it: rates, and the weight of feature matching (Salimans et al. 2016) in the generator's loss.
CURES: dict[str, tuple[dict[str, float], float]] = {
    "feature-matching": ({"generator": RATE, "discriminator": RATE}, 1.0),
    "small-rate": ({"generator": RATE / 5, "discriminator": RATE / 5}, 0.0),
    "none": ({"generator": RATE, "discriminator": RATE}, 0.0),  # the game as it was, and nothing else
}


class Game(Protocol):
    def digits(self, images: Tensor) -> Tensor:
        """The digit (N,) that the judge reads in each image (N, 1, 28, 28) in [-1, 1]."""

    def rounds(
        self, model: GAN, *, rates: dict[str, float], feature_matching: float, batch_size: int, seed: int
    ) -> Iterator[dict[str, float]]:
        """Endless updates of `model`, one for each pair of losses that is asked for."""


@dataclass(frozen=True)
class ModeCollapse:
    """Three stages: before, collapsed, cured; of a stage that time did not reach, NaN.

    shares: of the drawings that the judge reads as each digit. coverage: exp(entropy of the shares) / 10, 1 is even.
    variety: how far a pixel spreads from drawing to drawing (standard deviation, mean over the pixels).
    """

    cause: str
    cure: str
    drawings: int
    collapsing: int  # rounds played
    curing: int
    seconds: float
    finished: bool
    shares: np.ndarray = array("stage", "digit")
    coverage: np.ndarray = array("stage")
    variety: np.ndarray = array("stage")
    images: np.ndarray = array("stage", "image", "row", "column")  # of the same noises
    scores: np.ndarray = array("stage", "image")
    rounds: np.ndarray = array("look")  # rounds played when the coverage was looked at
    path: np.ndarray = array("look")  # the coverage then
    discriminator_loss: np.ndarray = array("round")
    generator_loss: np.ndarray = array("round")


def covered(shares: np.ndarray) -> float:
    """exp(entropy) / 10 of shares (10,)."""
    some = shares[shares > 0]
    return float(np.exp(-(some * np.log(some)).sum()) / len(shares))


@torch.no_grad()
def seen(model: GAN, game: Game, noise: Tensor) -> tuple[np.ndarray, float]:
    """Shares (10,) of the digits in what noise (N, Z) becomes, and the drawings' variety."""
    was = model.training
    model.eval()
    images = torch.cat([model(part) for part in noise.split(AT_ONCE)])
    model.train(was)
    shares = np.bincount(game.digits(images).numpy(), minlength=10) / len(images)
    return shares, float((images / 2).double().std(0).mean())


def mode_collapse(
    model: GAN, x: Tensor, game: Game, cause: str = "slow-judge", cure: str = "feature-matching",
    collapsing: int = 30, curing: int = 80, seed: int = 0, seconds: float = 90.0,
) -> ModeCollapse:  # fmt: skip
    """As many drawings are judged as there are real pictures in x (N, 1, 28, 28)."""
    for what, value, known in (("cause", cause, CAUSES), ("cure", cure, CURES)):
        if value not in known:
            raise Problem("explain.choice", what=what, value=value, known=", ".join(known))
    at_least("collapsing", collapsing, 1)
    began = time.perf_counter()
    player, noise = copy.deepcopy(model).train(), noise_of(model, seed, len(x))
    for module in player.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = MOMENTUM
    shares, variety = np.full((3, 10), np.nan), np.full(3, np.nan)
    images, scores = np.full((3, SHOWN, 28, 28), np.nan), np.full((3, SHOWN), np.nan)
    looks: list[tuple[int, float]] = []
    losses: list[tuple[float, float]] = []
    played = [0, 0]

    def look(stage: int) -> None:
        shares[stage], variety[stage] = seen(player, game, noise)
        images[stage], scores[stage] = drawn(player, noise_of(model, seed, SHOWN))

    look(0)
    looks.append((0, covered(shares[0])))
    cured, matching = CURES[cure]
    plan = ((1, CAUSES[cause], 0.0, FEW, collapsing), (2, cured, matching, BATCH, curing))
    for stage, rates, weight, batch, count in plan:
        rounds = game.rounds(player, rates=rates, feature_matching=weight, batch_size=batch, seed=seed + stage)
        for number in range(1, count + 1):
            if time.perf_counter() - began > seconds:
                break
            told = next(rounds)
            losses.append((told["discriminator_loss"], told["generator_loss"]))
            played[stage - 1] = number
            if number % EVERY == 0 or number == count:
                looks.append((sum(played), covered(seen(player, game, noise)[0])))
        if played[stage - 1]:
            look(stage)
    return ModeCollapse(
        cause, cure, len(noise), played[0], played[1], time.perf_counter() - began, played == [collapsing, curing],
        shares, np.array([covered(row) if np.isfinite(row).all() else np.nan for row in shares]), variety, images,
        scores, np.array([at for at, _ in looks]), np.array([value for _, value in looks]),
        np.array([d for d, _ in losses]), np.array([g for _, g in losses]),
    )  # fmt: skip
