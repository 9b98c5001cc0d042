"""Where runs live: made under short names, found again by name, path, `last` or `best:cnn`."""

from __future__ import annotations

import difflib
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from tongsu.errors import Problem
from tongsu.runs import index
from tongsu.runs.atomic import guarded, make_folder
from tongsu.runs.index import Entry
from tongsu.runs.run import Run

__all__ = ["Entry", "Run", "RunStore"]

NAME = re.compile(r"\w[\w.+-]{0,59}")
ASIDE = ".removing-"
# How runs of one chapter are ranked; validation data choose, test data only where there are none.
HIGHER, LOWER = ("val_accuracy", "test_accuracy"), ("val_frechet_distance", "test_frechet_distance")


class RunStore:
    """The runs of one folder: `root`, else the environment's TONGSU_RUNS, else ./runs."""

    def __init__(self, root: Path | str | None = None) -> None:
        self.root = Path(root or os.environ.get("TONGSU_RUNS") or "runs")

    def create(self, chapter: str, preset: str, name: str | None = None) -> Run:
        """An empty folder for a new run: `name`, or chapter-preset-number. Two processes never get the same.

        Raises Problem when the name is taken or cannot be a folder's, or nothing can be written.
        """
        if name is not None and (not NAME.fullmatch(name) or name == "last"):
            raise Problem("runs.bad_name", name=name)
        make_folder(self.root)
        if name is not None:
            if not self._claim(name):
                raise Problem("runs.taken", name=name, folder=self.root)
            return Run(self.root / name)
        prefix = f"{chapter}-{preset}-"
        numbers = [path.name.removeprefix(prefix) for path in self.root.glob(f"{prefix}*")]
        number = max((int(text) for text in numbers if text.isdecimal()), default=0) + 1
        while not self._claim(f"{prefix}{number}"):
            number += 1
        return Run(self.root / f"{prefix}{number}")

    def _claim(self, name: str) -> bool:
        """Make the folder; False if somebody else has."""
        path = self.root / name
        with guarded(self.root):
            try:
                path.mkdir()
            except FileExistsError:
                return False
        return True

    def list(self, chapter: str | None = None) -> list[Entry]:
        """What the index knows of every run, the one last active first."""
        return [entry for entry in index.entries(self.root) if chapter in (None, entry.chapter)]

    def find(self, spec: str) -> Run:
        """The run that a person means: a name, a path, `last` (the one last active) or `best:CHAPTER`.

        Best is the highest accuracy, or the lowest Fréchet distance, on validation data. An unknown run is a
        Problem that names the nearest one.
        """
        if spec == "last" or spec.startswith("best:"):
            found = self.list()
            if not found:
                raise Problem("runs.none", folder=self.root)
            return Run(found[0].path) if spec == "last" else self._best(found, spec.removeprefix("best:"))
        here = [self.root / spec] if Path(spec).name == spec else []
        for path in (*here, Path(spec).expanduser()):
            if Run(path).exists():
                return Run(path)
        for path in here:
            if path.is_dir():
                raise Problem("runs.not_a_run", folder=path, file="recipe.json")
        names = [entry.name for entry in self.list()]
        if not names:
            raise Problem("runs.none", folder=self.root)
        nearest = difflib.get_close_matches(Path(spec).name, names, n=1, cutoff=0.4) or names
        raise Problem("runs.unknown", run=spec, folder=self.root, nearest=nearest[0])

    def _best(self, found: Iterable[Entry], chapter: str) -> Run:
        judged = [(score, entry) for entry in found if (score := _score(entry)) is not None]
        ranked = [(score, -entry.active, entry.name) for score, entry in judged if entry.chapter == chapter]
        if not ranked:
            known = ", ".join(sorted({entry.chapter for _, entry in judged})) or "–"
            raise Problem("runs.no_best", chapter=chapter, known=known)
        return Run(self.root / min(ranked)[2])

    def remove(self, run: Run) -> None:
        """Delete a run's folder: moved aside first, so that it is there whole or not at all.

        Raises Problem while it is in training, or if it cannot be deleted.
        """
        if run.status == "training":
            raise Problem("runs.in_training", run=run.name)
        folder = run.path.parent
        with guarded(folder):
            if run.path.is_symlink():
                run.path.unlink()
                return
            run.path.rename(folder / f"{ASIDE}{run.name}-{os.getpid()}")
            for left in folder.glob(f"{ASIDE}*"):  # also what an earlier removal had no time for
                shutil.rmtree(left)


def _score(entry: Entry) -> float | None:
    """The lower the better."""
    for sign, names in ((-1, HIGHER), (1, LOWER)):
        for name in names:
            if name in entry.metrics:
                return sign * entry.metrics[name]
    return None
