"""Lesson 3: what reading backward as well is good for, and what it is no cure for.

The task of `memory`, for a SimpleRNN that reads both ways: the word that counts stands first, where the backward reader
meets it last; or in the middle, a hundred words from either end.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from tongsu.lessons.experiments.experiment import Experiment, Figures
from tongsu.lessons.experiments.memory import BATCH, HIDDEN, STEPS, UPDATES, WORDS, sentences
from tongsu.models import RNN
from tongsu.models.logits import predicted
from tongsu.tasks.classify import Classify

NOISE = 4  # a word that means nothing


def moved(count: int, place: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Word numbers (N, T) and targets (N,), as in `memory`, with the word that counts at `place`."""
    tokens, targets = sentences(count, chance)
    word = tokens[:, 0].clone()  # (N,)
    tokens[:, 0] = NOISE
    tokens[:, place] = word
    return tokens, targets


def learned_at(place: int, bidirectional: bool) -> float:
    """Accuracy of a SimpleRNN on 1,000 new sentences."""
    torch.manual_seed(0)
    model = RNN(
        words=WORDS,
        embedding=16,
        hidden=HIDDEN,
        cell="simple",
        bidirectional=bidirectional,
        dense=16,
        dropout=0.0,
        outputs=2,
    )
    nn.init.normal_(model.embed.weight)
    for name, value in model.recurrent.named_parameters():
        if name.startswith("weight_hh"):  # as PyTorch draws them
            nn.init.uniform_(value, -1 / math.sqrt(HIDDEN), 1 / math.sqrt(HIDDEN))
    chance = torch.Generator().manual_seed(1)
    optimizer, task = torch.optim.Adam(model.parameters(), 5e-3), Classify(clip=1.0)
    for _ in range(UPDATES):
        task.step(model, moved(BATCH, place, chance), {"model": optimizer})
    tokens, targets = moved(1_000, place, chance)
    with torch.no_grad():
        return float((predicted(model(tokens)) == targets).double().mean())


def run() -> Figures:
    return {
        "forward_first": learned_at(0, bidirectional=False),
        "both_first": learned_at(0, bidirectional=True),
        "both_middle": learned_at(STEPS // 2, bidirectional=True),
    }


DIRECTIONS = Experiment(run, {
    "reading forward, a SimpleRNN does not know the first of 200 words any more": lambda f: f["forward_first"] < 0.65,
    "reading both ways, it does": lambda f: f["both_first"] > 0.95,
    "a word in the middle is too far for either way": lambda f: f["both_middle"] < f["both_first"] - 0.3,
})  # fmt: skip
