"""Lesson 5: what the scale of the scores is for, and what attention knows of the order of words without positions."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from tongsu.lessons.experiments.experiment import Experiment, Figures
from tongsu.models import Transformer
from tongsu.models.logits import predicted
from tongsu.models.transformer import attention_weights
from tongsu.tasks.classify import Classify

THINGS = ("soup", "bread", "tea", "rice", "room", "dinner")
GOOD = ("warm", "fresh", "lovely", "honest", "quick")
BAD = ("cold", "stale", "dull", "dear", "slow")
UPDATES, BATCH = 120, 32


def sentences() -> tuple[Tensor, Tensor]:
    """All 600 in a shuffled order: word numbers (N, 8), padded at the front, and whether they praise (N,)."""
    told = []
    for thing, good, bad in itertools.product(THINGS, GOOD, BAD):
        told += [(f"the {thing} was {good} not {bad}", 1), (f"the {thing} was {bad} not {good}", 0)]
        told += [(f"the {thing} was not {good} but {bad}", 0), (f"the {thing} was not {bad} but {good}", 1)]
    words = {word: at for at, word in enumerate(sorted({word for text, _ in told for word in text.split()}), 1)}
    rows = [[words[word] for word in text.split()] for text, _ in told]
    tokens = torch.tensor([[0] * (8 - len(row)) + row for row in rows])
    shuffled = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    return tokens[shuffled], torch.tensor([praise for _, praise in told])[shuffled]


def learned(positions: bool) -> float:
    """Accuracy on every fifth sentence, which was not learned from."""
    torch.manual_seed(0)
    tokens, praise = sentences()
    model = Transformer(words=int(tokens.max()) + 1, length=8, width=32, heads=2, layers=1, dropout=0.0)
    if not positions:
        model.positions.weight.requires_grad_(False).zero_()
    test = torch.arange(len(tokens)) % 5 == 0
    train, told = tokens[~test], praise[~test]
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 5e-3)
    chance, task = torch.Generator().manual_seed(0), Classify()
    for _ in range(UPDATES):
        batch = torch.randint(len(train), (BATCH,), generator=chance)
        task.step(model, (train[batch], told[batch]), {"model": optimizer})
    model.eval()
    with torch.no_grad():
        return float((predicted(model(tokens[test])) == praise[test]).double().mean())


def largest(width: int, scaled: bool) -> float:
    """The largest of ten words' shares, mean over 2,000 of them; q and k of spread 1, as at the start of a training."""
    chance = torch.Generator().manual_seed(0)
    q, k = (torch.randn(200, 1, 10, width, generator=chance) for _ in "qk")
    weights = attention_weights(q if scaled else q * width**0.5, k, torch.ones(200, 10, dtype=torch.bool))
    return float(weights.amax(-1).mean())


def run() -> Figures:
    return {
        "with_positions": learned(True), "without_positions": learned(False),
        "scaled": largest(64, True), "unscaled": largest(64, False),
    }  # fmt: skip


ATTENTION = Experiment(run, {
    "with positions, one layer tells “warm not cold” from “cold not warm”": lambda f: f["with_positions"] > 0.95,
    "without positions it only guesses": lambda f: f["without_positions"] < 0.65,
    "unscaled, one of ten words takes nearly everything": lambda f: f["unscaled"] > 0.8,
    "scaled, it takes less than half": lambda f: f["scaled"] < 0.45,
})  # fmt: skip
