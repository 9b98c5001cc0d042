"""How the studio and a training process speak: through four small files that outlive both.

    runs/.studio/NAME/
        request.json    what to train (written once, before the process starts)
        commands.jsonl  what the page asks: one line each, only ever appended
        state.json      what the process says of itself: replaced whole
        lock            held as long as the process lives; the system lets go of it however the process ends
        log.txt         what the process printed: for the day something breaks

So a studio that is started anew finds its trainings, two studios may look after the same one, and a training never
waits for anybody.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from tongsu.runs.atomic import append_line, make_folder, write_json
from tongsu.runs.store import Run

FOLDER = ".studio"  # inside the runs' folder; names that begin with a dot are no runs
STARTING = 10.0  # seconds that a process may take to come alive
Condition = Literal["preparing", "running", "paused", "stopping", "finished", "stopped", "failed"]
BUSY = ("preparing", "running", "paused", "stopping")


@dataclass(frozen=True)
class State:
    """What a training process says of itself. `lr`, `parts`: what a person changed; None: as the recipe says.
    `obeyed`: how many commands it has carried out. `begun`: it is the process itself that speaks.
    `result`: what a server has to show, its process number and its address."""

    state: Condition
    step: int = 0
    lr: float | None = None
    parts: tuple[str, ...] | None = None
    error: dict[str, str] | None = None
    obeyed: int = 0
    begun: bool = False
    result: dict[str, Any] | None = None


@dataclass(frozen=True)
class Channel:
    """Only a path, like a run; both sides hold one."""

    path: Path

    @staticmethod
    def of(run: Run) -> Channel:
        return Channel(run.path.parent / FOLDER / run.name)

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def open(self, request: dict[str, Any]) -> None:
        """Begin anew: nothing of an earlier training of this name is left."""
        with suppress(FileNotFoundError):
            shutil.rmtree(self.path)
        make_folder(self.path)
        write_json(self.path / "request.json", request)

    def request(self) -> dict[str, Any]:
        return json.loads((self.path / "request.json").read_bytes())

    def close(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)

    def tell(self, state: State) -> None:
        write_json(self.path / "state.json", asdict(state))

    def state(self) -> State | None:
        try:
            values = json.loads((self.path / "state.json").read_bytes())
        except (OSError, ValueError):
            return None
        parts = values.get("parts")
        return State(**{**values, "parts": tuple(parts) if parts is not None else None})

    def ask(self, command: dict[str, Any]) -> int:
        """Append a command; its number, from 1 (or later, if somebody else asked at the same moment)."""
        append_line(self.path / "commands.jsonl", json.dumps(command))
        return sum(1 for _ in self.commands(0)[0])

    def commands(self, position: int) -> tuple[list[dict[str, Any]], int]:
        """The whole lines from a position in bytes on, and the position after them."""
        try:
            with (self.path / "commands.jsonl").open("rb") as file:
                if file.seek(0, os.SEEK_END) == position:
                    return [], position
                file.seek(position)
                block = file.read()
        except FileNotFoundError:
            return [], position
        whole = block[: block.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines() if line.strip()], position + len(whole)

    @contextmanager
    def living(self) -> Iterator[None]:
        """Hold the lock inside the block. Raises OSError when another process holds it."""
        with (self.path / "lock").open("ab") as file:
            _lock(file.fileno())
            yield

    def alive(self) -> bool:
        """Whether the process lives, or was begun a moment ago and has not come to itself yet. Only then is the lock
        tried: nobody may stand in its way while it takes it."""
        said = self.state()
        if said is None or not said.begun:
            return said is not None and self._young()
        try:
            with (self.path / "lock").open("r+b") as file:
                _lock(file.fileno())
        except FileNotFoundError:
            return False
        except OSError:
            return True
        return False

    def _young(self) -> bool:
        return time.time() - self.told_at() < STARTING

    def told_at(self) -> float:
        """When the state was told, in seconds since 1970."""
        with suppress(OSError):
            return (self.path / "state.json").stat().st_mtime
        return 0.0


def _lock(file: int) -> None:
    """Take the lock of an open file, or raise OSError; it ends with the file, or with the process."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
