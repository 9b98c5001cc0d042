"""From what a person has (a picture, a sentence, a point) to what a model reads, the same in training and after.

A preprocessing is part of the run: it is saved as JSON next to the weights, so that `predict`, `export` and
`serve` apply exactly what training applied.
Letters used in shapes: N examples, C channels, H height, W width, T tokens, D dimensions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import torch
from torch import Tensor

from tongsu.data import pictures, text
from tongsu.data.wordpieces import WordPieces
from tongsu.errors import Problem


class Preprocessing(Protocol):
    """`read` one raw input to a compact tensor, `scale` a batch of them to model input, `to_dict` for JSON."""

    @property
    def kind(self) -> str: ...
    def read(self, raw: Any) -> Tensor: ...
    def scale(self, inputs: Tensor) -> Tensor: ...
    def to_dict(self) -> dict[str, Any]: ...


@dataclass(frozen=True)
class Images:
    """Pictures of one size. `mean` and `std`, one number a channel, belong to pixels in [0, 1].

    digits: what is read is a person's drawing of a digit and is first made to look as MNIST's do.
    fit: how a picture of another shape fills (height, width): its middle is cut out, or its sides are padded.
    """

    channels: int = 1
    height: int = 28
    width: int = 28
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    digits: bool = False
    fit: Literal["crop", "pad"] = "crop"

    kind: ClassVar[str] = "images"

    def read(self, raw: pictures.Raw) -> Tensor:
        """A file, PIL image or uint8 array (H, W[, C]) of any size -> (C, H, W) uint8.

        Raises Problem, naming the picture, when it is missing, broken, too large or of a format we do not read,
        and for a drawing with nothing on it.
        """
        with pictures.opened(raw) as image:
            if self.digits:
                pixels = pictures.as_digit(image, name=pictures.name_of(raw))[None]  # (1, 28, 28)
            else:
                pixels = pictures.fitted(image, self.channels, self.height, self.width, self.fit)
        return torch.from_numpy(pixels)

    def scale(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) uint8 -> float32: (x / 255 - mean) / std."""
        mean = torch.tensor(self.mean, device=inputs.device).view(-1, 1, 1)
        std = torch.tensor(self.std, device=inputs.device).view(-1, 1, 1)
        return inputs.to(torch.float32, copy=True).div_(255).sub_(mean).div_(std)  # in place: one copy, not four

    def to_dict(self) -> dict[str, Any]:
        return _to_dict(self)


@dataclass(frozen=True)
class Text:
    """Sentences as numbers: the position of each word in `vocabulary`, padded and cut at the front to `length`.

    The vocabulary starts with the marks of padding, start and unknown word (ids 0, 1, 2, as in Keras's IMDB).
    """

    vocabulary: tuple[str, ...]
    length: int
    level: text.Level = "word"

    kind: ClassVar[str] = "text"

    @cached_property
    def index(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.vocabulary)}

    def words(self, raw: str) -> tuple[list[str], Tensor]:
        """The words that are kept, at most `length` of them, and the tokens (T,) int32 that end with them.

        Raises Problem when the model would see nothing: no word at all, or only words that it does not know.
        """
        if not self.vocabulary:
            raise Problem("data.no_vocabulary")
        words = text.split(raw, self.level)
        if not words:
            raise Problem("data.no_words", text=text.shortened(raw))
        tokens = self.encode([words])[0]
        if not (tokens > text.UNKNOWN).any():
            raise Problem("data.unknown_words", text=text.shortened(raw))
        return words[-self.length :], tokens

    def read(self, raw: str) -> Tensor:
        """A sentence -> (T,) int32. Raises Problem as `words` does."""
        return self.words(raw)[1]

    def encode(self, sentences: Iterable[Sequence[str]]) -> Tensor:
        """Split sentences -> (N, T) int32; unknown words and empty sentences are nothing to complain about."""
        return torch.from_numpy(text.encode(sentences, self.index, self.length))

    def scale(self, inputs: Tensor) -> Tensor:
        """(N, T) int32 -> int64, which embeddings read."""
        return inputs.long()

    def to_dict(self) -> dict[str, Any]:
        return _to_dict(self)


@dataclass(frozen=True)
class Points:
    """Points of D numbers, as they are. A person writes one as `1.5,-0.3`."""

    dimensions: int | None = None

    kind: ClassVar[str] = "points"

    def read(self, raw: str | Sequence[float] | np.ndarray | Tensor) -> Tensor:
        """`1.5,-0.3` or numbers -> (D,) float32. Raises Problem for anything else."""
        try:
            numbers = raw.replace(",", " ").split() if isinstance(raw, str) else list(raw)
            point = torch.tensor([float(number) for number in numbers])
        except (TypeError, ValueError):
            raise Problem("data.not_a_point", text=text.shortened(str(raw))) from None
        if not len(point) or len(point) != (self.dimensions or len(point)) or not point.isfinite().all():
            raise Problem("data.not_a_point", text=text.shortened(str(raw)))
        return point

    def scale(self, inputs: Tensor) -> Tensor:
        return inputs.to(torch.float32)

    def to_dict(self) -> dict[str, Any]:
        return _to_dict(self)


KINDS: dict[str, type[Images] | type[Text] | type[Points] | type[WordPieces]] = {
    "images": Images,
    "text": Text,
    "wordpieces": WordPieces,
    "points": Points,
}


def from_dict(values: dict[str, Any]) -> Preprocessing:
    """What `to_dict` made, also after a way through JSON."""
    fields: dict[str, Any] = {
        name: tuple(v) if isinstance(v, list) else v for name, v in values.items() if name != "kind"
    }
    return KINDS[values["kind"]](**fields)


def _to_dict(preprocessing: Images | Text | Points) -> dict[str, Any]:
    fields = {name: list(v) if isinstance(v, tuple) else v for name, v in vars(preprocessing).items()}
    names = {field.name for field in dataclasses.fields(preprocessing)}
    return {"kind": preprocessing.kind, **{name: v for name, v in fields.items() if name in names}}
