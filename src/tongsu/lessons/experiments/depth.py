"""Lesson 1: with sigmoids a deep net does not learn in a budget in which the same net with ReLUs does."""

from __future__ import annotations

from tongsu.lessons.experiments.experiment import Experiment, Figures, accuracy, trained

DEPTHS = (1, 3, 6)  # hidden layers of 64 units
BUDGET = ("examples=8000", "epochs=3", "hardest=1", "batch_size=64", "dropout=0", "optimizer=sgd", "lr=0.05")


def run() -> Figures:
    """Accuracy on MNIST's test images by activation function and number of hidden layers."""
    return {
        f"{bend}_{depth}": accuracy(
            trained("mlp", *BUDGET, f"activation={bend}", "hidden=" + ",".join(["64"] * depth))
        )
        for bend in ("relu", "sigmoid")
        for depth in DEPTHS
    }


DEPTH = Experiment(run, {
    "with one hidden layer both learn": lambda f: min(f["relu_1"], f["sigmoid_1"]) > 0.9,
    "with six, ReLU still learns": lambda f: f["relu_6"] > 0.85,
    "with six, sigmoid is no better than guessing": lambda f: f["sigmoid_6"] < 0.3,
}, needs="mnist")  # fmt: skip
