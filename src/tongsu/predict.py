"""Asking a run: what is this image or text, and how sure is the model? And letting a generator draw."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from tongsu.errors import Problem
from tongsu.learned import Learned
from tongsu.models import GAN


@dataclass(frozen=True)
class Prediction:
    input: str
    label: str
    probability: float
    probabilities: dict[str, float]


def predict(learned: Learned, raws: list[Any]) -> list[Prediction]:
    """The most probable label of each input (an image file, PIL image or array; a text or a .txt file).

    Raises Problem for a run that does not classify, and for an input that cannot be read.
    """
    if learned.recipe.task != "classify":
        raise Problem("predict.not_a_classifier", run=learned.run.name)
    inputs = learned.read([_content(learned, raw) for raw in raws])
    answers = []
    for raw, row in zip(raws, learned.probabilities(inputs), strict=True):
        best = int(row.argmax())
        named = dict(zip(learned.labels, row.tolist(), strict=True))
        answers.append(Prediction(str(raw), learned.labels[best], named[learned.labels[best]], named))
    return answers


def _content(learned: Learned, raw: Any) -> Any:
    """A text may be given as a file; a point as `1.5,-0.3`."""
    if learned.preprocessing.kind != "text" or not isinstance(raw, str | Path):
        return raw
    if not str(raw).strip():
        raise Problem("predict.empty_text")
    if str(raw).endswith(".txt") and Path(raw).is_file():
        try:
            return Path(raw).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise Problem("predict.not_utf8", file=raw, position=error.start) from None
    return raw


def generate(learned: Learned, count: int, seed: int = 0) -> Tensor:
    """`count` drawings (count, 1, 28, 28) in [0, 1] from the run's generator."""
    if learned.recipe.task != "gan" or learned.run.environment().get("part") == "discriminator":
        raise Problem("predict.not_a_generator", run=learned.run.name)
    if count < 1:
        raise Problem("predict.how_many", count=count)
    model = cast(GAN, learned.model)
    noise = torch.randn(count, model.noise, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad():
        return torch.cat([model(part) for part in noise.split(500)]) / 2 + 0.5
