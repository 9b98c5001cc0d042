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
    """Large batches use the processor better; what the fewer updates lose, Muon, a one-cycle learning rate and
    standardised pixels win back. What is seen once or twice is not learned by heart, so little dropout is enough; and
    after one epoch two thirds of the pictures have nothing more to teach."""
    return replace(
        reference(),
        preset="fast",
        model_args={"dropout": 0.05},
        data_args={"validation": 5_000, "scaling": "standard"},
        optimizer="muon",
        optimizer_args={"momentum": 0.85},
        lr=0.04,
        schedule="onecycle",
        warmup=0.2,
        batch_size=384,
        epochs=3,
        hardest=0.3,
    )


def quick() -> Recipe:
    return replace(fast(), preset="quick", epochs=1)


PRESETS = {"reference": reference, "fast": fast, "quick": quick}
