"""The same in Python, in three lines:

    run = tongsu.train("cnn")
    run.evaluate()
    run.predict("seven.png")
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import FrameType
from typing import Any

from tongsu.card import conclude
from tongsu.evaluate import report
from tongsu.learned import Learned
from tongsu.predict import Prediction, generate, predict
from tongsu.pretrained.built_in import find
from tongsu.runs.store import Run
from tongsu.session import Session, prepare
from tongsu.session import resume as resume_session


@dataclass(frozen=True)
class Trained:
    """A run that can be asked; everything it knows stands in the folder `path`."""

    run: Run

    @cached_property
    def learned(self) -> Learned:
        return Learned.load(self.run)

    @property
    def path(self) -> str:
        return str(self.run.path)

    @property
    def metrics(self) -> dict[str, float]:
        return self.run.results()["metrics"]

    def evaluate(self, split: str = "test") -> dict[str, Any]:
        return report(self.learned, split)

    def predict(self, *inputs: Any) -> list[Prediction]:
        """Image files, PIL images or arrays for an image model; texts for a text model."""
        return predict(self.learned, list(inputs))

    def generate(self, count: int = 10, seed: int = 0) -> Any:
        """Drawings (count, 1, 28, 28) in [0, 1] as a NumPy array."""
        return generate(self.learned, count, seed).numpy()


def train(
    chapter: str, preset: str = "fast", *, data: str | None = None, seed: int = 0, device: str = "auto",
    show: bool = True, **changes: Any,
) -> Trained:  # fmt: skip
    """Train a chapter; `changes` are fields of the recipe: `tongsu.train("rnn", cell="lstm", epochs=2)`.

    Ctrl-C saves and raises KeyboardInterrupt; `tongsu.resume(...)` goes on. Raises Problem for anything unknown.
    """
    pairs = [f"{key}={_text(value)}" for key, value in {**changes, "seed": seed}.items()]
    return _follow(prepare(chapter, preset, data, pairs), device, show)


def resume(spec: str, *, device: str = "auto", show: bool = True) -> Trained:
    """Go on with an interrupted run."""
    return _follow(resume_session(spec), device, show)


def load(spec: str) -> Trained:
    """An earlier run: its name or folder, `last`, or `best:cnn`; or a built-in name, `imagenet` or `sentiment-zh`."""
    return Trained(find(spec))


def _follow(session: Session, device: str, show: bool) -> Trained:
    with closing(session.events(device)) as events, interruptions() as asked:
        for event in events:
            if asked:
                raise KeyboardInterrupt  # here, between two steps, leaving saves
            if show and type(event).__name__ in ("Evaluated", "Finished"):
                print(event)
    conclude(session.run, session.dataset)
    return Trained(session.run)


@contextmanager
def interruptions() -> Iterator[list[int]]:
    """Ctrl-C is noted in a list instead of tearing a step apart; a second one insists."""
    asked: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield asked  # only the main thread may listen to signals
        return

    def note(number: int, _frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    return str(value)
