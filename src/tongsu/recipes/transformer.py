"""Chapter 5a, the Transformer: every word looks at every other (Vaswani et al. 2017), on the reviews of chapter 3."""

from __future__ import annotations

from dataclasses import replace

from tongsu.training.recipe import Recipe


def reference() -> Recipe:
    """The road map gives no script here: the training of its recurrent networks, on an encoder of our own."""
    return Recipe(
        chapter="transformer",
        preset="reference",
        model="transformer",
        data="imdb",
        data_args={"words": 10_000, "length": 200, "validation": 2_000},
        epochs=3,
    )


def fast() -> Recipe:
    """One block is enough for reviews; half of the words' features are dropped, as the embedding is what learns by
    heart; sentences of like length share a batch, since attention costs the square of the longest."""
    return replace(
        reference(),
        preset="fast",
        model_args={"embedding_dropout": 0.5, "layers": 1},
        task_args={"clip": 1.0},
        optimizer="adamw",
        lr=2e-3,
        schedule="onecycle",
        warmup=0.2,
        batch_size=64,
        epochs=2,
        lengths=(80, 160),
        bucket=True,
    )


def quick() -> Recipe:
    return replace(fast(), preset="quick", epochs=1, lengths=(80,))


PRESETS = {"reference": reference, "fast": fast, "quick": quick}
