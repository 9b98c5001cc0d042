"""Chapter 1, the multilayer perceptron: 28 × 28 pixels as one row of 784 numbers, two hidden layers, ten digits."""

from __future__ import annotations

from dataclasses import replace

from tongsu.training.recipe import Recipe


def reference() -> Recipe:
    """The road map's script: Adam at 1e-3, batches of 32, five epochs, the last fifth for validation."""
    return Recipe(
        chapter="mlp",
        preset="reference",
        model="mlp",
        data="mnist",
        data_args={"validation": 12_000, "scaling": "unit"},
        epochs=5,
    )


def fast() -> Recipe:
    """Large batches use the processor better, and SGD with momentum spends least on the update itself; what the
    fewer steps lose, a one-cycle learning rate and standardised pixels win back."""
    return replace(
        reference(),
        preset="fast",
        data_args={"validation": 5_000, "scaling": "standard"},
        optimizer="sgd",
        lr=0.1,
        schedule="onecycle",
        warmup=0.2,
        batch_size=256,
        epochs=4,
    )


def quick() -> Recipe:
    return replace(fast(), preset="quick", epochs=1)


PRESETS = {"reference": reference, "fast": fast, "quick": quick}
