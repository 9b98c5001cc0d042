"""Chapter 4, the generative adversarial network: digits out of noise, and a critic to convince."""

from __future__ import annotations

from dataclasses import replace

from tongsu.training.recipe import Recipe


def reference() -> Recipe:
    """The road map's script: Adam at 2e-4 for both players, batches of 64, ten epochs over the training images."""
    return Recipe(
        chapter="gan",
        preset="reference",
        model="gan",
        data="mnist",
        data_args={"validation": 5_000, "scaling": "signed"},
        task="gan",
        lr=2e-4,
        batch_size=64,
        epochs=10,
        monitor="val_frechet_distance",
        frames=12,
    )


def fast() -> Recipe:
    """Three epochs of 29,344 images in small batches: a third of the script's updates. Feature matching tells the
    generator what whole batches lack, not only what each drawing lacks; with beta1 = 0.5 (Radford et al. 2015) the
    players bear a five times higher rate; both learn from the same drawings, which saves a pass through the generator;
    and what draws in the end is an average of the generator over its last few hundred steps, steadier than any one."""
    return replace(
        reference(),
        preset="fast",
        data_args={**reference().data_args, "examples": 29_344},
        task_args={"share_fakes": True, "feature_matching": 0.1},
        optimizer_args={"betas": (0.5, 0.999)},
        lr=1e-3,
        schedule="cosine",
        warmup=0.02,
        batch_size=32,
        epochs=3,
        average=0.998,
    )


def quick() -> Recipe:
    """Some hundred updates: enough for strokes that begin to be digits."""
    data_args = {"validation": 1_000, "examples": 3_500, "scaling": "signed"}
    task_args = {**fast().task_args, "samples": 1_000}
    return replace(fast(), preset="quick", epochs=1, data_args=data_args, task_args=task_args)


PRESETS = {"reference": reference, "fast": fast, "quick": quick}
