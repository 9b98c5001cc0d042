"""Short trainings for whoever looks: a net under a small budget, or the adversarial game some rounds further.

The views in `explain` know neither recipes nor data. They are given one of these and say what to train; what trains is
the training loop and the task of the run itself. Nothing of it touches the run: a trial's folder is gone afterwards.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from torch.optim import Optimizer

from tongsu.data import Dataset, Split
from tongsu.errors import Problem
from tongsu.explain.budgets import Trained
from tongsu.models import GAN
from tongsu.recipes.choose import change
from tongsu.runs.store import Run
from tongsu.session import check
from tongsu.tasks.gan import AdversarialGame
from tongsu.tasks.judge import Judge
from tongsu.training import checkpoint
from tongsu.training.build import build_model, complete
from tongsu.training.control import Control
from tongsu.training.loop import train
from tongsu.training.optim import optimizer_for
from tongsu.training.recipe import Recipe

LOCK = threading.Lock()  # chance belongs to the whole process: one trial at a time
UNMEASURED = 2  # examples of validation and test: whoever asks for a trial measures it


def few(split: Split, count: int) -> Split:
    """`count` examples spread evenly over a split, which may be sorted by class; the same ones every time."""
    chosen = torch.linspace(0, len(split) - 1, min(count, len(split)), dtype=torch.float64).round().long()
    return Split(split.inputs[chosen], split.targets[chosen])


@dataclass(frozen=True)
class Trial:
    """One variant of a recipe, ready to be trained from any seed."""

    recipe: Recipe
    dataset: Dataset

    def __call__(self, seed: int, deadline: float) -> Trained | None:
        """Train to the end; None if `deadline` (of time.perf_counter) comes first."""
        recipe = replace(self.recipe, seed=seed)
        with TemporaryDirectory() as folder, LOCK:
            run, before = Run(Path(folder)), checkpoint.random_state()
            try:
                with closing(train(recipe, run, self.dataset)) as events:
                    for _ in events:
                        if time.perf_counter() > deadline and not run.results():
                            return None
            finally:
                checkpoint.restore_random_state(before)
            net = build_model(recipe)
            net.load_state_dict(checkpoint.load_weights(run))
            results = run.results()
            last = results["history"][-1]
            return Trained(net.eval(), results["train_seconds"], last["loss"], last["accuracy"])


@dataclass(frozen=True)
class Trials:
    """Variants of a run's recipe on the run's data."""

    recipe: Recipe
    dataset: Dataset

    def prepare(self, changes: str, examples: int, epochs: int) -> Trial:
        """`changes`: as on the command line, `cell=lstm hidden=32`; another `model=` begins with its own defaults.
        Neither early stopping nor frames. Raises Problem for what is unknown or impossible."""
        pairs = changes.split()
        recipe = replace(self.recipe, epochs=epochs, patience=0, restore_best=False, frames=0)
        if models := [pair for pair in pairs if pair.startswith("model=")]:
            recipe = replace(change(recipe, models[:1]), model_args={})
        recipe = change(recipe, [pair for pair in pairs if pair not in models])
        if recipe.data != self.recipe.data:
            raise Problem("explain.same_data", changes=changes)
        held = few(self.dataset.test, UNMEASURED)
        dataset = replace(self.dataset, train=few(self.dataset.train, examples), validation=held, test=held)
        recipe = complete(recipe, dataset)
        check(recipe)
        return Trial(recipe, dataset)


@dataclass(frozen=True)
class Game:
    """The adversarial game of a run, played on from given players by other rules."""

    recipe: Recipe
    dataset: Dataset

    @cached_property
    def real(self) -> Tensor:
        """The training pictures, uint8 (N, 1, 28, 28)."""
        return self.dataset.train.inputs

    def digits(self, images: Tensor) -> Tensor:
        """What the fixed judge reads in images (N, 1, 28, 28) in [-1, 1]: (N,)."""
        return Judge.load(images.device).look(images)[1]

    def rounds(
        self, model: GAN, *, rates: dict[str, float], feature_matching: float, batch_size: int, seed: int
    ) -> Iterator[dict[str, float]]:
        """Endless: one whole update a step, measures as the task gives them. `model` learns.

        rates: the learning rate of each player; one without a rate stands still.
        """
        task = AdversarialGame(share_fakes=True, feature_matching=feature_matching)
        optimizers: dict[str, Optimizer] = {
            name: optimizer_for(replace(self.recipe, lr=rates.get(name, 1.0)), list(part.parameters()))
            for name, part in task.parts(model).items()
        }
        learning = Control(parts=tuple(rates)).learning(optimizers)
        chance = torch.Generator().manual_seed(seed)
        state = torch.Generator().manual_seed(seed).get_state()
        while True:
            chosen = torch.randint(len(self.real), (batch_size,), generator=chance)
            batch = self.dataset.preprocessing.scale(self.real[chosen]), self.dataset.train.targets[chosen]
            with LOCK, torch.random.fork_rng(devices=[]):
                torch.set_rng_state(state)
                measures = task.step(model, batch, learning)
                state = torch.get_rng_state()
            yield {name: float(value) for name, value in measures.items()}
