"""From a recipe and its data to a model, and back from a run to the model it learned."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import cast

from torch import Tensor, nn

from tongsu.data import Dataset, load
from tongsu.errors import Problem
from tongsu.models import MODELS
from tongsu.pretrained import start
from tongsu.tasks import TASKS, Task
from tongsu.training.recipe import Recipe, Values


def sizes(dataset: Dataset) -> Values:
    """What the data decide about a model. Two classes need one logit; a vocabulary may be smaller than asked for."""
    shape = dataset.train.inputs.shape[1:]
    found: Values = {"outputs": 1 if len(dataset.labels) == 2 else len(dataset.labels)}
    if len(shape) == 3:
        channels, height, width = shape
        found |= {"channels": channels, "size": height, "inputs": channels * height * width}
    elif dataset.preprocessing.kind == "text":
        found |= {"words": len(dataset.preprocessing.to_dict()["vocabulary"]), "length": shape[0]}
    else:
        found |= {"inputs": shape[0]}
    return found


# What each model reads; everything else of MODELS reads images.
READS = {"rnn": ("text",), "transformer": ("text",), "minilm": ("text",), "mlp": ("images", "points")}


def complete(recipe: Recipe, dataset: Dataset) -> Recipe:
    """The recipe with everything that the data decide, so that it alone rebuilds model and task.

    Raises Problem when the model cannot read such data, weights do not fit the classes, or what is no picture should
    be moved or mirrored.
    """
    kind, shape = dataset.preprocessing.kind, tuple(dataset.train.inputs.shape[1:])
    if kind not in READS.get(recipe.model, ("images",)) or (recipe.task == "gan" and shape != (1, 28, 28)):
        seen = f"{kind} {' × '.join(map(str, shape))}"
        raise Problem("train.data_do_not_fit", model=recipe.model, data=dataset.name, seen=seen)
    if recipe.augment != "none" and kind != "images":
        raise Problem("train.augment", augment=recipe.augment, data=dataset.name)
    accepted = inspect.signature(MODELS[recipe.model]).parameters
    fitted = {name: value for name, value in sizes(dataset).items() if name in accepted}
    task_args = dict(recipe.task_args)
    if asked := task_args.get("class_weights"):
        task_args["class_weights"] = balanced(dataset) if asked == "auto" else [*map(float, asked)]
        if len(task_args["class_weights"]) != len(dataset.labels) or min(task_args["class_weights"]) <= 0:
            raise Problem("train.class_weights", count=len(dataset.labels), labels=", ".join(dataset.labels[:10]))
    return replace(recipe, model_args={**fitted, **recipe.model_args}, task_args=task_args)


def balanced(dataset: Dataset) -> list[float]:
    """Weights N / (K n_k) under which every class counts alike, and all together as much as before."""
    counts = dataset.train.targets.bincount(minlength=len(dataset.labels)).clamp(min=1)  # (K,)
    return [round(weight, 4) for weight in (counts.sum() / (len(counts) * counts.double())).tolist()]


UNKNOWN_DATA = "imagenet"  # what imported networks were trained on: we do not have it


def dataset_of(recipe: Recipe) -> Dataset:
    """The recipe's data, in the form in which its pretrained network reads them, if it has one."""
    if recipe.pretrained:
        return start.dataset_for(recipe.pretrained, recipe.data, recipe.data_args, **recipe.pretrained_args)
    if recipe.data == UNKNOWN_DATA:
        raise Problem("pretrained.no_data", name=recipe.data)
    return load(recipe.data, **recipe.data_args)


def build_model(recipe: Recipe) -> nn.Module:
    try:
        return MODELS[recipe.model](**recipe.model_args)
    except TypeError as error:
        raise Problem("train.model_argument", model=recipe.model, reason=error) from None


def build_task(recipe: Recipe) -> Task:
    try:
        task = cast(Task, TASKS[recipe.task](**recipe.task_args))
    except TypeError as error:
        raise Problem("train.task_argument", task=recipe.task, reason=error) from None
    return task


def weights_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach() for name, value in model.state_dict().items()}
