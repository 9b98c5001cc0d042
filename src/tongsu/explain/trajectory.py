"""The way of an answer through a sentence: what the model would say if it ended here, and where its state stands.

Every prefix of the sentence is padded at the front and answered as a whole sentence would be: the same
question for any model; a recurrent net that skips padding passes through exactly these states by itself.

Letters used in shapes: W tokens as given, padding included; T words, H units, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tongsu.explain.arrays import array, plain
from tongsu.explain.layers import Plane, laid_flat, plane_of
from tongsu.explain.record import evaluating, sentence, within
from tongsu.models.logits import probabilities as usual

BATCH = 64  # prefixes answered at once: bounds the memory that attention over a long text takes


@dataclass(frozen=True)
class RunningPrediction:
    """`probabilities[t, k]`: what the model gives class k after it has read words 0..t, float64."""

    probabilities: np.ndarray = array("word", "class")  # (T, K)

    @property
    def axes(self) -> tuple[str, str]:
        return ("word", "class")


def prefixes(tokens: Tensor, pad: int = 0) -> Tensor:
    """All prefixes of one sentence, each padded at the front to the width that was given.

    tokens: (W,) integers, `pad` at the front (at the front only). Returns (T, W), longest prefix last.
    """
    words = tokens[int((tokens != pad).cumsum(0).eq(0).sum()) :]  # (T,)
    width, length = len(tokens), len(words)
    rows = torch.full((length, width), pad, dtype=tokens.dtype, device=tokens.device)  # (T, W)
    for t in range(length):
        rows[t, width - t - 1 :] = words[: t + 1]
    return rows


def running_prediction(
    model: nn.Module, tokens: Tensor, probability: Callable[[Tensor], Tensor] = usual, pad: int = 0
) -> RunningPrediction:
    """The model's answer after each word of one sentence.

    model: reads (B, W) int64 tokens, padded at the front, and returns logits. It answers in evaluation mode
    and is left in the mode in which it was. tokens: (W,) integers on the model's device.
    probability: logits -> (B, K). Raises ValueError if the sentence has no words.
    """
    sentences = prefixes(tokens.long(), pad)  # (T, W)
    if not len(sentences):
        raise ValueError("the sentence has no words, only padding")
    with evaluating(model), torch.inference_mode():
        answers = [probability(model(batch)) for batch in sentences.split(BATCH)]  # (<= BATCH, K) each
    return RunningPrediction(torch.cat(answers).double().cpu().numpy())


def running(model: nn.Module, tokens: Tensor) -> RunningPrediction:
    """The same as a view: tokens (1, T). Raises Problem if there are no words."""
    sentence(model, tokens)
    return running_prediction(model, tokens[0])


@dataclass(frozen=True)
class Trajectory:
    """The last layer's state after each word, laid flat; and the answer as it forms."""

    plane: Plane
    points: np.ndarray = array("word", "axis")  # (T, 2)
    jumps: np.ndarray = array("word")  # (T,) length of each step in the whole space; the first from zero
    probabilities: np.ndarray = array("word", "class")


@torch.no_grad()
def trajectory(model: Any, tokens: Tensor, plane: Plane | None = None) -> Trajectory:
    """tokens (1, T). plane: of another frame or sentence, so that paths can be compared."""
    read, count = sentence(model, tokens)
    with evaluating(model):
        states = plain(model.states(read)[0, -count:])  # (T, H)
    if plane is not None:
        within("plane", len(plane.mean), states.shape[1] + 1)
    plane = plane or plane_of(states)
    jumps = np.linalg.norm(np.diff(states, axis=0, prepend=np.zeros((1, states.shape[1]))), axis=1)
    return Trajectory(plane, laid_flat(states, plane), jumps, running_prediction(model, tokens[0]).probabilities)
