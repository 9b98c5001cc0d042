"""Arrays on their way to a page: small ones as numbers that a person can read, large ones as bytes in base64."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

SMALL = 64  # numbers


def pack(array: Any) -> dict[str, Any]:
    """{"shape", "dtype", "values" or "data"}; data are little endian, row by row. Floats become float32."""
    values = np.ascontiguousarray(array)
    if values.dtype.kind == "f":
        values = values.astype("<f4")
    elif values.dtype != np.uint8:
        values = values.astype("<i4")
    described = {"shape": list(np.shape(array)), "dtype": values.dtype.name}
    if values.size <= SMALL and (values.dtype.kind != "f" or np.isfinite(values).all()):
        return {**described, "values": values.ravel().tolist()}
    return {**described, "data": base64.b64encode(values.tobytes()).decode()}
