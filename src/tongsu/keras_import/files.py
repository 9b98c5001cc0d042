"""The two kinds of file that Keras writes, read as data: `.keras` (a zip archive) and whole-model `.h5`.

Nothing that a file contains is executed, nothing is unpacked to disk, and what looks odd is refused: paths
that lead outside, links, sizes that do not fit, arrays that lie in other files.
"""

from __future__ import annotations

import io
import json
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from torch import Tensor

from tongsu.errors import Problem

LARGEST, LARGEST_CONFIG, MOST_FILES, LARGEST_RATIO = 2 * 2**30, 2**24, 10_000, 100
PLAIN_FILTERS = {1, 2, 3, 32000}  # gzip, shuffle, checksum, lzf; others would load code from elsewhere

# (the layer's name, its group in an archive, the places of its arrays there) to its arrays
Fetch = Callable[[str, str, list[str]], list[Tensor]]


@contextmanager
def opened(file: Path) -> Iterator[tuple[dict[str, Any], Fetch]]:
    """The architecture as the file tells it, and a function that fetches a layer's weights.

    Raises Problem when the file is missing, too large, no Keras model, unsafe or broken.
    """
    if not file.is_file():
        raise Problem("keras.missing", file=file)
    if file.stat().st_size > LARGEST:
        raise Problem("keras.too_large", file=file, limit="2 GB")
    try:
        if zipfile.is_zipfile(file):
            config, packed = unpack(file)
            with h5py.File(io.BytesIO(packed), "r") as weights:
                yield parsed(file, config), archive_weights(file, weights)
        elif h5py.is_hdf5(file):
            with h5py.File(file, "r") as whole:
                if "model_config" not in whole.attrs or "model_weights" not in whole:
                    raise Problem("keras.weights_only", file=file)
                yield parsed(file, whole.attrs["model_config"]), legacy_weights(file, whole)
        else:
            raise Problem("keras.not_keras", file=file)
    except Problem:
        raise
    except (
        Exception,
        RecursionError,
    ) as error:  # a damaged file ends in many ways inside zipfile, json and h5py
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise Problem("keras.broken", file=file, reason=reason) from None


def parsed(file: Path, config: str | bytes) -> dict[str, Any]:
    if len(config) > LARGEST_CONFIG:
        raise Problem("keras.too_large", file=file, limit="16 MB")
    return json.loads(config)


def unpack(file: Path) -> tuple[bytes, bytes]:
    """config.json and model.weights.h5, in memory; an archive with anything odd in it is refused."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        if len(members) > MOST_FILES:
            raise Problem("keras.unsafe_archive", file=file, member=f"{len(members)} files")
        seen: set[str] = set()
        for member in members:
            parts = re.split(r"[/\\]", member.filename)
            outside = ".." in parts or parts[0] == "" or ":" in parts[0]
            kind = stat.S_IFMT(member.external_attr >> 16)
            if outside or member.filename in seen or kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise Problem("keras.unsafe_archive", file=file, member=member.filename)
            seen.add(member.filename)
        for needed in ("config.json", "model.weights.h5"):
            if needed not in seen:
                raise Problem("keras.no_member", file=file, member=needed)
        return (
            content(file, archive, "config.json", LARGEST_CONFIG),
            content(file, archive, "model.weights.h5", LARGEST),
        )


def content(file: Path, archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """A member's bytes. Its header may lie about the size, so the limit counts what really comes out."""
    limit = min(limit, max(archive.getinfo(name).compress_size * LARGEST_RATIO, 4096))
    with archive.open(name) as member:
        found = member.read(limit + 1)
    if len(found) > limit:
        raise Problem("keras.unsafe_archive", file=file, member=name)
    return found


def archive_weights(file: Path, weights: h5py.File) -> Fetch:
    """In an archive groups are named by kind and order, arrays by order: layers/dense_1/vars/0."""

    def fetch(layer: str, group: str, places: list[str]) -> list[Tensor]:
        return [array(file, weights, f"layers/{group}/{place}", layer) for place in places]

    return fetch


def legacy_weights(file: Path, whole: h5py.File) -> Fetch:
    """In a whole-model file the layer's own group lists its arrays by name."""

    def fetch(layer: str, group: str, places: list[str]) -> list[Tensor]:
        owner = lies_here(file, whole, f"model_weights/{layer}", layer)
        listed = owner.attrs.get("weight_names", ()) if isinstance(owner, h5py.Group) else ()
        names = [name.decode() if isinstance(name, bytes) else str(name) for name in listed]
        if len(names) != len(places):
            raise Problem("keras.weights_missing", file=file, layer=layer, weight=", ".join(places))
        return [array(file, whole, f"model_weights/{layer}/{name}", layer) for name in names]

    return fetch


def array(file: Path, root: h5py.File, place: str, layer: str) -> Tensor:
    """One array of finite floats that really lies in this file."""

    def unsafe(reason: str) -> Problem:
        return Problem("keras.unsafe_weights", file=file, layer=layer, reason=reason)

    node = lies_here(file, root, place, layer)
    if not isinstance(node, h5py.Dataset) or node.dtype.kind != "f":
        raise unsafe("not an array of floats")
    if node.is_virtual or node.external:
        raise unsafe("external data")
    plan = node.id.get_create_plist()
    if {plan.get_filter(i)[0] for i in range(plan.get_nfilters())} - PLAIN_FILTERS:
        raise unsafe("unknown filter")
    if node.nbytes > min(LARGEST, LARGEST_RATIO * max(node.id.get_storage_size(), 64)):
        raise unsafe(f"{node.nbytes} bytes out of {node.id.get_storage_size()}")
    values = np.asarray(node[()], dtype=np.float32)
    if not np.isfinite(values).all():
        raise Problem("keras.not_finite", file=file, layer=layer)
    return torch.from_numpy(values)


def lies_here(file: Path, root: h5py.File, place: str, layer: str) -> Any:
    """The group or array at `place`, reached without following a link: it may lead to another file."""
    node: Any = root
    for part in place.split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            raise Problem("keras.weights_missing", file=file, layer=layer, weight=place)
        if not isinstance(link, h5py.HardLink):
            raise Problem("keras.unsafe_weights", file=file, layer=layer, reason="link")
        node = node[part]
    return node
