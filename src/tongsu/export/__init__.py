"""A run leaves home: as ONNX, as plain safetensors, or as a folder in the manner of the Hugging Face hub.

What leaves is checked first: the exported model is run on real inputs of the run's own test split and compared with
the run. Only then does the folder get its name; what fails leaves nothing behind.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tongsu.errors import Problem
from tongsu.export import folder as plain
from tongsu.export import onnx_file
from tongsu.learned import Learned
from tongsu.runs.atomic import guarded, make_folder

__all__ = ["FORMATS", "export"]

FORMATS = ("onnx", "safetensors", "hf")


def export(learned: Learned, to: str, folder: Path | None = None, quantize: str | None = None) -> dict[str, Any]:
    """Write the run as `to` into `folder` (the run's own `export/<to>` unless named) and say what was written.

    Raises Problem for an unknown form, a folder that holds something else, or data that are no longer there to
    check with; Failure when the exported model does not answer as the run does.
    """
    if to not in FORMATS:
        raise Problem("export.unknown_format", format=to, known=", ".join(FORMATS))
    if quantize not in (None, "int8") or (quantize and to != "onnx"):
        raise Problem("export.unknown_quantization", asked=quantize)
    folder = folder or learned.run.path / "export" / to
    with whole(folder) as place:
        if to == "onnx":
            answer = onnx_file.write(learned, place, quantize)
        else:
            answer = plain.write(learned, place, card=to == "hf")
    sizes = {path.name: path.stat().st_size for path in sorted(folder.iterdir())}
    return {"run": str(learned.run.path), "format": to, "folder": str(folder), "files": sizes, **answer}


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A folder that appears when it is complete, in the place of an earlier export but of nothing else."""
    if folder.exists() and not (folder / plain.DESCRIPTION).is_file() and any(folder.iterdir()):
        raise Problem("export.folder_taken", folder=folder)
    make_folder(folder.parent)
    place = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    with guarded(folder.parent):
        place.mkdir()
        try:
            yield place
            shutil.rmtree(folder, ignore_errors=True)
            place.replace(folder)
        finally:
            shutil.rmtree(place, ignore_errors=True)
