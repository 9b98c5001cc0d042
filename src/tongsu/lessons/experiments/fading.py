"""Lesson 1: the gradient fades on its way through six layers of sigmoids. SGD is stuck then; Muon is not, as it gives
every layer a step of the same length, however short its gradient is."""

from __future__ import annotations

import statistics

import torch
from torch import nn

from tongsu.data import load
from tongsu.lessons.experiments.experiment import Experiment, Figures, accuracy, trained
from tongsu.models import MLP
from tongsu.tasks.classify import cross_entropy

HIDDEN = (64,) * 6
BUDGET = ("data=digits", "examples=1000", "epochs=6", "batch_size=32", "dropout=0", "hidden=64,64,64,64,64,64")
OPTIMIZERS = {"sgd": ("optimizer=sgd", "lr=0.05"), "muon": ("optimizer=muon", "lr=0.04")}
SEEDS = 5


def last_to_first(bend: str) -> float:
    """How many times longer the gradient of the last hidden layer's weights is than the first's, in a net that has
    learned nothing yet; median over seeds, on 200 drawn digits."""
    dataset = load("digits", examples=1000)
    x, targets = dataset.preprocessing.scale(dataset.train.inputs[:200]), dataset.train.targets[:200]
    ratios = []
    for seed in range(SEEDS):
        torch.manual_seed(seed)
        net = MLP(hidden=HIDDEN, activation=bend, dropout=0.0)
        weights = [layer.weight for layer in net.hidden if isinstance(layer, nn.Linear)]
        first, *_, last = torch.autograd.grad(cross_entropy(net(x), targets), weights)
        ratios.append(float(last.norm() / first.norm()))
    return statistics.median(ratios)


def run() -> Figures:
    """Also the accuracy on test pictures of the same deep net, by optimizer and activation function."""
    figures: Figures = {bend: last_to_first(bend) for bend in ("sigmoid", "tanh", "relu")}
    for optimizer, settings in OPTIMIZERS.items():
        for bend in ("sigmoid", "relu"):
            figures[f"{optimizer}_{bend}"] = accuracy(trained("mlp", *BUDGET, *settings, f"activation={bend}"))
    return figures


FADING = Experiment(run, {
    "through six layers of sigmoids the gradient becomes a hundred times shorter": lambda f: f["sigmoid"] > 100,
    "with ReLU it does not become shorter": lambda f: f["relu"] < 1,
    "with SGD the six sigmoids are no better than guessing": lambda f: f["sgd_sigmoid"] < 0.3,
    "with SGD the six ReLUs learn": lambda f: f["sgd_relu"] > 0.8,
    "with Muon the six sigmoids learn as well": lambda f: f["muon_sigmoid"] > 0.8,
})  # fmt: skip
