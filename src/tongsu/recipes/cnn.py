"""Chapter 2, the convolutional network: the LeNet-5-like net of the road map; `model=lenet5` and `model=vgg` too."""

from __future__ import annotations

from dataclasses import replace

from tongsu.training.recipe import Recipe


def reference() -> Recipe:
    """The road map's script: Adam at 1e-3, batches of 32, five epochs, the last fifth for validation."""
    return Recipe(
        chapter="cnn",
        preset="reference",
        model="cnn",
        data="mnist",
        data_args={"validation": 12_000, "scaling": "unit"},
        epochs=5,
    )


def fast() -> Recipe:
    """One look at 32,000 pictures and one at the quarter that was hardest: enough when Muon makes the most of each
    update, the learning rate falls to zero, little is dropped, and labels are smoothed a little (so that no effort goes
    into being ever surer of what is known). The first kernels, little of the arithmetic but a third of the time, are
    good enough after a seventh of the steps. 128 is where a convolution costs least per picture here."""
    return replace(
        reference(),
        preset="fast",
        model_args={"dropout": 0.1},
        data_args={"validation": 5_000, "scaling": "standard", "examples": 32_000},
        task_args={"label_smoothing": 0.05},
        optimizer="muon",
        lr=0.04,
        schedule="onecycle",
        warmup=0.1,
        batch_size=128,
        epochs=2,
        hardest=0.25,
        freeze=0.15,
    )


def quick() -> Recipe:
    return replace(fast(), preset="quick", epochs=1)


PRESETS = {"reference": reference, "fast": fast, "quick": quick}
