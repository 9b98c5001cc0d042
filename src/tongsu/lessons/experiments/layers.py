"""Lesson 5: 56 plain layers do worse than 20, and residual ones do not (He et al. 2015, figure 6, made small)."""

from __future__ import annotations

from tongsu.lessons.experiments.experiment import Experiment, Figures, accuracy, trained

# 250 updates: after half as many, 56 residual layers have learned with some seeds and not with others.
BUDGET = ("examples=4000", "validation=500", "epochs=2", "batch_size=32", "width=4", "optimizer=sgd", "lr=0.1")


def run() -> Figures:
    """Accuracy on MNIST's test images of the paper's nets of depth 6 n + 2, a quarter as wide."""
    return {
        f"{'residual' if skip else 'plain'}_{6 * n + 2}": accuracy(
            trained("resnet", *BUDGET, f"blocks={n},{n},{n}", f"skip={str(skip).lower()}")
        )
        for skip in (False, True)
        for n in (3, 9)
    }


LAYERS = Experiment(run, {
    "56 plain layers do far worse than 20": lambda f: f["plain_56"] < f["plain_20"] - 0.2,
    "56 residual layers lose hardly anything against 20": lambda f: f["residual_56"] > f["residual_20"] - 0.05,
    "of 56 layers, residual ones do far better": lambda f: f["residual_56"] > f["plain_56"] + 0.3,
}, needs="mnist")  # fmt: skip
