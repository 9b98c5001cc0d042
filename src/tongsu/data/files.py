"""Pictures that are too many for the memory stay in their files and are decoded when their batch comes.

Threads decode a few batches ahead: Pillow works outside Python's lock, nothing has to be copied between processes, and
what is in memory is these few batches, however large the folder is.
Letters used in shapes: N pictures, B batch, C channels, H height, W width.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, overload

import torch
from torch import Tensor

from tongsu.data.preprocessing import Images
from tongsu.errors import Problem

AHEAD, AHEAD_BYTES = 3, 32_000_000  # batches that are decoded before they are asked for, if they are not large
USUAL = 2_000_000_000  # bytes, on a system that does not tell how much memory it has
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}


def memory_limit() -> int:
    """Bytes that decoded pictures may take in memory: `TONGSU_MEMORY` (such as 500MB or 4GB), otherwise a quarter of
    what the machine has. Raises Problem when the variable says neither."""
    asked = os.environ.get("TONGSU_MEMORY", "").strip()
    if not asked:
        try:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
        except (AttributeError, ValueError, OSError):
            return USUAL
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kmgt]?)b?", asked.lower())
    if not found:
        raise Problem("data.memory_limit", text=asked)
    return int(float(found[1]) * UNITS[found[2]])


def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(8, os.cpu_count() or 1))


@dataclass(frozen=True)
class Files:
    """Stands where `Split.inputs` has a tensor (N, C, H, W) uint8: the same questions, the same answers, pixel for
    pixel. Raises Problem, naming the file, when one has gone or broken since it was looked at."""

    paths: tuple[Path, ...]
    reader: Images

    dtype: ClassVar[torch.dtype] = torch.uint8
    device: ClassVar[torch.device] = torch.device("cpu")

    @property
    def shape(self) -> torch.Size:
        return torch.Size((len(self.paths), self.reader.channels, self.reader.height, self.reader.width))

    def numel(self) -> int:
        return self.shape.numel()

    def __len__(self) -> int:
        return len(self.paths)

    @overload
    def __getitem__(self, at: int) -> Tensor: ...
    @overload
    def __getitem__(self, at: slice | Tensor | Sequence[int]) -> Tensor: ...
    def __getitem__(self, at: int | slice | Tensor | Sequence[int]) -> Tensor:
        """One picture (C, H, W), or several (B, C, H, W)."""
        if isinstance(at, int):
            return self.reader.read(self.paths[at])
        places = torch.arange(len(self))[at if isinstance(at, slice | Tensor) else list(at)]
        return next(self.batches([places])) if len(places) else torch.empty(0, *self.shape[1:], dtype=self.dtype)

    def __iter__(self) -> Iterator[Tensor]:
        for batch in self.split(64):
            yield from batch

    def split(self, size: int) -> Iterator[Tensor]:
        """All of them in order, `size` at once."""
        return self.batches(torch.arange(len(self)).split(size))

    def batches(self, orders: Iterable[Tensor]) -> Iterator[Tensor]:
        """The pictures at each of the positions (B,), decoded ahead by threads -> (B, C, H, W)."""
        waiting: deque[list[Future[Tensor]]] = deque()
        each = max(self.shape[1:].numel(), 1)
        pool = threads()
        try:
            for places in orders:
                waiting.append([pool.submit(self.reader.read, self.paths[at]) for at in places.tolist()])
                if len(waiting) > min(AHEAD, AHEAD_BYTES // (each * len(places))):
                    yield torch.stack([picture.result() for picture in waiting.popleft()])
            while waiting:
                yield torch.stack([picture.result() for picture in waiting.popleft()])
        finally:
            pool.shutdown(cancel_futures=True)
