"""What an experiment is: figures from a fixed budget and a fixed seed, and the sentences that they must bear out."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from tongsu.data import Dataset
from tongsu.learned import Learned
from tongsu.runs.store import RunStore
from tongsu.session import prepare
from tongsu.training.build import dataset_of
from tongsu.training.control import Control

Figures = dict[str, float]


@dataclass(frozen=True)
class Experiment:
    """claims: what lessons say, and whether it holds of the figures. needs: the data set that is downloaded, or ""."""

    run: Callable[[], Figures]
    claims: dict[str, Callable[[Figures], bool]]
    needs: str = ""

    def measure(self) -> Figures:
        """On one thread, as its number changes the last digits, and small nets are no slower for it."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return self.run()
        finally:
            torch.set_num_threads(threads)


def trained(chapter: str, *changes: str, preset: str = "quick", control: Control | None = None) -> Learned:
    """What `tongsu train CHAPTER key=value ...` learns, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        session = prepare(chapter, preset, None, [*changes, "frames=0"], store=RunStore(Path(folder)))
        for _ in session.events("cpu", control):
            pass
        return Learned.load(session.run)


def data_of(learned: Learned) -> Dataset:
    return dataset_of(learned.recipe)


def accuracy(learned: Learned) -> float:
    """On the test data."""
    from tongsu.evaluate import judge

    return judge(learned, data_of(learned).test).metrics()["accuracy"]
