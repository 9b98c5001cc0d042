"""Lesson 3: how much of the loss the first word still feels, 200 words later, in a SimpleRNN and in an LSTM.

The task needs memory and nothing else: the first word is one of two, the next 199 are noise, and the question in the
end is which one it was. Both nets are ours, with the initial weights that make the comparison plain: the SimpleRNN's as
PyTorch draws them (uniform), the LSTM's gates open for about as long as a sentence (Tallec & Ollivier 2018).
"""

from __future__ import annotations

import copy
import math
import statistics

import torch
from torch import Tensor, nn

from tongsu.explain.gradients import gradients_by_step
from tongsu.lessons.experiments.experiment import Experiment, Figures
from tongsu.models import RNN
from tongsu.models.logits import predicted
from tongsu.tasks.classify import Classify

WORDS, STEPS, HIDDEN, UPDATES, BATCH = 12, 200, 32, 250, 64


def sentences(count: int, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """Word numbers (N, T) and which of two words came first (N,)."""
    first = torch.randint(2, (count,), generator=chance)
    tokens = torch.randint(4, WORDS, (count, STEPS), generator=chance)
    tokens[:, 0] = 2 + first
    return tokens, first


def net(cell: str) -> RNN:
    torch.manual_seed(0)
    model = RNN(words=WORDS, embedding=16, hidden=HIDDEN, cell=cell, dense=16, dropout=0.0, outputs=2)
    nn.init.normal_(model.embed.weight)
    with torch.no_grad():
        for name, value in model.recurrent.named_parameters():
            if cell == "simple" and name.startswith("weight_hh"):
                nn.init.uniform_(value, -1 / math.sqrt(HIDDEN), 1 / math.sqrt(HIDDEN))
            elif cell == "lstm" and name.startswith("bias_ih"):  # rows: input, forget, candidate, output
                spans = torch.rand(HIDDEN) * (STEPS - 2) + 1
                value[:HIDDEN], value[HIDDEN : 2 * HIDDEN] = -spans.log(), spans.log()
    return model


def first_to_last(model: RNN, tokens: Tensor, targets: Tensor) -> float:
    """Median over sentences (N, T) of |d loss / d h_1| / |d loss / d h_T|; in float64, as float32 ends at 1e-45."""
    model, ratios = copy.deepcopy(model).double(), []
    for sentence, target in zip(tokens.split(1), targets.tolist(), strict=True):
        norms = gradients_by_step(model, sentence, target).norms[0]  # (T,)
        ratios.append(float(norms[0] / norms[-1]))
    return statistics.median(ratios)


def run() -> Figures:
    figures: Figures = {}
    for cell in ("simple", "lstm"):
        chance = torch.Generator().manual_seed(1)
        model, some = net(cell), sentences(16, chance)
        figures[f"{cell}_before"] = first_to_last(model, *some)
        optimizer, task = torch.optim.Adam(model.parameters(), 5e-3), Classify(clip=1.0)
        for _ in range(UPDATES):
            task.step(model, sentences(BATCH, chance), {"model": optimizer})
        if cell == "lstm":  # the other's ReLUs may all be off by now, and then no word feels anything
            figures["lstm_after"] = first_to_last(model, *some)
        tokens, first = sentences(1_000, chance)
        with torch.no_grad():
            figures[f"{cell}_accuracy"] = float((predicted(model(tokens)) == first).double().mean())
    return figures


MEMORY = Experiment(run, {
    "at the first of 200 words the SimpleRNN feels less than a billionth": lambda f: f["simple_before"] < 1e-9,
    "the LSTM feels at least a billion times more": lambda f: f["lstm_before"] > 1e9 * f["simple_before"],
    "the LSTM learns to remember": lambda f: f["lstm_accuracy"] > 0.95,
    "the SimpleRNN only guesses": lambda f: f["simple_accuracy"] < 0.65,
})  # fmt: skip
