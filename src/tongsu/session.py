"""A training from the first word to the last: recipe, data and run folder brought together, or picked up again."""

from __future__ import annotations

import platform
import sys
from collections.abc import Generator, Iterable
from dataclasses import dataclass, replace
from typing import Any

import torch

from tongsu import __version__
from tongsu.data import Dataset
from tongsu.errors import Problem
from tongsu.recipes.choose import change, choose, fit_to_data
from tongsu.runs.store import Run, RunStore
from tongsu.training.build import build_model, build_task, complete, dataset_of
from tongsu.training.control import Control
from tongsu.training.events import Event
from tongsu.training.loop import train
from tongsu.training.optim import optimizer_for
from tongsu.training.recipe import Recipe


@dataclass(frozen=True)
class Session:
    recipe: Recipe
    run: Run
    dataset: Dataset
    resumed: bool = False

    def events(self, device: str = "auto", control: Control | None = None) -> Generator[Event, None, None]:
        return train(self.recipe, self.run, self.dataset, device=device, resume=self.resumed, control=control)


def prepare(
    chapter: str | None,
    preset: str = "fast",
    data: str | None = None,
    changes: Iterable[str] = (),
    *,
    store: RunStore | None = None,
    name: str | None = None,
    run: Run | None = None,
) -> Session:
    """A new run of a chapter: the recipe is checked, the data are loaded, and only then is a folder made, unless an
    empty one (`run`) was claimed before."""
    if chapter is None:
        raise Problem("train.no_chapter")
    changes = list(changes)
    recipe = choose(chapter, preset, data, changes)
    dataset = dataset_of(recipe)
    recipe = complete(fit_to_data(recipe, dataset, changes), dataset)
    check(recipe)
    run = run or (store or RunStore()).create(chapter, preset, name)
    run.write_environment(environment())
    write(run, recipe, dataset)
    return Session(recipe, run, dataset)


def write(run: Run, recipe: Recipe, dataset: Dataset) -> None:
    """What defines the training, and how it reads its data."""
    run.write_recipe(recipe.to_dict())
    run.write_preprocessing(
        {
            "preprocessing": dataset.preprocessing.to_dict(),
            "labels": list(dataset.labels),
            "data": dataset.name,
            "fingerprint": dataset.fingerprint,
            "test_split": dataset.test_split,
        }
    )


def check(recipe: Recipe) -> dict[str, torch.Size]:
    """Build once without memory, so that what is impossible is refused before a folder is made. Returns the
    shape of every weight."""
    try:
        with torch.device("meta"):
            model = build_model(recipe)
    except (ValueError, RuntimeError) as error:  # torch's own words: a negative width, ...
        raise Problem("train.model_argument", model=recipe.model, reason=error) from None
    build_task(recipe)
    try:
        optimizer_for(recipe, [torch.zeros(1, requires_grad=True)])
    except ValueError as error:
        raise Problem("train.optimizer_argument", optimizer=recipe.optimizer, reason=error) from None
    return {name: value.shape for name, value in model.state_dict().items()}


def resume(
    spec: str, chapter: str | None = None, changes: Iterable[str] = (), *, force: bool = False,
    store: RunStore | None = None,
) -> Session:  # fmt: skip
    """Pick a run up at its last checkpoint. A changed recipe or other data are refused, by name, unless forced."""
    run = (store or RunStore()).find(spec)
    recipe = Recipe.from_dict(run.recipe())
    changed = change(recipe, changes)
    check(changed)
    was = _fields(recipe)
    differing = [name for name, value in _fields(changed).items() if name not in was or value != was[name]]
    if chapter and chapter != recipe.chapter:
        differing.append("chapter")
    dataset = dataset_of(changed)
    if dataset.fingerprint != run.preprocessing()["fingerprint"]:
        differing.append("data")
    if differing and (not force or "optimizer" in differing):  # one optimizer cannot read another's memory
        raise Problem("train.recipe_changed", run=run.name, fields=", ".join(differing))
    if run.status == "finished" and not differing:
        raise Problem("train.already_finished", run=run.name)
    if differing:
        fitted = complete(replace(changed, model_args={}), dataset).model_args
        changed = replace(changed, model_args={**changed.model_args, **fitted})
        if check(changed) != check(recipe):
            raise Problem("train.weights_do_not_fit", run=run.name, model=changed.model)
        write(run, changed, dataset)
    return Session(changed, run, dataset, resumed=True)


def _fields(recipe: Recipe) -> dict[str, Any]:
    """The recipe under the names that a person changes: {"model_args": {"hidden": 9}} -> {"hidden": 9}."""
    fields: dict[str, Any] = {}
    for name, value in recipe.to_dict().items():
        fields |= value if isinstance(value, dict) else {name: value}
    return fields


def environment() -> dict[str, Any]:
    """What a figure depends on besides the recipe: versions, processor, threads, and the command."""
    return {
        "tongsu": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "arguments": sys.argv[1:],
    }


def summary(run: Run) -> dict[str, Any]:
    """What `train --json` answers."""
    recipe, results = run.recipe(), run.results()
    return {
        "run": str(run.path),
        **{name: recipe[name] for name in ("chapter", "preset", "model", "seed")},
        **{name: results[name] for name in ("parameters", "train_seconds", "metrics", "test_split")},
    }
