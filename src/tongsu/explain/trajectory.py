"""What the model would answer if the sentence ended here: the answer as it forms, word by word.

Every prefix of the sentence is padded at the front and answered as a whole sentence would be: the same
question for any model; a recurrent net that skips padding passes through exactly these states by itself.

Letters used in shapes: W tokens as given, padding included; T words, L width of a padded prefix, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

BATCH = 64  # prefixes answered at once: bounds the memory that attention over a long text takes


@dataclass(frozen=True)
class RunningPrediction:
    """`probabilities[t, k]`: what the model gives class k after it has read words 0..t, float64."""

    probabilities: np.ndarray  # (T, K)
    axes: tuple[str, str] = ("word", "class")


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
    model: nn.Module, tokens: Tensor, probability: Callable[[Tensor], Tensor], pad: int = 0
) -> RunningPrediction:
    """The model's answer after each word of one sentence.

    model: reads (B, W) int64 tokens, padded at the front, and returns logits. It answers in evaluation mode
    and is left in the mode in which it was. tokens: (W,) integers on the model's device.
    probability: logits -> (B, K). Raises ValueError if the sentence has no words.
    """
    sentences = prefixes(tokens.long(), pad)  # (T, W)
    if not len(sentences):
        raise ValueError("the sentence has no words, only padding")
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            answers = [probability(model(batch)) for batch in sentences.split(BATCH)]  # (<= BATCH, K) each
    finally:
        model.train(was_training)
    return RunningPrediction(torch.cat(answers).double().cpu().numpy())
