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
    """Two epochs are enough when the learning rate rises high and falls to zero within them."""
    return replace(
        reference(),
        preset="fast",
        data_args={"validation": 5_000, "scaling": "standard"},
        lr=3e-3,
        schedule="onecycle",
        warmup=0.1,
        batch_size=64,
        epochs=2,
    )


def quick() -> Recipe:
    return replace(fast(), preset="quick", batch_size=128, epochs=1)


PRESETS = {"reference": reference, "fast": fast, "quick": quick}
