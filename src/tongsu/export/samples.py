"""Real inputs to check an export with: examples of the run's own test split, in two batch sizes and two lengths."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor

from tongsu.data import Split
from tongsu.evaluate import split_of
from tongsu.learned import Learned
from tongsu.models import GAN

BATCHES = (1, 8)
TOLERANCE = 1e-4


def test_split(learned: Learned) -> Split | None:
    """None for a generator, whose input is noise."""
    return None if learned.recipe.task == "gan" else split_of(learned, "test")


def model_inputs(learned: Learned, split: Split | None, count: int) -> Tensor:
    """The first `count` examples as the model reads them; noise for a generator."""
    if split is None:
        noise = cast(GAN, learned.model).noise
        return torch.randn(count, noise, generator=torch.Generator().manual_seed(0))
    return learned.preprocessing.scale(split.inputs[:count])


def batches(learned: Learned, split: Split | None) -> Iterator[Tensor]:
    """Batches of each size, a text model's in its full length and in two fifths of it."""
    inputs = model_inputs(learned, split, sum(BATCHES))
    for part in (inputs[: BATCHES[0]], inputs[BATCHES[0] :]):
        if inputs.dtype == torch.int64:
            yield part[:, -max(2, part.shape[1] * 2 // 5) :]
        yield part
