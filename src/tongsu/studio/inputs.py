"""What a page sends to be judged: a drawing, a picture, a text, a point, an example of the data; read as training read.

Letters used in shapes: C channels, H height, W width, D dimensions.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import BaseModel, Field
from torch import Tensor

from tongsu.data import Dataset
from tongsu.data.pictures import PIXELS
from tongsu.errors import Problem
from tongsu.learned import Learned


class Pixels(BaseModel):
    kind: Literal["pixels"]
    shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    data: str


class Picture(BaseModel):
    kind: Literal["image"]
    data: str


class Sentence(BaseModel):
    kind: Literal["text"]
    text: str


class Point(BaseModel):
    kind: Literal["point"]
    values: list[float]


class Example(BaseModel):
    kind: Literal["example"]
    index: Annotated[int, Field(ge=0)]
    split: Literal["train", "validation", "test"] = "test"


class Noise(BaseModel):
    kind: Literal["noise"]
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    count: Annotated[int, Field(ge=1, le=400)] = 10


Input = Annotated[Pixels | Picture | Sentence | Point | Example | Noise, Field(discriminator="kind")]
READ_BY = {"images": (Pixels, Picture), "text": (Sentence,), "points": (Point,)}


@dataclass(frozen=True)
class Read:
    """One input as the model reads it, with a batch of one; `compact` is what a person may look at: (C, H, W) uint8
    of a picture. `words`: those of a text that are kept. `target`: of an example, its class."""

    batch: Tensor
    compact: Tensor
    words: list[str]
    target: int | None = None


def read(given: Input, learned: Learned, dataset: Dataset | None) -> Read:
    """Raises Problem for what the model does not read, and what cannot be read. `dataset` is for examples only."""
    if isinstance(given, Noise):
        noise = torch.randn(given.count, _noise_of(learned), generator=torch.Generator().manual_seed(given.seed))
        return Read(noise, noise, [])
    if isinstance(given, Example):
        assert dataset is not None
        split = getattr(dataset, given.split)
        if given.index >= len(split):
            raise Problem("studio.no_example", index=given.index, count=len(split), split=given.split)
        compact = split.inputs[given.index]
        text = split.texts[given.index] if split.texts else ""
        words = learned.preprocessing.words(text)[0] if text else []  # type: ignore[attr-defined]
        return Read(learned.preprocessing.scale(compact[None]), compact, words, int(split.targets[given.index]))
    kind = learned.preprocessing.kind
    if not isinstance(given, READ_BY.get(kind, ())):
        raise Problem("studio.other_input", run=learned.run.name, wanted=kind, given=given.kind)
    if isinstance(given, Sentence):
        words, compact = learned.preprocessing.words(raw_of(given))  # type: ignore[attr-defined]
        return Read(learned.preprocessing.scale(compact[None]), compact, words)
    compact = learned.preprocessing.read(raw_of(given))
    return Read(learned.preprocessing.scale(compact[None]), compact, [])


def raw_of(given: Input) -> Any:
    """What the preprocessing takes: bytes of a file, an array (H, W) uint8, a text, numbers."""
    if isinstance(given, Point):
        return given.values
    if isinstance(given, Sentence):
        if not given.text.strip():
            raise Problem("predict.empty_text")
        return given.text
    assert isinstance(given, Pixels | Picture)
    try:
        raw = base64.b64decode(given.data, validate=True)
    except (binascii.Error, ValueError):
        raise Problem("studio.not_base64") from None
    if isinstance(given, Picture):
        return raw
    height, width = given.shape
    if height * width != len(raw) or len(raw) > PIXELS:
        raise Problem("studio.wrong_shape", height=height, width=width, count=len(raw))
    return np.frombuffer(raw, np.uint8).reshape(height, width)


def _noise_of(learned: Learned) -> int:
    if learned.recipe.task != "gan":
        raise Problem("studio.other_input", run=learned.run.name, wanted=learned.preprocessing.kind, given="noise")
    return int(learned.model.noise)  # type: ignore[arg-type]
