"""Real inputs to check an export with, in two batch sizes and two lengths: examples of the run's own test split; for a
network whose data nobody here has (ImageNet), cut-outs of a photograph; for a generator, noise."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import torch
from PIL import Image
from torch import Tensor

from tongsu.data import Split
from tongsu.evaluate import split_of
from tongsu.learned import Learned
from tongsu.models import GAN
from tongsu.training.build import UNKNOWN_DATA

PHOTO = Path(__file__).with_name("cat.jpg")  # Chelsea, by Stéfan van der Walt, CC0
BATCHES = (1, 8)
TOLERANCE = 1e-4


def test_split(learned: Learned) -> Split | None:
    """None where there is none: for a generator, and for a network whose data nobody here has."""
    return split_of(learned, "test") if source_of(learned) == "test" else None


def source_of(learned: Learned) -> str:
    """What such a model can be checked with: "test", "photograph" or "noise"."""
    if learned.recipe.task == "gan":
        return "noise"
    return "photograph" if learned.recipe.data == UNKNOWN_DATA else "test"


def model_inputs(learned: Learned, split: Split | None, count: int) -> Tensor:
    """The first `count` examples of the split, cut-outs or noises, as the model reads them: (count, ...)."""
    if split is not None:
        return learned.preprocessing.scale(split.inputs[:count])
    if source_of(learned) == "noise":
        noise = cast(GAN, learned.model).noise
        return torch.randn(count, noise, generator=torch.Generator().manual_seed(0))
    return learned.preprocessing.scale(torch.stack([learned.preprocessing.read(cut) for cut in cutouts(count)]))


def cutouts(count: int) -> list[Image.Image]:
    """Squares of any size from anywhere in the photograph, always the same ones."""
    chance = random.Random(0)
    with Image.open(PHOTO) as photo:
        sides = [chance.randint(photo.height // 3, photo.height) for _ in range(count)]
        corners = [(chance.randint(0, photo.width - side), chance.randint(0, photo.height - side)) for side in sides]
        return [photo.crop((x, y, x + side, y + side)) for (x, y), side in zip(corners, sides, strict=True)]


def batches(learned: Learned, split: Split | None) -> Iterator[Tensor]:
    """Batches of each size, a text model's in its full length and in two fifths of it."""
    inputs = model_inputs(learned, split, sum(BATCHES))
    for part in (inputs[: BATCHES[0]], inputs[BATCHES[0] :]):
        if inputs.dtype == torch.int64:
            yield part[:, -max(2, part.shape[1] * 2 // 5) :]
        yield part
