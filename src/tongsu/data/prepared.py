"""Work that need not be done twice: tokenised texts and decoded pictures, kept as safetensors in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tongsu.data.sources import home
from tongsu.runs.atomic import write_tensors

Tensors = dict[str, Tensor]
Prepared = tuple[Tensors, dict[str, Any]]
VERSION = 1  # raise it when the way in which data are prepared changes


def fingerprint(*parts: Any) -> str:
    """sha256 over source hashes and arguments: the same fingerprint, the same data."""
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def remembered(name: str, key: Sequence[Any], make: Callable[[], Prepared]) -> Prepared:
    """What `make` returns, made once for each key. A damaged or foreign file is made anew."""
    path = home() / "prepared" / f"{name}-{fingerprint(VERSION, *key)[:16]}.safetensors"
    try:
        with safe_open(path, framework="pt") as file:
            names = file.keys()
            return {name: file.get_tensor(name) for name in names}, json.loads(file.metadata()["info"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError):
        tensors, info = make()
        write_tensors(path, tensors, {"info": json.dumps(info, ensure_ascii=False)})
        return tensors, info


def pack(texts: Sequence[str]) -> Tensors:
    """Texts as UTF-8 bytes one after another, and where each ends."""
    encoded = [text.encode("utf-8", "replace") for text in texts]
    ends = torch.tensor([len(part) for part in encoded], dtype=torch.int64).cumsum(0)
    return {"texts": torch.frombuffer(bytearray(b"".join(encoded) or b" "), dtype=torch.uint8), "ends": ends}


def unpack(tensors: Tensors) -> tuple[str, ...]:
    joined, ends = tensors["texts"].numpy().tobytes(), [0, *tensors["ends"].tolist()]
    return tuple(joined[a:b].decode("utf-8") for a, b in zip(ends, ends[1:], strict=False))
