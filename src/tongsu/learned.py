"""A model that a run has learned, ready to be asked: weights, preprocessing and labels together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tongsu.data import preprocessing
from tongsu.data.preprocessing import Images, Preprocessing, Text
from tongsu.data.tables import CELL
from tongsu.data.wordpieces import WordPieces
from tongsu.errors import Problem
from tongsu.models.logits import probabilities
from tongsu.runs.store import Run
from tongsu.training import checkpoint
from tongsu.training.batches import AT_ONCE
from tongsu.training.build import build_model, build_task
from tongsu.training.recipe import Recipe

MOST_LAYERS, LARGEST_INPUT = 1_000, 25_000_000  # numbers that a model may read at once
BROKEN = (KeyError, TypeError, ValueError, AttributeError, RuntimeError, OverflowError)  # what wrong JSON ends in


@dataclass(frozen=True)
class Learned:
    run: Run
    recipe: Recipe
    model: nn.Module
    preprocessing: Preprocessing
    labels: tuple[str, ...]

    @staticmethod
    def load(run: Run, frame: int | None = None) -> Learned:
        """The weights that the run answers with, or those of one frame of its film.

        Raises Problem when the run has saved nothing yet, or its files are damaged. A run may be a stranger's: nothing
        in its files is executed, and no memory is taken for a model that its weights do not fill.
        """
        told, saved = run.recipe(), run.preprocessing()
        try:
            recipe = Recipe.from_dict(told)
            wanted = shapes(recipe)
        except BROKEN:
            raise Problem("runs.damaged_json", file=run.path / "recipe.json") from None
        try:
            reader, labels = reading(saved["preprocessing"]), tuple(map(str, saved["labels"]))
            outputs = recipe.model_args.get("outputs", 0)
            if recipe.task == "classify" and outputs and len(labels) != max(outputs, 2):
                raise ValueError("labels")
        except BROKEN:
            raise Problem("runs.damaged_json", file=run.path / "preprocessing.json") from None
        weights = checkpoint.load_weights(run) if frame is None else checkpoint.load_frame(run, frame)
        if {name: value.shape for name, value in weights.items()} != wanted:
            raise Problem("train.weights_do_not_fit", run=run.name, model=recipe.model)
        model = build_model(recipe)
        model.load_state_dict(weights)
        return Learned(run, recipe, model.eval(), reader, labels)

    def read_one(self, raw: Any) -> Tensor:
        """What a person gave, a picture, a text or a point, as the compact tensor that `preprocessing.scale` takes.

        Raises Problem as `preprocessing.read` does, and for a text as long as a book.
        """
        if isinstance(raw, str) and len(raw) > CELL:
            raise Problem("predict.too_long", count=f"{len(raw):,}", limit=f"{CELL:,}")
        return self.preprocessing.read(raw)

    def read(self, raws: list[Any]) -> Tensor:
        """What a person gave (image files, texts) as one batch of model input."""
        return self.preprocessing.scale(torch.stack([self.read_one(raw) for raw in raws]))

    @torch.no_grad()
    def probabilities(self, inputs: Tensor) -> Tensor:
        """Model input (N, ...) to probabilities (N, K)."""
        batch: int = getattr(self.model, "at_once", AT_ONCE)
        return torch.cat([probabilities(self.model(part)) for part in inputs.split(batch)])


def shapes(recipe: Recipe) -> dict[str, torch.Size]:
    """The shape of every weight of a recipe's model, which is built without memory. Raises ValueError for one with more
    layers than anybody has; Problem, KeyError, TypeError, ValueError or RuntimeError for one that cannot be."""
    build_task(recipe)
    for name, value in recipe.model_args.items():
        counts = value if name == "blocks" else [value] if name == "layers" else []
        if (isinstance(value, list) and len(value) > MOST_LAYERS) or any(count > MOST_LAYERS for count in counts):
            raise ValueError(f"{name}={str(value)[:40]}")
    with torch.device("meta"):
        return {name: value.shape for name, value in build_model(recipe).state_dict().items()}


def reading(how: dict[str, Any]) -> Preprocessing:
    """The preprocessing that JSON describes, tried once. Raises ValueError for one that would fill the memory with one
    input; KeyError, TypeError, ValueError, AttributeError or RuntimeError for one that reads nothing."""
    sizes = [how.get(name) or 1 for name in ("channels", "height", "width", "length", "dimensions")]
    if not all(isinstance(size, int) and size > 0 for size in sizes) or math.prod(sizes) > LARGEST_INPUT:
        raise ValueError(f"{sizes}")
    reader = preprocessing.from_dict(how)
    if isinstance(reader, Images):
        reader.scale(torch.zeros(1, reader.channels, reader.height, reader.width))
    elif isinstance(reader, Text):
        reader.encode([[]])
    elif isinstance(reader, WordPieces):
        reader.encode([""])
    return reader
