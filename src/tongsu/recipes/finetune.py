"""Starting from a pretrained network: `tongsu train resnet pretrained=efficientnet-lite0 --data images:FOLDER`,
`tongsu train transformer pretrained=minilm`.

`quick`: only the new last layer is fitted. `fast`: then all layers learn, those near the input least. `reference`:
the same for longer.
"""

from __future__ import annotations

from dataclasses import replace

from tongsu.errors import Problem
from tongsu.pretrained.networks import network
from tongsu.training.recipe import Recipe

CHAPTERS = {"resnet": "images", "transformer": "text"}  # which chapter goes on from which kind of network


def recipe(chapter: str, preset: str, name: str) -> Recipe:
    """Raises Problem for a network that nobody has, and for one that belongs to another chapter."""
    wanted = network(name)
    if CHAPTERS.get(chapter) != wanted.kind:
        raise Problem("pretrained.wrong_chapter", chapter=chapter, name=name)
    return PRESETS[wanted.kind][preset](chapter, name)


def pictures(chapter: str, name: str) -> Recipe:
    """BatchNorm keeps its own statistics, as a few hundred photographs have none of their own to offer."""
    wanted = network(name)
    return Recipe(
        chapter=chapter,
        preset="fast",
        model=wanted.model,
        model_args={**wanted.model_args, "statistics": "keep"},
        data="images:photos",
        data_args={"size": 224},
        pretrained=name,
        task_args={"clip": 1.0, "label_smoothing": 0.1},
        optimizer="adamw",
        optimizer_args={"weight_decay": 0.01},
        lr=2e-4,
        schedule="onecycle",
        warmup=0.2,
        batch_size=16,
        epochs=3,
        layer_rate=0.8,
        frames=4,
        restore_best=True,
    )


def sentences(chapter: str, name: str) -> Recipe:
    """The end of a review says most: its last 256 pieces are read; reviews of like length share a batch. Figures:
    benchmarks/results/finetune-gpu.json."""
    wanted = network(name)
    return Recipe(
        chapter=chapter,
        preset="fast",
        model=wanted.model,
        model_args=dict(wanted.model_args),
        data="imdb",
        data_args={"validation": 2_000},
        pretrained=name,
        pretrained_args={"tokens": 256},
        task_args={"clip": 1.0},
        optimizer="adamw",
        optimizer_args={"weight_decay": 0.01},
        lr=1e-4,
        schedule="onecycle",
        warmup=0.1,
        batch_size=32,
        epochs=3,
        bucket=True,
        layer_rate=0.9,
        frames=4,
    )


def quick(recipe: Recipe) -> Recipe:
    """The last layer alone, on what the untouched network sees: minutes on two cores."""
    few = {"tokens": 128, "examples": 4_000} if recipe.pretrained_args else {}
    return replace(recipe, preset="quick", epochs=0, pretrained_args=few, frames=1)


PRESETS = {
    "images": {
        "reference": lambda chapter, name: replace(pictures(chapter, name), preset="reference", epochs=10),
        "fast": pictures,
        "quick": lambda chapter, name: quick(pictures(chapter, name)),
    },
    "text": {
        "reference": lambda chapter, name: replace(
            sentences(chapter, name), preset="reference", epochs=3, pretrained_args={"tokens": 512}
        ),
        "fast": sentences,
        "quick": lambda chapter, name: quick(sentences(chapter, name)),
    },
}
