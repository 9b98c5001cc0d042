"""Chapter 3, recurrent networks: a film review read word by word; `cell=simple|lstm|gru`, `bidirectional=true`."""

from __future__ import annotations

from dataclasses import replace

from tongsu.training.recipe import Recipe


def reference() -> Recipe:
    """The road map's script: 10,000 words, the last 200 of each review, Adam at 1e-3, batches of 32, three epochs."""
    return Recipe(
        chapter="rnn",
        preset="reference",
        model="rnn",
        data="imdb",
        data_args={"words": 10_000, "length": 200, "validation": 2_000},
        epochs=3,
    )


def fast() -> Recipe:
    """The last 100 words of a review in the first epoch and 160 in the second, as the end tells most (all 200 are
    read when it counts); dropped features and a clipped gradient keep the higher learning rate safe."""
    return replace(
        reference(),
        preset="fast",
        model_args={"embedding_dropout": 0.5},
        task_args={"clip": 1.0},
        lr=2e-3,
        schedule="onecycle",
        warmup=0.1,
        batch_size=64,
        epochs=2,
        lengths=(100, 160),
    )


def for_cell(recipe: Recipe, cell: str) -> Recipe:
    """A SimpleRNN has forgotten early words anyway: it begins with the last 50 and goes three times through the data,
    which costs no more than 100 and 160 do. Gated cells lose by that (LOG.md)."""
    fitting = cell == "simple" and recipe.preset == "fast" and not recipe.pretrained
    return replace(recipe, epochs=3, lengths=(50, 80, 120)) if fitting else recipe


def quick() -> Recipe:
    return replace(fast(), preset="quick", epochs=1, lengths=(80,))


PRESETS = {"reference": reference, "fast": fast, "quick": quick}
