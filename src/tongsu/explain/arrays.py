"""What a view answers with: a frozen dataclass of NumPy arrays that say what their axes are, and the same as JSON.

    @dataclass(frozen=True)
    class Unit:
        terms: np.ndarray = array("term")

A field may also be a number, a text, None, another such dataclass, or a tuple of any of these.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor

SMALL = 64  # numbers; more travel as base64 of little-endian bytes


def array(*axes: str) -> Any:
    """A field that is an array with the named axes (or a tuple of arrays that share them)."""
    return dataclasses.field(metadata={"axes": axes})


def plain(tensor: Tensor) -> np.ndarray:
    """A tensor as a NumPy array of its own: floats in double precision, integers as int64."""
    found = tensor.detach().cpu()
    return np.array((found.double() if found.is_floating_point() else found).numpy(), copy=True, order="C")


def as_json(answer: Any) -> dict[str, Any]:
    """Field by field: numbers and texts as they are, arrays as {"shape", "dtype", "axes", "values" or "data"}.

    dtype is float32, int32, or uint8 (of True and False); `values` is one flat list with null for what is no number,
    `data` base64 of little-endian bytes, row by row.
    """
    return {
        field.name: _jsonable(getattr(answer, field.name), field.metadata.get("axes", ()))
        for field in dataclasses.fields(answer)
    }


def _jsonable(value: Any, axes: tuple[str, ...]) -> Any:
    if isinstance(value, np.ndarray):
        return packed(value, axes)
    if isinstance(value, tuple | list):
        return [_jsonable(part, axes) for part in value]
    if dataclasses.is_dataclass(value):
        return as_json(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def packed(value: np.ndarray, axes: tuple[str, ...] = ()) -> dict[str, Any]:
    byte = value.dtype in (np.dtype(bool), np.dtype(np.uint8))
    kind = "float32" if value.dtype.kind == "f" else "uint8" if byte else "int32"
    told: dict[str, Any] = {"shape": list(value.shape), "dtype": kind, "axes": list(axes)}
    small = np.ascontiguousarray(value, dtype={"float32": "<f4", "uint8": "u1", "int32": "<i4"}[kind])
    if value.size > SMALL:
        return {**told, "data": base64.b64encode(small.tobytes()).decode("ascii")}
    flat = small.ravel().tolist()
    return {**told, "values": [None if isinstance(v, float) and not np.isfinite(v) else v for v in flat]}


def rows(answer: Any, prefix: str = "") -> Iterator[dict[str, Any]]:
    """The same as a table (CSV): one row a number, with its place along each named axis."""
    for field in dataclasses.fields(answer):
        yield from _rows(getattr(answer, field.name), prefix + field.name, field.metadata.get("axes", ()))


def _rows(value: Any, name: str, axes: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    if isinstance(value, np.ndarray):
        for place in np.ndindex(value.shape):
            at = {axes[n] if n < len(axes) else f"axis {n}": p for n, p in enumerate(place)}
            yield {"field": name, **at, "value": value[place].item()}
    elif isinstance(value, tuple | list):
        for number, part in enumerate(value):
            yield from _rows(part, f"{name}.{number}", axes)
    elif dataclasses.is_dataclass(value):
        yield from rows(value, f"{name}.")
    elif value is not None:
        yield {"field": name, "value": value.item() if isinstance(value, np.generic) else value}
