"""Which words a net has come to treat alike: neighbours in its embedding.

Letters used in shapes: V words of the vocabulary, D features, T words of the sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tongsu.explain.arrays import array, plain
from tongsu.explain.record import at_least, sentence

MARKS = 3  # padding, start, unknown: nobody's neighbours


@dataclass(frozen=True)
class Neighbours:
    """For each word of the sentence the words nearest to it, by the cosine of the angle between their vectors."""

    tokens: np.ndarray = array("word")
    neighbours: np.ndarray = array("word", "rank")  # word numbers
    similarities: np.ndarray = array("word", "rank")


@torch.no_grad()
def neighbours(model: Any, tokens: Tensor, count: int = 10) -> Neighbours:
    """tokens (1, T)."""
    at_least("count", count, 1)
    _, words = sentence(model, tokens)
    asked = tokens[0, -words:]  # (T,)
    vectors = nn.functional.normalize(model.embed.weight.double(), dim=1)  # (V, D)
    cosines = vectors[asked] @ vectors.T  # (T, V)
    cosines[:, :MARKS] = -2
    cosines[torch.arange(words), asked] = -2
    count = min(count, max(cosines.shape[1] - MARKS - 1, 1))
    near = cosines.topk(count, dim=1)
    return Neighbours(plain(asked), plain(near.indices), plain(near.values))
