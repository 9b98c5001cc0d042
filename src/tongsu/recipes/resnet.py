"""Chapter 5b, the residual network (He et al. 2015): small ones learn MNIST here; `skip=false` shows what skips do."""

from __future__ import annotations

from dataclasses import replace

from tongsu.training.recipe import Recipe


def reference() -> Recipe:
    """The road map gives no script here: ResNet-8 of the CIFAR family with the training of its CNN."""
    return Recipe(
        chapter="resnet",
        preset="reference",
        model="small-resnet",
        data="mnist",
        data_args={"validation": 12_000, "scaling": "unit"},
        epochs=5,
    )


def fast() -> Recipe:
    """One look at 48,000 pictures and one at the quarter that was hardest, with Muon, ending at rate zero: better than
    two whole epochs of SGD, in little more than half the time."""
    return replace(
        reference(),
        preset="fast",
        data_args={"validation": 5_000, "scaling": "standard", "examples": 48_000},
        optimizer="muon",
        lr=0.02,
        schedule="onecycle",
        warmup=0.2,
        batch_size=128,
        epochs=2,
        hardest=0.25,
    )


def quick() -> Recipe:
    """One epoch of SGD with a high peak rate and weight decay, as BatchNorm allows."""
    return replace(
        reference(),
        preset="quick",
        data_args={"validation": 5_000, "scaling": "standard"},
        optimizer="sgd",
        optimizer_args={"weight_decay": 5e-4},
        lr=0.2,
        schedule="onecycle",
        warmup=0.2,
        batch_size=256,
        epochs=1,
    )


PRESETS = {"reference": reference, "fast": fast, "quick": quick}
