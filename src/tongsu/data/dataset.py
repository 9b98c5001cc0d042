"""What every data set looks like to the rest of Tongsu.

Letters used in shapes: N examples, C channels, H height, W width, T tokens, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from tongsu.data.preprocessing import Preprocessing


@dataclass(frozen=True)
class Split:
    """One part of a data set, raw and compact: `Preprocessing.scale` turns inputs into what a model reads.

    inputs: images (N, C, H, W) uint8; or tokens (N, T) int32, padded at the front; or points (N, D) float32.
    targets: class indices (N,) int64.
    texts: for text, what the person wrote, one string for each example; empty for other data.
    files: for a folder of pictures, where each one lies; empty for other data.
    """

    inputs: Tensor
    targets: Tensor
    texts: tuple[str, ...] = ()
    files: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.targets)


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test data that share labels and preprocessing.

    test_split: says in one sentence what the test examples are, for reports.
    fingerprint: sha256 over the source files' hashes and the arguments, so that a run can tell its data.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    labels: tuple[str, ...]
    preprocessing: Preprocessing
    test_split: str
    fingerprint: str
