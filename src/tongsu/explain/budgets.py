"""Nets under the same small budget: the same examples, the same epochs, the same seeds; and how far seeds spread.

These views train for real, from chance. Whoever asks brings `trials`, which know the run's recipe and data; here is
decided what is compared, and what comes back is measured. Time has an end too: what was not finished by then is NaN.
Letters used in shapes: V variants, R seeds, N examples.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor, nn

from tongsu.errors import Problem
from tongsu.explain.arrays import array
from tongsu.explain.experiments import accuracy, answers
from tongsu.explain.record import at_least
from tongsu.models import CNN, MLP, RNN, VGG, LeNet5, SmallResNet, Transformer

MOST_VARIANTS = 8
SMALL = "width=8 optimizer=sgd batch_size=32 lr=0.05"  # for nets of any depth: narrow, many updates
USUAL: tuple[tuple[type[nn.Module], str], ...] = (  # what is compared unless told
    (RNN, "cell=simple; cell=lstm; cell=gru"),
    (Transformer, "layers=1; layers=2; layers=4"),
    (SmallResNet, "skip=true; skip=false"),
    (MLP, "activation=relu; activation=tanh; activation=sigmoid"),
    (CNN, "model=mlp; model=lenet5; model=cnn"),
    (LeNet5, "model=mlp; model=lenet5; model=cnn"),
    (VGG, "model=lenet5; model=cnn; model=small-resnet"),
)


@dataclass(frozen=True)
class Trained:
    """A net at the end of its training; the seconds that took, and mean loss and accuracy on the examples that it
    learned from, in its last epoch."""

    net: nn.Module
    seconds: float
    loss: float
    accuracy: float


class Trials(Protocol):
    def prepare(self, changes: str, examples: int, epochs: int) -> Callable[[int, float], Trained | None]:
        """A variant of the run's recipe (`cell=lstm hidden=32`), to be called with a seed and a deadline (of
        time.perf_counter); it answers None when the deadline came first."""


@dataclass(frozen=True)
class SameBudget:
    """V variants trained from R seeds each. mean, spread (sample standard deviation): over the seeds that finished."""

    learned: int  # examples that each net learned from
    tested: int  # and was tested on
    epochs: int
    finished: int  # trainings, of V R
    seconds: float  # for all of them together
    names: tuple[str, ...]
    seeds: np.ndarray = array("seed")
    parameters: np.ndarray = array("variant")  # NaN where no training finished
    accuracy: np.ndarray = array("variant", "seed")
    mean: np.ndarray = array("variant")
    spread: np.ndarray = array("variant")  # NaN for fewer than two seeds
    learned_accuracy: np.ndarray = array("variant", "seed")  # on the examples learned from, in the last epoch
    learned_loss: np.ndarray = array("variant", "seed")
    took: np.ndarray = array("variant", "seed")  # seconds


def same_budget(
    model: nn.Module, x: Tensor, targets: Tensor, trials: Trials, variants: str = "", learned: int = 1000,
    epochs: int = 2, seeds: int = 3, seed: int = 0, seconds: float = 120.0,
) -> SameBudget:  # fmt: skip
    """x (N, ...), targets (N,): what is tested on. variants: `cell=lstm; cell=gru dropout=0.2`, by semicolons."""
    given = variants or next((usual for kind, usual in USUAL if isinstance(model, kind)), "")
    names = tuple(dict.fromkeys(" ".join(one.split()) for one in given.replace("；", ";").split(";") if one.strip()))
    if not names:
        raise Problem("explain.no_variants")
    if len(names) > MOST_VARIANTS:
        raise Problem("explain.at_most", what="variants", value=len(names), most=MOST_VARIANTS)
    for what, value, least in (("learned", learned, 20), ("epochs", epochs, 1), ("seeds", seeds, 1)):
        at_least(what, value, least)
    began = time.perf_counter()
    prepared = [trials.prepare(name, learned, epochs) for name in names]  # what is wrong is told before any training
    shape = len(names), seeds
    found = {what: np.full(shape, np.nan) for what in ("accuracy", "learned_accuracy", "learned_loss", "took")}
    parameters = np.full(len(names), np.nan)
    for r in range(seeds):  # seed by seed, so that all variants have as many when time is over
        for v, trial in enumerate(prepared):
            trained = trial(seed + r, began + seconds) if time.perf_counter() < began + seconds else None
            if trained is not None:
                found["accuracy"][v, r] = accuracy(answers(trained.net, x), targets)
                found["learned_accuracy"][v, r], found["learned_loss"][v, r] = trained.accuracy, trained.loss
                found["took"][v, r] = trained.seconds
                parameters[v] = sum(p.numel() for p in trained.net.parameters())
    done = np.isfinite(found["accuracy"])
    mean, spread = np.full(len(names), np.nan), np.full(len(names), np.nan)
    for v in range(len(names)):
        values = found["accuracy"][v, done[v]]
        mean[v] = values.mean() if len(values) else np.nan
        spread[v] = values.std(ddof=1) if len(values) > 1 else np.nan
    return SameBudget(
        learned, len(targets), epochs, int(done.sum()), time.perf_counter() - began, names,
        np.arange(seed, seed + seeds), parameters, mean=mean, spread=spread, **found,
    )  # fmt: skip


@dataclass(frozen=True)
class DepthAccuracy:
    """Residual nets of several depths, with shortcuts and without, under one budget (He et al. 2015, figure 1 and
    table 2, on a scale that one can wait for)."""

    budget: SameBudget
    depths: np.ndarray = array("variant")
    skips: np.ndarray = array("variant")


def depth_accuracy(
    model: SmallResNet, x: Tensor, targets: Tensor, trials: Trials, depths: Sequence[int] = (20, 56),
    learned: int = 1000, epochs: int = 3, seeds: int = 2, seed: int = 0, seconds: float = 300.0,
) -> DepthAccuracy:  # fmt: skip
    """x (N, C, S, S), targets (N,): what is tested on. A depth is 6 n + 2: n blocks in each of three stages."""
    for depth in depths:
        if depth < 8 or depth % 6 != 2:
            raise Problem("explain.no_depth", depth=depth)
    pairs = [(depth, skip) for depth in dict.fromkeys(depths) for skip in (True, False)]
    names = [f"blocks={','.join([str((d - 2) // 6)] * 3)} skip={str(skip).lower()} {SMALL}" for d, skip in pairs]
    budget = same_budget(model, x, targets, trials, "; ".join(names), learned, epochs, seeds, seed, seconds)
    return DepthAccuracy(budget, np.array([d for d, _ in pairs]), np.array([skip for _, skip in pairs]))
