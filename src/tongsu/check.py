"""`tongsu data check`: what the data are, what is wrong with them, and what a training on them would be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tongsu.data import Dataset, check_images, check_sets, check_tables, load
from tongsu.data.check import Examination
from tongsu.data.files import Files, memory_limit
from tongsu.errors import Problem
from tongsu.models import parameter_count
from tongsu.plots import save
from tongsu.plots.data import overview
from tongsu.recipes.choose import choose, fit_to_data
from tongsu.runs.atomic import size_text
from tongsu.training.batches import all_steps
from tongsu.training.build import build_model, complete, dataset_of
from tongsu.training.recipe import Recipe

CHAPTERS = {"images": "cnn", "text": "rnn", "points": "mlp"}  # what a person would train first on such data
MODEST = 2_000  # examples, below which a pretrained network is worth the download


@dataclass(frozen=True)
class Check:
    """plan: what Tongsu would do, or under `refused` why it would not."""

    examination: Examination
    plan: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return {**self.examination.to_dict(), "plan": self.plan}


def check(spec: str, changes: Iterable[str] = ()) -> Check:
    """Look through data of any kind. changes: `key=value` of the training that is meant, such as size=64.

    Raises Problem when there is nothing to look at: no such file, folder, name or column.
    """
    changes = list(changes)
    prefix, _, where = spec.partition(":")
    chapter = {"images": "cnn", "table": "rnn"}.get(prefix, "")
    if chapter:
        asked = choose(chapter, "fast", spec, changes).data_args
        known = {name: asked[name] for name in ("size", "length", "level") if name in asked}
        examination = check_images.check(where, **known) if prefix == "images" else check_tables.check(where, **known)
        return Check(examination, planned(spec, chapter, changes))
    dataset = load(spec)
    chapter = CHAPTERS[dataset.preprocessing.kind]
    return Check(check_sets.check(dataset), planned(spec, chapter, changes))


def planned(spec: str, chapter: str, changes: list[str]) -> dict[str, Any]:
    """The split, the recipe and its size, as `tongsu train CHAPTER --data SPEC` would choose them."""
    try:
        asked = choose(chapter, "fast", spec, changes)
        dataset = dataset_of(asked)
        recipe = complete(fit_to_data(asked, dataset, changes), dataset)
    except Problem as problem:
        return {"refused": problem.message, "hint": problem.hint}
    with torch.device("meta"):
        parameters = parameter_count(build_model(recipe))
    count = len(dataset.train)
    plan: dict[str, Any] = {
        "command": f"tongsu train {chapter} --data '{spec}'" + "".join(f" {change}" for change in changes),
        "split": {part: len(getattr(dataset, part)) for part in ("train", "validation", "test")},
        "test_split": dataset.test_split,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "updates": all_steps(recipe, count),
        "parameters": parameters,
        "augment": recipe.augment,
        "class_weights": _weights(recipe, dataset),
    }
    if isinstance(dataset.train.inputs, Files):
        plan["memory_limit"] = size_text(memory_limit())
    pretrained = {"cnn": ("resnet", "efficientnet-lite0"), "rnn": ("transformer", "minilm")}.get(chapter)
    if pretrained and count < MODEST and not _chinese(dataset):
        plan["pretrained"] = f"tongsu train {pretrained[0]} pretrained={pretrained[1]} --data '{spec}'"
    return plan


def _weights(recipe: Recipe, dataset: Dataset) -> dict[str, float]:
    weights = recipe.task_args.get("class_weights") or ()
    return dict(zip(dataset.labels, weights, strict=True)) if weights else {}


def _chinese(dataset: Dataset) -> bool:
    """MiniLM reads English."""
    return bool(dataset.train.texts) and "zh" in list(check_tables.languages(dataset.train.texts[:200]))[:1]


def draw(checked: Check, path: Path) -> Path:
    """The overview as a picture."""
    found = checked.examination
    split = checked.plan.get("split") if len({part for parts in found.counts.values() for part in parts}) == 1 else None
    figure = overview(found.counts, found.shown.measure, found.shown.numbers, found.shown.pictures,
                      [(told["severity"], told["what"]) for told in found.to_dict()["findings"]], split)  # fmt: skip
    return save(figure, path)
