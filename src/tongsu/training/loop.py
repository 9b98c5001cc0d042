"""The training loop: a generator of events.

    for event in train(recipe, run, dataset):
        print(event)

Whoever listens is in charge: `break` stops the training and saves it, not asking for the next event pauses it.
Reports come by time, the first at once and then a few a second, so watching costs nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from tongsu.data.dataset import Dataset, Split
from tongsu.data.files import Files
from tongsu.errors import Failure
from tongsu.models import parameter_count
from tongsu.pretrained import start
from tongsu.runs.store import Run
from tongsu.training import checkpoint
from tongsu.training.augment import augmented
from tongsu.training.batches import AT_ONCE, all_steps, epoch_batches, plain_batches, steps_in_epoch
from tongsu.training.build import build_model, build_task, weights_of
from tongsu.training.control import Control
from tongsu.training.device import autocast, keep_memory, pick_device, seed_all
from tongsu.training.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    Finished,
    FrameSaved,
    Started,
    Step,
    Stopped,
    as_line,
)
from tongsu.training.optim import MovingAverage, groups, optimizer_for, rate, set_rate
from tongsu.training.recipe import Recipe

REPORT_EVERY = 0.25  # seconds
CHECKPOINT_EVERY = 30.0  # seconds
LARGE = 2**28  # numbers: pictures that would take more than 1 GB as floats stay bytes on a GPU too


@dataclass
class Progress:
    """Where a training stands; it travels with every checkpoint."""

    step: int = 0
    epoch: int = 0
    position: int = 0  # batches of this epoch that are done
    seconds: float = 0.0
    best: float = math.inf
    best_step: int = -1
    waited: int = 0  # epochs since the best one
    sums: dict[str, float] = field(default_factory=dict)  # of the measures in this epoch
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass
class Losses:
    """Of each example (N,): when it was last seen, and the same as it stood when the epoch began."""

    before: Tensor
    latest: Tensor

    @staticmethod
    def none_yet(count: int, device: torch.device) -> Losses:
        return Losses(*(torch.full((count,), math.inf, device=device) for _ in range(2)))


def frame_steps(total: int, count: int) -> set[int]:
    """`count` steps from 0 to `total`, log-spaced: most is learned early."""
    return {0, total} | {round((total + 1) ** (i / max(count - 1, 1))) - 1 for i in range(count)} if count else set()


class Training:
    """The live objects of one training: what a checkpoint holds, and the few things one does with all of them."""

    def __init__(self, recipe: Recipe, run: Run, dataset: Dataset, device: torch.device, fresh: bool = True) -> None:
        seed_all(recipe.seed, recipe.deterministic)
        keep_memory()
        self.recipe, self.run, self.dataset, self.device = recipe, run, dataset, device
        self.task = build_task(recipe)
        self.model = build_model(recipe).to(device)
        if recipe.pretrained and fresh:
            start.begin(recipe.pretrained, recipe.model, self.model, dataset)
        self.optimizers: dict[str, Optimizer] = {
            name: optimizer_for(recipe, groups(recipe, part)) for name, part in self.task.parts(self.model).items()
        }
        self.average = MovingAverage(self.model, recipe.average) if recipe.average else None
        self.progress = Progress()
        self.parameters = parameter_count(self.model)  # before any is frozen
        self.frozen = False
        self.sums: dict[str, Tensor] = {}  # of the measures in this epoch, on the device
        self.losses = Losses.none_yet(len(dataset.train), device) if recipe.hardest < 1 else None
        self.held: dict[int, tuple[Tensor, Tensor]] = {}  # what `split` made, so that it is made once

    def split(self, split: Split) -> tuple[Tensor, Tensor]:
        """Inputs and targets of one split on the device.

        Pictures stay bytes, and `scaled` turns them batch by batch: a quarter of the memory, and on a CPU less time
        than to write and read them all as floats. A GPU, where each small operation costs its start, turns them once.
        """
        if id(split) not in self.held:
            inputs, targets = split.inputs, split.targets.to(self.device)
            bytes_stay = self.device.type == "cpu" or inputs.numel() > LARGE
            if not (isinstance(inputs, Files) or (inputs.dtype == torch.uint8 and bytes_stay)):
                inputs = self.dataset.preprocessing.scale(inputs)
            self.held[id(split)] = inputs if isinstance(inputs, Files) else inputs.to(self.device), targets
        return self.held[id(split)]

    def scaled(self, inputs: Tensor) -> Tensor:
        """A batch as the model reads it, whatever `split` did."""
        return self.dataset.preprocessing.scale(inputs.to(self.device)) if inputs.dtype == torch.uint8 else inputs

    def freeze(self) -> None:
        """The first layer, in the order in which the model is written down, learns no more."""
        layers = (part for part in self.model.modules() if next(part.parameters(recurse=False), None) is not None)
        next(layers).requires_grad_(False)
        self.frozen = True

    def freeze_when_due(self, step: int, total: int) -> None:
        """Freeze after the recipe's share of all steps."""
        if not self.frozen and step >= self.recipe.freeze * total:
            self.freeze()

    def add(self, measures: dict[str, Tensor], places: Tensor) -> None:
        """What one update measured; `losses` (B,) are of the examples at `places`."""
        losses = measures.pop("losses", None)
        if self.losses and losses is not None:
            self.losses.latest[places] = losses.float()
        for name, value in measures.items():
            self.sums[name] = self.sums[name] + value if name in self.sums else value.float()

    def means(self) -> dict[str, float]:
        """Of this epoch's batches so far. Raises Failure when one is not a finite number."""
        means = {name: value.item() / self.progress.position for name, value in self.sums.items()}
        if not all(map(math.isfinite, means.values())):
            self.fail()
        return means

    def weights(self) -> dict[str, Tensor]:
        """What evaluation sees: the averaged weights where the recipe asks for them."""
        return self.average.values if self.average else weights_of(self.model)

    def save(self, kind: str = "last") -> Event:
        self.check_finite()
        self.progress.sums = {name: value.item() for name, value in self.sums.items()}
        state = checkpoint.State(
            model=weights_of(self.model),
            optimizers={name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            average=self.average.values if self.average else None,
            random=checkpoint.random_state(),
            progress={**vars(self.progress), "average_updates": self.average.updates if self.average else 0},
            losses=dict(vars(self.losses)) if self.losses else {},
        )
        path = checkpoint.save(self.run, step=self.progress.step, state=state, kind=kind)
        return CheckpointSaved(self.progress.step, path.name)

    def restore(self, which: str = "last") -> None:
        state = checkpoint.load(self.run, which)
        self.model.load_state_dict(state.model)
        for name, values in state.optimizers.items():
            self.optimizers[name].load_state_dict(values)
            for group in self.optimizers[name].param_groups:
                group["peak_lr"] = self.recipe.lr * group.get("share", 1.0)  # a resume may be forced with another rate
        for name, value in state.losses.items():
            mine = getattr(self.losses, name, None)
            if mine is not None and mine.shape == value.shape:  # a resume may be forced with other examples
                mine.copy_(value)
        updates = state.progress.pop("average_updates")
        if self.average and state.average is not None:
            self.average.updates = updates
            self.average.values = {name: value.to(self.device) for name, value in state.average.items()}
        self.progress = Progress(**state.progress)
        self.sums = {name: torch.tensor(value, device=self.device) for name, value in self.progress.sums.items()}
        checkpoint.restore_random_state(state.random)

    def check_finite(self) -> None:
        if not all(bool(torch.isfinite(p).all()) for p in self.model.parameters()):
            self.fail()

    def fail(self) -> None:
        kept = checkpoint.steps(self.run)
        self.run.append(as_line(Stopped(self.progress.step, "failed")))
        raise Failure(
            "train.not_finite", step=self.progress.step, kept=kept[-1] if kept else "–", lr=self.recipe.lr / 10
        )

    def answering(self) -> nn.Module:
        """A model with `weights`: the one that learns, or a second one for the averaged weights."""
        if self.average is None:
            return self.model
        model = build_model(self.recipe).to(self.device)
        model.load_state_dict(self.average.values)
        return model

    def evaluate(self, split: Split, model: nn.Module) -> dict[str, float]:
        """Measures of `model` on a split; chance is left as it was, so measuring never changes a training."""
        before = checkpoint.random_state()
        with autocast(self.device, self.recipe.precision):
            batches = plain_batches(*self.split(split), getattr(model, "at_once", AT_ONCE))
            measured = self.task.evaluate(model, ((self.scaled(inputs), targets) for inputs, targets in batches))
        model.train()
        checkpoint.restore_random_state(before)
        return measured


def train(
    recipe: Recipe, run: Run, dataset: Dataset, *, device: str = "auto", resume: bool = False,
    control: Control | None = None,
) -> Generator[Event, None, None]:  # fmt: skip
    """Train `recipe` in the folder `run`, from the start or from its last checkpoint, and yield what happens.

    The recipe must be complete (`training.build.complete`). Closing the generator saves a checkpoint first.
    Whoever holds `control` may change it between two events.
    Raises Failure when the loss or a weight stops being a finite number.
    """
    opened = time.perf_counter()
    control = control or Control()
    training = Training(recipe, run, dataset, pick_device(device), fresh=not resume)
    if resume:
        training.restore()

    def tell(event: Event) -> Event:
        run.append(as_line(event))
        return event

    progress = training.progress
    inputs, targets = training.split(dataset.train)
    total = all_steps(recipe, len(targets))
    film = frame_steps(total, recipe.frames)
    yield tell(Started(progress.step, total, recipe.epochs, training.parameters, len(targets), str(training.device)))
    if not resume and 0 in film:
        checkpoint.save_frame(run, 0, weights_of(training.model))

    began = (opened if recipe.pretrained else time.perf_counter()) - progress.seconds  # fitting a last layer counts
    reported, saved, reported_step = time.perf_counter(), time.perf_counter(), progress.step
    first = progress.step + 1
    try:
        training.model.train()
        while progress.epoch < recipe.epochs:
            per_epoch = steps_in_epoch(recipe, progress.epoch, len(targets))
            losses = training.losses.before if training.losses else None
            for some, answers, places in epoch_batches(
                recipe, progress.epoch, inputs, targets, start=progress.position, losses=losses
            ):
                batch = augmented(training.scaled(some), recipe.augment), answers
                training.freeze_when_due(progress.step, total)
                set_rate(training.optimizers.values(), control.rate * rate(recipe, progress.step / total))
                with autocast(training.device, recipe.precision):
                    measures = training.task.step(training.model, batch, control.learning(training.optimizers))
                if training.average:
                    training.average.update(training.model, control.parts)
                progress.step += 1
                progress.position += 1
                training.add(measures, places)

                now = time.perf_counter()
                if progress.step in film or control.closely:
                    checkpoint.save_frame(run, progress.step, training.weights())
                    yield tell(FrameSaved(progress.step))
                if control.closely or progress.step == first or now - reported >= REPORT_EVERY:
                    progress.seconds = now - began - control.waited
                    speed = (progress.step - reported_step) * recipe.batch_size / (now - reported)
                    at = progress.epoch + progress.position / per_epoch
                    lr = recipe.lr * control.rate * rate(recipe, progress.step / total)
                    yield tell(Step(progress.step, at, progress.seconds, lr, speed, training.means()))
                    if now - saved >= CHECKPOINT_EVERY:
                        yield tell(training.save())
                        saved = time.perf_counter()
                    reported, reported_step = time.perf_counter(), progress.step

            training.means()  # waits for the device: a GPU still computes when its last step has been asked for
            yield tell(end_of_epoch(training, time.perf_counter() - began - control.waited))
            if recipe.patience and progress.waited >= recipe.patience:
                yield tell(Stopped(progress.step, "early"))
                break
        if not recipe.epochs:  # a pretrained network whose last layer was all there was to fit
            yield tell(end_of_epoch(training, time.perf_counter() - began - control.waited))
        progress.seconds = time.perf_counter() - began - control.waited
    except GeneratorExit:
        # The listener left (Ctrl-C, `break`): keep what was learned.
        progress.seconds = time.perf_counter() - began - control.waited
        tell(training.save())
        tell(Stopped(progress.step, "left"))
        raise

    yield tell(finish(training))


def end_of_epoch(training: Training, seconds: float) -> Evaluated:
    """Measure on the validation data, remember the best epoch, and turn the page."""
    progress, recipe = training.progress, training.recipe
    means = training.means()
    validation = training.evaluate(training.dataset.validation, training.answering())
    progress.history.append(
        {"epoch": progress.epoch + 1, "step": progress.step, "seconds": seconds}
        | means
        | {f"val_{name}": value for name, value in validation.items()}
    )
    progress.epoch, progress.position, progress.seconds = progress.epoch + 1, 0, seconds
    training.sums = {}
    if training.losses:
        training.losses.before.copy_(training.losses.latest)
    if recipe.patience or recipe.restore_best:
        value = progress.history[-1][recipe.monitor]
        value = -value if recipe.monitor.endswith(("accuracy", "coverage")) else value
        better = value < progress.best - recipe.min_delta
        progress.waited = 0 if better else progress.waited + 1
        if better:
            progress.best, progress.best_step = value, progress.step
            training.save("best")
    return Evaluated(progress.step, progress.epoch, seconds, means, validation)


def finish(training: Training) -> Finished:
    """Save the end, choose the weights that the run answers with, and look at the test data, once."""
    training.save()
    progress = training.progress
    if training.recipe.restore_best and progress.best_step >= 0:
        history = progress.history
        training.restore("best")
        progress.history = history
    model = training.answering()
    checkpoint.save_weights(training.run, weights_of(model))
    metrics = {f"test_{name}": v for name, v in training.evaluate(training.dataset.test, model).items()}
    metrics |= {name: v for name, v in progress.history[-1].items() if name.startswith("val_")}
    training.run.write_results(
        {
            "metrics": metrics,
            "parameters": training.parameters,
            "train_seconds": progress.seconds,
            "steps": progress.step,
            "epochs": progress.epoch,
            "history": progress.history,
            "test_split": training.dataset.test_split,
        }
    )
    return Finished(progress.step, progress.seconds, metrics)
