"""Watching a training in the terminal: a bar with speed and time left, or plain lines when nobody is at a terminal."""

from __future__ import annotations

import signal
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from types import FrameType
from typing import cast

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from tongsu.cli.console import console
from tongsu.locale import t
from tongsu.training.events import Evaluated, Event, Finished, Started, Step, Stopped
from tongsu.training.recipe import Recipe

PLAIN_EVERY = 5.0  # seconds between lines when there is no terminal


class Signals:
    """Ctrl-C (130), SIGTERM (143) or a closed terminal (129) ask for a stop; a second Ctrl-C insists."""

    asked = 0

    def note(self, number: int, _frame: FrameType | None) -> None:
        if self.asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.asked = 128 + number


@contextmanager
def listening() -> Iterator[Signals]:
    signals = Signals()
    names = [signal.SIGINT, signal.SIGTERM] + ([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])
    before = {number: signal.signal(number, signals.note) for number in names}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def measures(values: dict[str, float]) -> str:
    """loss 0.1234  accuracy 97.50 %"""
    parts = []
    for name, value in values.items():
        percent = name.endswith("accuracy")
        parts.append(f"{t(f'train.measure.{name}')} {f'{value:.2%}' if percent else f'{value:.4g}'}")
    return "  ".join(parts)


def follow(events: Generator[Event, None, None], recipe: Recipe) -> int:
    """Print events to the end; 0, or the exit code of the signal that asked to stop (the state is saved then)."""
    with closing(events) as training, listening() as signals:
        display = Bar(recipe) if console.is_terminal else Lines(recipe)
        with display:
            for event in training:
                display.show(event)
                if signals.asked and not isinstance(event, Finished):
                    return signals.asked
    return 0


class OneCell(ProgressColumn):
    """Several columns in one cell: rich measures a table cell by cell, and the training waits for it. What a narrow
    terminal has no room for is cut off at the end."""

    def __init__(self, *columns: ProgressColumn) -> None:
        super().__init__()
        self.columns = columns

    def render(self, task: Task) -> Text:
        cells = (cast("Text", column.render(task)) for column in self.columns)
        return Text(" ", no_wrap=True, overflow="ellipsis").join(cells)


class Bar:
    """One bar for the whole training; each epoch leaves a line above it."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=12),
            OneCell(
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TextColumn("ETA"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[measures]}"),
            ),
            console=console,
            refresh_per_second=2,  # drawing holds the lock that the training needs for its steps
        )
        self.bar = self.progress.add_task(recipe.chapter, total=None, measures="")

    def __enter__(self) -> Bar:
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self.progress.update(self.bar, total=event.steps, completed=event.step)
        elif isinstance(event, Step):
            speed = t("train.speed", speed=f"{event.speed:,.0f}")
            self.progress.update(self.bar, completed=event.step, measures=f"{measures(event.measures)}  {speed}")
        elif isinstance(event, Evaluated):
            self.progress.update(self.bar, completed=event.step)
            self.progress.print(epoch_line(event, self.recipe), markup=False)
        elif isinstance(event, Stopped | Finished):
            self.progress.print(end_line(event), markup=False)


class Lines:
    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.total, self.last = 0, 0.0  # steps; when a step was last shown, 0 before the first

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def show(self, event: Event) -> None:
        if isinstance(event, Started):
            self.total = event.steps
        elif isinstance(event, Step) and (time.monotonic() - self.last > PLAIN_EVERY or not self.last):
            told = {"step": event.step, "total": self.total, "measures": measures(event.measures)}
            if self.last:
                left = event.seconds / event.step * (self.total - event.step)
                line = t("train.step", **told, speed=f"{event.speed:,.0f}", left=f"{left:.0f}")
            else:
                line = t("train.first_step", **told)  # a single step, which warms up, says nothing about speed
            console.print(line, markup=False)
            self.last = time.monotonic()
        elif isinstance(event, Evaluated):
            console.print(epoch_line(event, self.recipe), markup=False)
        elif isinstance(event, Stopped | Finished):
            console.print(end_line(event), markup=False)


def epoch_line(event: Evaluated, recipe: Recipe) -> str:
    return t("train.epoch", epoch=event.epoch, epochs=max(event.epoch, recipe.epochs), seconds=f"{event.seconds:.1f}",
             train=measures(event.train), validation=measures(event.validation))  # fmt: skip


def end_line(event: Stopped | Finished) -> str:
    if isinstance(event, Finished):
        shown = {name[5:]: value for name, value in event.metrics.items() if name.startswith("test_")}
        return t("train.tested", measures=measures(shown))
    return t(f"train.stopped.{event.reason}", step=event.step)
