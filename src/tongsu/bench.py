"""How fast this machine trains the chapters: seconds a step, operations a second, what the presets take.

Measured on made-up data of the right shape, so nothing is downloaded and nothing is learned; a step is the training's
own. Operations are those of matrix products and convolutions, forward and backward, counted by PyTorch; all else
(activations, dropout, the optimiser) is work too, but not counted, so the peak of matrix products cannot be reached.

Letters used in shapes: B batch, T tokens.
"""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from tongsu.data.dataset import Dataset, Split
from tongsu.data.preprocessing import Images, Preprocessing, Text
from tongsu.recipes import CHAPTERS
from tongsu.recipes.choose import choose
from tongsu.runs.store import Run
from tongsu.training.batches import examples_in_epoch, steps_in_epoch
from tongsu.training.build import READS, complete
from tongsu.training.control import Control
from tongsu.training.device import autocast
from tongsu.training.loop import Training
from tongsu.training.recipe import Recipe

# Examples to learn from and to validate with, as the presets' data sets have them.
EXAMPLES = {"mnist": 60_000, "imdb": 19_904}
NETS = {"rnn": {"SimpleRNN": ["cell=simple"], "LSTM": ["cell=lstm"]}}
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Speed:
    """One net with one preset. `step_seconds`: the mean over the training's batch shapes; `operations` a second."""

    chapter: str
    net: str
    preset: str
    batch_size: int
    steps: int
    step_seconds: float
    training_seconds: float
    operations: float


def measure(chapter: str, device: torch.device, seconds: float = 0.3) -> Iterator[Speed]:
    """Every preset of a chapter's nets, `seconds` and three steps at least for each shape of batch."""
    for net, changes in NETS.get(chapter, {chapter: []}).items():
        for preset in CHAPTERS[chapter]:
            recipe = choose(chapter, preset, changes=changes)
            dataset = made_up(recipe)
            recipe = complete(recipe, dataset)
            count = recipe.data_args.get("examples") or EXAMPLES[recipe.data] - recipe.data_args["validation"]
            shapes = batch_shapes(recipe, dataset.train.inputs.shape[1:], count)
            total = sum(
                times * share * step_seconds(recipe, dataset, shape, device, seconds, frozen)
                for shape, times in shapes.items()
                for share, frozen in stretches(recipe)
            )
            steps = sum(shapes.values())
            speed = operations(recipe, shapes) / total
            yield Speed(chapter, net, preset, recipe.batch_size, steps, total / steps, total, speed)


def made_up(recipe: Recipe) -> Dataset:
    """Noise in the shape of the recipe's data: MNIST's images, or reviews without a single padded place."""
    chance = torch.Generator().manual_seed(0)
    count = 2 * recipe.batch_size
    reader: Preprocessing
    labels: tuple[str, ...]
    if READS.get(recipe.model) == ("text",):
        words, length = recipe.model_args.get("words", 10_000), recipe.data_args.get("length", 200)
        inputs = torch.randint(3, words, (count, length), generator=chance, dtype=torch.int32)
        reader, labels = Text(tuple(map(str, range(words))), length), ("negative", "positive")
    else:
        inputs = torch.randint(0, 256, (count, 1, 28, 28), generator=chance, dtype=torch.uint8)
        reader, labels = Images(1, 28, 28, (0.5,), (0.5,)), tuple("0123456789")
    targets = torch.randint(0, len(labels), (count,), generator=chance)
    split = Split(inputs, targets)
    return Dataset(recipe.data, split, split, split, labels, reader, "", "")


def batch_shapes(recipe: Recipe, example: Shape, count: int) -> Counter[Shape]:
    """How many batches of each shape (B, ...) a training on `count` examples has.

    Where a recipe puts reviews of like length together, the longest that it allows is taken.
    """
    shapes: Counter[Shape] = Counter()
    for epoch in range(recipe.epochs):
        full, rest = divmod(examples_in_epoch(recipe, epoch, count), recipe.batch_size)
        one = example
        if len(example) == 1 and recipe.lengths:
            one = (min(example[0], recipe.lengths[min(epoch, len(recipe.lengths) - 1)]),)
        shapes[(recipe.batch_size, *one)] += full
        if steps_in_epoch(recipe, epoch, count) > full:
            shapes[(rest, *one)] += 1
    return +shapes


def batch_of(training: Training, shape: Shape) -> tuple[Tensor, Tensor]:
    """One batch of `shape` as the model reads it, on the device."""
    inputs, targets = training.split(training.dataset.train)
    kept = inputs[: shape[0], -shape[1] :] if len(shape) == 2 else inputs[: shape[0]]
    return training.scaled(kept), targets[: shape[0]]


def stretches(recipe: Recipe) -> list[tuple[float, bool]]:
    """Shares of all steps, and whether the first layer is frozen in them."""
    return [(recipe.freeze, False), (1 - recipe.freeze, True)] if recipe.freeze < 1 else [(1.0, False)]


def prepared(recipe: Recipe, dataset: Dataset, device: torch.device, frozen: bool) -> Training:
    training = Training(recipe, Run(Path()), dataset, device)
    if frozen:
        training.freeze()
    return training


def step_seconds(
    recipe: Recipe, dataset: Dataset, shape: Shape, device: torch.device, seconds: float, frozen: bool = False
) -> float:
    """The median of single updates as the training loop makes them, after two to warm up."""
    training = prepared(recipe, dataset, device, frozen)
    batch = batch_of(training, shape)
    times: list[float] = []
    end = float("inf")
    while len(times) < 5 or time.perf_counter() < end:
        before = time.perf_counter()
        with autocast(device, recipe.precision):
            measures = training.task.step(training.model, batch, training.optimizers)
        if training.average:
            training.average.update(training.model)
        next(iter(measures.values())).item()  # waits for the device
        times.append(time.perf_counter() - before)
        if len(times) == 2:
            end = time.perf_counter() + seconds
    return statistics.median(times[2:])


def step_operations(recipe: Recipe, dataset: Dataset, shape: Shape, frozen: bool = False) -> int:
    """Multiplications and additions of one update, of its matrix products and convolutions; not the optimiser's."""
    if recipe.model == "rnn":  # the fused kernels do the same products where the counter cannot see them
        recipe = replace(recipe, model_args={**recipe.model_args, "written_out": True})
    training = prepared(recipe, dataset, torch.device("cpu"), frozen)
    batch, still = batch_of(training, shape), Control(parts=()).learning(training.optimizers)
    with FlopCounterMode(display=False) as counter:
        training.task.step(training.model, batch, still)
    return int(counter.get_total_flops())


def operations(recipe: Recipe, shapes: Mapping[Shape, int]) -> int:
    """Of a whole training with so many batches of each shape. A batch costs as its examples do, so that shapes which
    differ in B only are counted once."""
    dataset = made_up(recipe)
    counted: dict[Shape, float] = {}
    total = 0.0
    for (count, *example), times in shapes.items():
        one = tuple(example)
        if one not in counted:
            few = min(count, recipe.batch_size, 8)
            counted[one] = sum(
                share * step_operations(recipe, dataset, (few, *one), frozen) / few
                for share, frozen in stretches(recipe)
            )
        total += times * count * counted[one]
    return round(total)

