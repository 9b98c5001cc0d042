"""What a page sends to be judged: a drawing, a picture, a text, a point, an example of the data; read as training read.

Letters used in shapes: H height, W width.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from tongsu import views
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


Input = Annotated[Pixels | Picture | Sentence | Point | Example, Field(discriminator="kind")]
READ_BY = {"images": (Pixels, Picture), "text": (Sentence,), "points": (Point,)}


def read(given: Input, learned: Learned, dataset: Dataset | None) -> views.Given:
    """Raises Problem for what the model does not read, and what cannot be read. `dataset` is for examples only."""
    kind = learned.preprocessing.kind
    if isinstance(given, Example):
        return views.read(learned, views.Example(given.split, given.index), dataset)
    if not isinstance(given, READ_BY.get(kind, ())):
        raise Problem("studio.other_input", run=learned.run.name, wanted=kind, given=given.kind)
    return views.read(learned, raw_of(given))


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

