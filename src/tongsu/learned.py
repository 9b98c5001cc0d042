"""A model that a run has learned, ready to be asked: weights, preprocessing and labels together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tongsu.data import preprocessing
from tongsu.data.preprocessing import Preprocessing
from tongsu.errors import Problem
from tongsu.models.logits import probabilities
from tongsu.runs.store import Run
from tongsu.training import checkpoint
from tongsu.training.batches import AT_ONCE
from tongsu.training.build import build_model
from tongsu.training.recipe import Recipe


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

        Raises Problem when the run has saved nothing yet, or its files are damaged.
        """
        recipe = Recipe.from_dict(run.recipe())
        model = build_model(recipe)
        saved = run.preprocessing()
        weights = checkpoint.load_weights(run) if frame is None else checkpoint.load_frame(run, frame)
        try:
            model.load_state_dict(weights)
        except RuntimeError:
            raise Problem("train.weights_do_not_fit", run=run.name, model=recipe.model) from None
        model.eval()
        return Learned(
            run, recipe, model, preprocessing.from_dict(saved["preprocessing"]), tuple(saved["labels"])
        )

    def read(self, raws: list[Any]) -> Tensor:
        """What a person gave (image files, texts) as one batch of model input."""
        return self.preprocessing.scale(torch.stack([self.preprocessing.read(raw) for raw in raws]))

    @torch.no_grad()
    def probabilities(self, inputs: Tensor) -> Tensor:
        """Model input (N, ...) to probabilities (N, K)."""
        batch: int = getattr(self.model, "at_once", AT_ONCE)
        return torch.cat([probabilities(self.model(part)) for part in inputs.split(batch)])
