"""Weights that other people's programs wrote, read as data: safetensors, PyTorch's .pt/.pth/.bin, Keras's .h5.

Nothing in a file is executed. What a file is shows its content, not its name. A PyTorch file is a pickle: it is
read by `torch.load(weights_only=True)`, which builds tensors and plain containers and nothing else, and there is no
other way when that one refuses.
"""

from __future__ import annotations

import math
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tongsu.errors import Problem

Weights = dict[str, Tensor]

LARGEST, LARGEST_HEADER, LARGEST_PICKLE = 2 * 2**30, 2**24, 2**24
MOST_TENSORS, MOST_FILES, LARGEST_RATIO = 5_000, 10_000, 100
PLAIN_FILTERS = {1, 2, 3, 32000}  # gzip, shuffle, checksum, lzf; others would load code from elsewhere
TYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64, torch.int64)
WRAPPERS = ("state_dict", "model_state_dict", "model", "state_dict_ema")  # where training scripts put the weights


def read_weights(file: Path) -> Weights:
    """Names and arrays of a weights file; floating ones as float32, all of them finite.

    Raises Problem when the file is missing, too large, of another kind, damaged, or holds anything but weights.
    """
    if not file.is_file():
        raise Problem("pretrained.missing", file=file)
    if (size := file.stat().st_size) > LARGEST:
        raise Problem("pretrained.too_large", file=file, limit="2 GB")
    with file.open("rb") as opened:
        start = opened.read(16)
    try:
        if h5py.is_hdf5(file):
            weights = _from_hdf5(file)
        elif len(start) >= 9 and start[8:9] == b"{":
            weights = _from_safetensors(file, int.from_bytes(start[:8], "little"), size)
        elif start[:4] == b"PK\x03\x04":
            _check_archive(file)
            weights = _from_pickle(file)
        elif start[:1] == b"\x80":
            weights = _from_pickle(file)
        else:
            raise Problem("pretrained.not_weights", file=file)
    except Problem:
        raise
    except (Exception, RecursionError) as error:  # a damaged file ends in many ways inside zipfile, torch and h5py
        raise Problem("pretrained.broken", file=file, reason=_short(error)) from None
    return {name: _checked(file, name, value) for name, value in weights.items()}


def _from_safetensors(file: Path, header: int, size: int) -> Weights:
    if header > min(LARGEST_HEADER, size - 8):
        raise Problem("pretrained.header", file=file, header=f"{header:,}", size=f"{size:,}")
    try:
        with safe_open(file, framework="pt") as opened:
            names = list(opened.keys())
            _check_count(file, len(names))
            return {name: opened.get_tensor(name).clone() for name in names}
    except SafetensorError as error:
        raise Problem("pretrained.broken", file=file, reason=_short(error)) from None


def _check_archive(file: Path) -> None:
    """PyTorch stores its arrays without compression: an archive that swells is a bomb."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        whole = sum(member.file_size for member in members)
        if len(members) > MOST_FILES or whole > min(LARGEST, LARGEST_RATIO * max(file.stat().st_size, 4096)):
            raise Problem("pretrained.bomb", file=file, files=f"{len(members):,}", size=f"{whole:,}")
        pickles = [member for member in members if member.filename.endswith("data.pkl")]
        if len(pickles) != 1 or len({member.filename for member in members}) != len(members):
            raise Problem("pretrained.not_weights", file=file)
        if pickles[0].file_size > LARGEST_PICKLE:
            raise Problem("pretrained.bomb", file=file, files=len(members), size=f"{pickles[0].file_size:,}")
        if any(member.filename.split("/")[1:2] == ["code"] for member in members):
            raise Problem("pretrained.program", file=file)


def _from_pickle(file: Path) -> Weights:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch's advice on old formats; what matters is raised
        try:
            found: Any = torch.load(file, map_location="cpu", weights_only=True)
        except RecursionError as error:
            raise Problem("pretrained.broken", file=file, reason=_short(error)) from None
        except Exception as error:
            kind = "unsafe_pickle" if "weights_only" in str(error).lower() else "broken"
            raise Problem(f"pretrained.{kind}", file=file, reason=_refused(error)) from None
    for _ in range(3):
        inner = [found[key] for key in WRAPPERS if isinstance(found, Mapping) and isinstance(found.get(key), Mapping)]
        found = inner[0] if inner else found
    if not isinstance(found, Mapping) or not found:
        raise Problem("pretrained.not_weights", file=file)
    _check_count(file, len(found))
    for name, value in found.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise Problem("pretrained.not_a_tensor", file=file, name=str(name)[:80], kind=type(value).__name__)
        if value.layout != torch.strided or value.is_quantized or value.device.type != "cpu":
            raise Problem("pretrained.not_a_tensor", file=file, name=name, kind=str(value.layout))
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():  # one number said to be a billion
            raise Problem("pretrained.bomb", file=file, files=name, size=f"{value.numel() * value.element_size():,}")
    return {name: value.detach().clone() for name, value in found.items()}


def _from_hdf5(file: Path) -> Weights:
    """Every array of a Keras .h5 by its place, `layer/weight`; links, foreign files and odd filters are refused."""
    weights: Weights = {}
    with h5py.File(file, "r") as whole:
        if "model_config" in whole.attrs and '"Lambda"' in str(whole.attrs["model_config"]):
            raise Problem("pretrained.program", file=file)
        root = "model_weights" if "model_weights" in whole else ""
        waiting = [(root, _group(file, whole, root))]
        while waiting:
            place, group = waiting.pop()
            for name in group:
                inner = f"{place}/{name}".lstrip("/")
                if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                    raise Problem("pretrained.unsafe_array", file=file, name=inner, reason="link")
                node = group[name]
                if isinstance(node, h5py.Group):
                    if inner.count("/") > 8:
                        raise Problem("pretrained.unsafe_array", file=file, name=inner, reason="depth")
                    waiting.append((inner, node))
                else:
                    weights[inner.removeprefix("model_weights/")] = _array(file, node, inner)
                _check_count(file, len(weights) + len(waiting))
    return weights


def _group(file: Path, whole: h5py.File, root: str) -> h5py.Group:
    if not root:
        return whole
    if not isinstance(whole.get(root, getlink=True), h5py.HardLink) or not isinstance(whole[root], h5py.Group):
        raise Problem("pretrained.unsafe_array", file=file, name=root, reason="link")
    return whole[root]


def _array(file: Path, node: Any, name: str) -> Tensor:
    def unsafe(reason: str) -> Problem:
        return Problem("pretrained.unsafe_array", file=file, name=name, reason=reason)

    if not isinstance(node, h5py.Dataset) or node.dtype.kind not in "fiu":
        raise unsafe("no array of numbers")
    if node.is_virtual or node.external:
        raise unsafe("external data")
    plan = node.id.get_create_plist()
    if {plan.get_filter(i)[0] for i in range(plan.get_nfilters())} - PLAIN_FILTERS:
        raise unsafe("unknown filter")
    if node.nbytes > min(LARGEST, LARGEST_RATIO * max(node.id.get_storage_size(), 64)):
        raise unsafe(f"{node.nbytes} bytes out of {node.id.get_storage_size()}")
    return torch.from_numpy(np.asarray(node[()], dtype=np.float32))


def _check_count(file: Path, count: int) -> None:
    if not 0 < count <= MOST_TENSORS:
        raise Problem("pretrained.not_weights", file=file)


def _checked(file: Path, name: str, value: Tensor) -> Tensor:
    if value.dtype not in TYPES or value.dim() > 5 or math.prod(value.shape) == 0:
        kind = f"{value.dtype} {list(value.shape)}".removeprefix("torch.")
        raise Problem("pretrained.not_a_tensor", file=file, name=name, kind=kind)
    if value.dtype == torch.int64:
        return value
    value = value.float()
    if not bool(torch.isfinite(value).all()):
        raise Problem("pretrained.not_finite", file=file, name=name)
    return value


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__


def _refused(error: BaseException) -> str:
    """The one part of torch's long message that says what the file wanted, `os.system` say; never its advice."""
    wanted = re.search(r"(?:GLOBAL|REDUCE|BUILD|class) ([\w.<>]+)", str(error))
    return wanted[1] if wanted else type(error).__name__
