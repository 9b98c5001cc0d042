"""Small data made on the spot, for every kind of model: no download, a fraction of a second."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from tongsu.data.dataset import Dataset, Split


@dataclass(frozen=True)
class AsIs:
    """A preprocessing that only changes the type."""

    kind: str
    values: dict[str, Any]

    def read(self, raw: Any) -> Tensor:
        return torch.as_tensor(raw)

    def scale(self, inputs: Tensor) -> Tensor:
        return inputs.long() if self.kind == "text" else inputs.float() / 127.5 - 1

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.values}


def images(count: int = 300) -> Dataset:
    """Ten classes: a bright bar whose place is the digit."""
    chance = torch.Generator().manual_seed(0)
    targets = torch.randint(0, 10, (count,), generator=chance)
    pixels = torch.randint(0, 60, (count, 1, 28, 28), generator=chance, dtype=torch.uint8)
    for i, target in enumerate(targets.tolist()):
        pixels[i, 0, :, 2 * target + 4 : 2 * target + 6] = 250
    labels = tuple(str(digit) for digit in range(10))
    return _dataset(pixels, targets, labels, AsIs("images", {}))


def sentences(count: int = 300) -> Dataset:
    """Two classes: the word 5 says yes, the word 6 says no; 1 to 20 words, padded at the front."""
    chance = torch.Generator().manual_seed(1)
    targets = torch.randint(0, 2, (count,), generator=chance)
    tokens = torch.zeros(count, 20, dtype=torch.int32)
    for i, target in enumerate(targets.tolist()):
        length = int(torch.randint(1, 21, (1,), generator=chance))
        words = torch.randint(7, 50, (length,), generator=chance)
        words[int(torch.randint(0, length, (1,), generator=chance))] = 5 + target
        tokens[i, 20 - length :] = words
    return _dataset(tokens, targets, ("no", "yes"), AsIs("text", {"vocabulary": list(range(50))}))


def _dataset(inputs: Tensor, targets: Tensor, labels: tuple[str, ...], preprocessing: AsIs) -> Dataset:
    third = len(targets) // 5
    parts = [slice(2 * third, None), slice(0, third), slice(third, 2 * third)]
    train, validation, test = (Split(inputs[part], targets[part]) for part in parts)
    return Dataset("made", train, validation, test, labels, preprocessing, "made on the spot", "0" * 64)


@pytest.fixture(scope="session")
def made_images() -> Dataset:
    return images()


@pytest.fixture(scope="session")
def made_sentences() -> Dataset:
    return sentences()
