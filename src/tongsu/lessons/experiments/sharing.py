"""Lesson 2: what sharing saves, and what happens when the digit is moved."""

from __future__ import annotations

import torch

from tongsu.explain.experiments import shift
from tongsu.explain.layers import layers
from tongsu.lessons.experiments.experiment import Experiment, Figures, data_of, trained
from tongsu.models import CNN
from tongsu.views import background, batch

EXAMPLES = 2_000
MOST = 4  # pixels


def run() -> Figures:
    """Parameters of the CNN's first layer, as it is and without sharing, and dense; accuracy against the shift."""
    first = layers(CNN(), torch.zeros(1, 1, 28, 28))
    figures: Figures = {
        "convolution": int(first.parameters[0]), "local": int(first.local[0]), "dense": int(first.dense[0]),
    }  # fmt: skip
    for name in ("mlp", "cnn"):
        learned = trained(name)
        x, targets = batch(learned, data_of(learned).test, EXAMPLES)
        seen = shift(learned.model, x, targets, background(learned), most=MOST)
        figures |= {f"{name}_{d}": float(a) for d, a in zip(seen.distances, seen.accuracy, strict=True) if d >= 0}
    return figures


SHARING = Experiment(run, {
    "a convolution of 32 kernels has 320 parameters": lambda f: f["convolution"] == 320,
    "a dense layer that does its work has more than ten million": lambda f: f["dense"] > 1e7,
    "both nets read digits where they were learned": lambda f: min(f["mlp_0"], f["cnn_0"]) > 0.9,
    "moved by four pixels, the CNN keeps more than the MLP": lambda f: f["cnn_4"] > f["mlp_4"] + 0.1,
    "the MLP loses more than a third": lambda f: f["mlp_4"] < f["mlp_0"] - 0.33,
}, needs="mnist")  # fmt: skip
