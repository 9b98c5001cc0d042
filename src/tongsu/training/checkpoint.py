"""Checkpoints (检查点) continue a training bit for bit; frames (帧) are weights only, for the time machine.

A checkpoint is one safetensors file: every tensor of the state, and in the header's metadata the rest as
JSON. `manifest.json` lists the files that count, with their hashes; it is written after a file and before an
old one is deleted, so whoever is killed at any moment leaves a folder whose `last` loads.

Raises Problem when nothing is saved, a file is damaged, or the disk is full.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from tongsu.errors import Problem
from tongsu.runs.atomic import write_json, write_tensors
from tongsu.runs.store import Run

Weights = dict[str, Tensor]
KEEP = {"last": 2, "best": 1}


@dataclass(frozen=True)
class State:
    """model, average: state_dicts. optimizers: state_dicts by name. random: `random_state()`. progress: plain
    values. losses: of each example, where the recipe asks for the hardest."""

    model: Weights
    optimizers: dict[str, dict[str, Any]] = field(default_factory=dict)
    average: Weights | None = None
    random: Weights = field(default_factory=dict)
    progress: dict[str, Any] = field(default_factory=dict)
    losses: Weights = field(default_factory=dict)


def save(run: Run, *, step: int, state: State, kind: str = "last") -> Path:
    """Write a checkpoint of the kind "last" or "best"; the last two and the best one are kept.

    Nothing old goes before the new one stands.
    """
    folder = run.checkpoints_folder
    before = run.checkpoints()
    tensors: Weights = {}
    skeleton = _pack(vars(state), "", tensors)
    turned = [name for name, value in tensors.items() if _is_channels_last(value)]
    path = _free_path(folder, step)
    write_tensors(path, tensors, {"state": json.dumps(skeleton), "channels_last": json.dumps(turned)})
    entry = {
        "file": path.name, "step": step, "sha256": _sha256(path), "size": path.stat().st_size, "kind": kind
    }  # fmt: skip
    entries = [*before, entry]
    newer = [sum(e["kind"] == other["kind"] for other in entries[i + 1 :]) for i, e in enumerate(entries)]
    kept = [e for e, count in zip(entries, newer, strict=True) if count < KEEP.get(e["kind"], 0)]
    write_json(folder / "manifest.json", {"checkpoints": kept})
    _clean(run, {e["file"] for e in kept})
    return path


def load(run: Run, which: str | int = "last") -> State:
    """The state of the newest checkpoint (`last`), of the best one, or of a step.

    If the newest file is damaged, `last` is the one before it.
    """
    entries = [e for e in run.checkpoints() if which in ("last", e["kind"], e["step"])]
    if not entries:
        kept = ", ".join(map(str, steps(run))) or "–"
        raise Problem("runs.no_checkpoint", run=run.name, which=which, kept=kept)
    for entry in reversed(entries):
        path = run.checkpoints_folder / Path(entry["file"]).name
        if _is_sound(path, entry):
            return _read_state(path)
    raise Problem("runs.damaged_checkpoint", run=run.name, file=run.checkpoints_folder / entries[-1]["file"])


def steps(run: Run) -> list[int]:
    """The steps whose checkpoints are kept, in order."""
    return sorted({entry["step"] for entry in run.checkpoints()})


def save_frame(run: Run, step: int, weights: Mapping[str, Tensor]) -> Path:
    path = run.frames_folder / f"step-{step:08d}.safetensors"
    write_tensors(path, weights, lasting=False)  # the film, not what a training goes on from
    return path


def load_frame(run: Run, step: int) -> Weights:
    frames = dict(run.frames())
    if step not in frames:
        near = sorted(frames, key=lambda other: abs(other - step))[:3]
        raise Problem("runs.no_frame", run=run.name, step=step, near=", ".join(map(str, sorted(near))) or "–")
    return read_tensors(frames[step])[0]


def save_weights(run: Run, weights: Mapping[str, Tensor]) -> Path:
    """What the run answers with from now on."""
    write_tensors(run.weights, weights)
    return run.weights


def load_weights(run: Run) -> Weights:
    """What the run answers with: its final weights, or those of the last checkpoint while it has none."""
    if run.weights.exists():
        return read_tensors(run.weights)[0]
    state = load(run)
    return state.model if state.average is None else state.average


def random_state() -> Weights:
    """The state of every random generator that torch draws from, (bytes,) uint8 each."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda:{i}": state for i, state in enumerate(torch.cuda.get_rng_state_all())}
    if torch.backends.mps.is_available():
        states["mps"] = torch.mps.get_rng_state()
    return states


def restore_random_state(states: Weights) -> None:
    """Generators of devices that this machine lacks are passed over."""
    torch.set_rng_state(states["cpu"])
    for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        if f"cuda:{number}" in states:
            torch.cuda.set_rng_state(states[f"cuda:{number}"], number)
    if "mps" in states and torch.backends.mps.is_available():
        torch.mps.set_rng_state(states["mps"])


def read_tensors(path: Path) -> tuple[Weights, dict[str, str]]:
    """Tensors and metadata of a safetensors file, in memory of their own. Nothing in the file can execute."""
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name).clone() for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except SafetensorError as error:
        raise Problem("runs.damaged_tensors", file=path, reason=error) from None
    except OSError as error:
        raise Problem("runs.cannot_read", file=path, reason=error.strerror or error) from None


def _read_state(path: Path) -> State:
    tensors, metadata = read_tensors(path)
    try:
        for name in json.loads(metadata["channels_last"]):
            tensors[name] = tensors[name].contiguous(memory_format=torch.channels_last)
        return State(**_unpack(json.loads(metadata["state"]), tensors))
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise Problem("runs.damaged_tensors", file=path, reason=error) from None


def _clean(run: Run, kept: set[str]) -> None:
    """Delete checkpoints that are no longer kept, and what killed processes left (safetensors' own too)."""
    folders = (run.checkpoints_folder, run.frames_folder)
    left = [path for folder in folders for path in folder.glob(".*") if ".tmp" in path.name]
    left += [path for path in run.checkpoints_folder.glob("step-*.safetensors") if path.name not in kept]
    for path in left:
        with suppress(OSError):
            path.unlink()


def _free_path(folder: Path, step: int) -> Path:
    """A name nobody has: saving a step twice must not touch the file that stands."""
    path, number = folder / f"step-{step:08d}.safetensors", 1
    while path.exists():
        number += 1
        path = folder / f"step-{step:08d}-{number}.safetensors"
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_sound(path: Path, entry: dict[str, Any]) -> bool:
    try:
        return path.stat().st_size == entry["size"] and _sha256(path) == entry["sha256"]
    except OSError:
        return False


def _is_channels_last(value: Tensor) -> bool:
    return value.dim() == 4 and not value.is_contiguous() and value.is_contiguous(memory_format=torch.channels_last)


def _pack(value: Any, name: str, tensors: Weights) -> Any:
    """`value` as JSON that also keeps number keys, tuples and infinities; tensors are set aside."""
    if isinstance(value, Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"dict": [[key, _pack(part, f"{name}/{key}".lstrip("/"), tensors)] for key, part in value.items()]}
    if isinstance(value, list | tuple):
        parts = [_pack(part, f"{name}/{i}", tensors) for i, part in enumerate(value)]
        return parts if isinstance(value, list) else {"tuple": parts}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} is a {type(value).__name__}: a checkpoint holds tensors and plain values only")


def _unpack(value: Any, tensors: Weights) -> Any:
    if isinstance(value, list):
        return [_unpack(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unpack(part, tensors) for key, part in content}
    if kind == "tuple":
        return tuple(_unpack(part, tensors) for part in content)
    return float(content)
