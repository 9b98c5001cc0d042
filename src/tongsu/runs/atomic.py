"""The only way anything reaches disk: whole or not at all.

A temporary file in the same folder -> fsync -> `os.replace` -> fsync of the folder. Whoever is killed
in between leaves at most a hidden temporary file behind; what stood there before still stands.
What need not outlive a power cut (`lasting=False`) goes without the two fsyncs, most of the time of a small file.

Raises Problem, naming the folder and the space left, when the disk is full, the folder is read-only, or
permission is missing.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tongsu.errors import Problem

if TYPE_CHECKING:
    from torch import Tensor

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
DENIED = {errno.EACCES, errno.EPERM}


def write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    write_text(path, json_text(value, indent=2) + "\n")


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None, *, lasting: bool = True
) -> None:
    """A safetensors file. Tensors may live on any device, share memory and have any layout."""
    from safetensors import SafetensorError, TensorSpec, serialize_file

    plain = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    # Not `safetensors.torch.save_file`: it takes longer to look for shared memory than to write a small net. The
    # addresses hold as long as `plain` does.
    specs = {
        name: TensorSpec(
            dtype=str(value.dtype).removeprefix("torch."),
            shape=value.shape,
            data_ptr=value.data_ptr(),
            data_len=value.nbytes,
        )
        for name, value in plain.items()
    }

    def write(place: Path) -> None:
        try:
            serialize_file(specs, place, dict(metadata or {}) or None)
        except SafetensorError as error:  # it tells the system's error number in words only
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]) if number else 0, str(error)) from None

    if lasting:
        with replacing(path) as temporary:
            write(temporary)
    else:  # whole or not at all too: safetensors writes a file of its own beside `path` and renames it
        make_folder(path.parent)
        with guarded(path.parent):
            write(path)


def append_line(path: Path, text: str) -> None:
    """Add one line in one write call, so that lines of many processes never mix."""
    data = text.encode() + b"\n"
    with guarded(path.parent):
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            if os.lseek(file, 0, os.SEEK_END):
                os.lseek(file, -1, os.SEEK_END)
                # Whoever wrote last was killed, or the disk was full; or is writing, and gets an empty line.
                if os.read(file, 1) != b"\n":
                    data = b"\n" + data
            if os.write(file, data) < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        finally:
            os.close(file)


def replace_file(temporary: Path, path: Path) -> None:
    """Put a finished file of the same folder in the place of `path`, lasting through a power cut."""
    with guarded(path.parent):
        _sync(temporary)
        temporary.replace(path)
        _sync(path.parent)


def make_folder(path: Path) -> None:
    with guarded(path):
        path.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file to be written inside the block; afterwards it takes the place of `path`."""
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name[:80]}.{secrets.token_hex(4)}.tmp")
    with guarded(path.parent):
        try:
            os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            yield temporary
            replace_file(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


@contextlib.contextmanager
def guarded(folder: Path) -> Iterator[None]:
    """Turn what the system says about writing into `folder` into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise Problem("runs.disk_full", folder=folder, free=free_space(folder)) from error
        if error.errno == errno.EROFS:
            raise Problem("runs.read_only", folder=folder) from error
        if error.errno in DENIED:
            raise Problem("runs.no_permission", folder=folder) from error
        raise Problem("runs.cannot_write", folder=folder, reason=error.strerror or error) from error


def free_space(folder: Path) -> str:
    """What is left on the disk of `folder`, or of the nearest folder above that stands."""
    for place in (folder, *folder.absolute().parents):
        if place.exists():
            return size_text(shutil.disk_usage(place).free)
    return "?"


def size_text(count: float) -> str:
    """3 significant digits or so: 512 B, 1.5 KB, 240 MB."""
    units = ["TB", "GB", "MB", "KB", "B"]
    while count >= 1000 and len(units) > 1:
        count /= 1000
        units.pop()
    return f"{count:.0f} {units[-1]}" if units[-1] == "B" or count >= 100 else f"{count:.1f} {units[-1]}"


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON as the standard has it: numbers that are not finite become null."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, indent=indent)
    except ValueError:
        return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False, indent=indent)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sync(path: Path) -> None:
    """Have the system bring a file, or a folder's list of names, to the disk."""
    if path.is_dir() and os.name == "nt":  # Windows cannot, and need not
        return
    number = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
