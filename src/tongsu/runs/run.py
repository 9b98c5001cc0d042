"""One training record: a folder that a person can read, copy, move and delete.

    recipe.json         everything that defines the training
    environment.json    versions, processor, threads: what a figure depends on besides the recipe
    preprocessing.json  how raw data become model input, and the labels
    events.jsonl        what happened, one line each, with the time of day
    checkpoints/        full states; frames/ weights along the way
    weights.safetensors what the run answers with
    results.json        the metrics; pictures/ and card.md: for people
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tongsu.errors import Problem
from tongsu.runs.atomic import append_line, json_text, write_json

Values = dict[str, Any]
Columns = dict[str, list[float]]
Status = Literal["new", "training", "interrupted", "finished"]

QUIET = 120.0  # seconds without an event after which nobody can be training any more
TAIL = 65536  # bytes at the end of the events in which the last one is looked for


def status_of(last_event: str | None, at: float, has_results: bool) -> Status:
    """What the last event, told at `at` (seconds since 1970), says about a run."""
    if last_event is None:
        return "finished" if has_results else "new"
    if last_event in ("Finished", "Stopped"):
        return "finished" if last_event == "Finished" else "interrupted"
    return "training" if time.time() - at < QUIET else "interrupted"


@dataclass(frozen=True)
class Run:
    """Only a path: every question is answered from the folder, so many processes may ask at any moment.

    Raises Problem when a file is damaged, or cannot be written.
    """

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def checkpoints_folder(self) -> Path:
        return self.path / "checkpoints"

    @property
    def frames_folder(self) -> Path:
        return self.path / "frames"

    @property
    def pictures(self) -> Path:
        return self.path / "pictures"

    @property
    def card(self) -> Path:
        return self.path / "card.md"

    @property
    def weights(self) -> Path:
        return self.path / "weights.safetensors"

    def recipe(self) -> Values:
        return self._read("recipe.json")

    def environment(self) -> Values:
        return self._read("environment.json")

    def preprocessing(self) -> Values:
        return self._read("preprocessing.json")

    def results(self) -> Values:
        """Empty until the training has finished."""
        return self._read("results.json") if (self.path / "results.json").exists() else {}

    def write_recipe(self, recipe: Values) -> None:
        write_json(self.path / "recipe.json", recipe)

    def write_environment(self, environment: Values) -> None:
        write_json(self.path / "environment.json", environment)

    def write_preprocessing(self, preprocessing: Values) -> None:
        write_json(self.path / "preprocessing.json", preprocessing)

    def write_results(self, results: Values) -> None:
        write_json(self.path / "results.json", results)

    def append(self, event: Values) -> None:
        """Add an event; many processes may. The time of day goes with it as `time`, seconds since 1970."""
        append_line(self.path / "events.jsonl", json_text({**event, "time": round(time.time(), 3)}))

    def events(self) -> Iterator[Values]:
        """All events in the order they were written. A line torn by a crash or a full disk is skipped."""
        try:
            file = (self.path / "events.jsonl").open("rb")
        except FileNotFoundError:
            return
        with file:
            yield from filter(None, map(_event, file))

    def timeline(self) -> list[Values]:
        """The events that lead to where the run stands: what a resume went back behind is left out."""
        kept: list[Values] = []
        for event in self.events():
            if event["event"] == "Started":
                kept = [old for old in kept if old.get("step", 0) <= event["step"]]
            kept.append(event)
        return kept

    def history(self) -> tuple[Columns, Columns]:
        """Learning curves, of training and of validation: "step", "seconds" and the measures, each (P,)."""
        training: Columns = {}
        validation: Columns = {}
        for event in self.timeline():
            if event["event"] == "Step":
                _extend(training, event, event["measures"])
            elif event["event"] == "Evaluated":
                _extend(validation, event, event["validation"])
        return training, validation

    def frames(self) -> list[tuple[int, Path]]:
        """The film: (step, file), first to last. After a power cut the newest may be empty, and are left out."""
        found = (
            (re.fullmatch(r"step-(\d+)\.safetensors", path.name), path)
            for path in self.frames_folder.glob("*")
        )
        return sorted((int(name[1]), path) for name, path in found if name and path.stat().st_size)

    @property
    def status(self) -> Status:
        last = self.last_event() or {}
        has_results = (self.path / "results.json").exists()
        return status_of(last.get("event"), last.get("time", 0.0), has_results)

    def last_event(self) -> Values | None:
        try:
            with (self.path / "events.jsonl").open("rb") as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
                lines = file.read().splitlines()
        except FileNotFoundError:
            return None
        return next(filter(None, map(_event, reversed(lines))), None)

    def checkpoints(self) -> list[Values]:
        """The manifest of the checkpoints that are kept, oldest first: file, step, sha256, size, kind."""
        if not (self.checkpoints_folder / "manifest.json").exists():
            return []
        fields = ("file", "step", "sha256", "size", "kind")
        listed = self._read("checkpoints/manifest.json").get("checkpoints")
        try:
            return [{name: entry[name] for name in fields} for entry in listed or ()]
        except (KeyError, TypeError):
            raise Problem("runs.damaged_json", file=self.checkpoints_folder / "manifest.json") from None

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.lstat().st_size for path in self.path.rglob("*") if path.is_file())

    def exists(self) -> bool:
        return (self.path / "recipe.json").is_file()

    def _read(self, name: str) -> Values:
        path = self.path / name
        try:
            value = json.loads(path.read_bytes())
        except FileNotFoundError:
            raise Problem("runs.not_a_run", folder=self.path, file=name) from None
        except OSError as error:
            raise Problem("runs.cannot_read", file=path, reason=error.strerror or error) from None
        except (ValueError, RecursionError):
            raise Problem("runs.damaged_json", file=path) from None
        if not isinstance(value, dict):
            raise Problem("runs.damaged_json", file=path)
        return value


def _event(line: bytes) -> Values | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None


def _extend(columns: Columns, event: Values, measures: dict[str, float]) -> None:
    for name, value in {"step": event["step"], "seconds": event["seconds"], **measures}.items():
        columns.setdefault(name, []).append(value)
