"""Learned models and data sets kept at hand, so that a stroke of the pen or a move of the slider need not read files.

A model is kept for each (run, frame), the least lately asked goes first, and no two requests use one at a time: views
hang hooks on it. Everything is read anew when the file it came from has changed.
"""

from __future__ import annotations

import copy
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Generic, TypeVar

from tongsu.data import Dataset
from tongsu.errors import Problem
from tongsu.evaluate import SPLITS, split_of
from tongsu.learned import Learned
from tongsu.runs.store import Run
from tongsu.studio.inputs import Example, Input, read
from tongsu.training import checkpoint
from tongsu.training.build import dataset_of
from tongsu.views import Given

T = TypeVar("T")


class Shelf(Generic[T]):
    """A bounded cache; `cost` of a thing counts towards `room`."""

    def __init__(self, room: float, cost: Callable[[T], float]) -> None:
        self.room, self.cost = room, cost
        self.things: OrderedDict[Hashable, T] = OrderedDict()
        self.lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        with self.lock:
            if key in self.things:
                self.things.move_to_end(key)
                return self.things[key]
        made = make()
        with self.lock:
            made = self.things.setdefault(key, made)
            self.things.move_to_end(key)
            while len(self.things) > 1 and sum(map(self.cost, self.things.values())) > self.room:
                self.things.popitem(last=False)
        return made


@dataclass(frozen=True)
class Held:
    learned: Learned
    frame: int | None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def size(self) -> float:
        return sum(value.numel() * value.element_size() for value in self.learned.model.state_dict().values())


class Answers:
    def __init__(self, room: float = 512e6) -> None:
        self.models: Shelf[Held] = Shelf(room, Held.size)
        self.bases: Shelf[Learned] = Shelf(16, lambda _: 1)
        self.datasets: Shelf[Dataset] = Shelf(2, lambda _: 1)
        self.inputs: Shelf[Given] = Shelf(64, lambda _: 1)

    @contextmanager
    def model(self, run: Run, frame: int | None = None) -> Iterator[tuple[Learned, int | None]]:
        """The model of a frame, or what the run answers with: its final weights, or the newest frame while it has
        none. Nobody else uses it inside the block."""
        if frame is None and not run.weights.exists():
            frames = run.frames()
            if not frames:
                raise Problem("studio.nothing_learned", run=run.name)
            frame = frames[-1][0]
        key = (run.path, frame, stamp(run.weights if frame is None else frame_file(run, frame)))
        held = self.models.get(key, lambda: Held(self.load(run, frame), frame))
        with held.lock:
            yield held.learned, held.frame

    def load(self, run: Run, frame: int | None) -> Learned:
        """Like Learned.load, with the skeleton of another frame of the same run where there is one."""
        key = (run.path, stamp(run.path / "recipe.json"), stamp(run.path / "preprocessing.json"))
        base = self.bases.get(key, lambda: Learned.load(run, frame))
        weights = checkpoint.load_weights(run) if frame is None else checkpoint.load_frame(run, frame)
        model = copy.deepcopy(base.model)
        try:
            model.load_state_dict(weights)
        except RuntimeError:
            raise Problem("train.weights_do_not_fit", run=run.name, model=base.recipe.model) from None
        return replace(base, model=model.eval())

    def dataset(self, learned: Learned) -> Dataset:
        """The data of a run, read as the run reads them. Raises Problem when they are no longer the same."""
        recipe = learned.recipe
        fields = [recipe.data, recipe.data_args, recipe.pretrained, recipe.pretrained_args]
        known = learned.run.preprocessing()["fingerprint"] or str(learned.run.path)
        key = (known, json.dumps(fields, sort_keys=True))

        def make() -> Dataset:
            dataset = dataset_of(recipe)
            train, validation, test = (split_of(learned, name, dataset) for name in SPLITS)
            return replace(dataset, train=train, validation=validation, test=test)

        return self.datasets.get(key, make)

    def read(self, given: Input, learned: Learned) -> Given:
        """An input as the model reads it, once for all frames of a run."""
        saved = learned.run.path / "preprocessing.json"
        key = (saved, stamp(saved), given.model_dump_json())
        return self.inputs.get(
            key, lambda: read(given, learned, self.dataset(learned) if isinstance(given, Example) else None)
        )  # fmt: skip


def stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_size, stat.st_mtime_ns)


def frame_file(run: Run, frame: int) -> Path:
    return run.frames_folder / f"step-{frame:08d}.safetensors"
