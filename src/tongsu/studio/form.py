"""The form of a recipe: the same fields that `key=value` sets on the command line, with their types and limits."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Annotated, Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticSchemaGenerationError

from tongsu.data import DATASETS, PREFIXES
from tongsu.locale import t
from tongsu.models import MODELS
from tongsu.models.mlp import ACTIVATIONS
from tongsu.models.rnn import CELLS
from tongsu.recipes import CHAPTERS
from tongsu.recipes.choose import LIMITS, choose, places
from tongsu.tasks import TASKS
from tongsu.training.build import READS
from tongsu.training.recipe import Recipe

# What a data set holds; a person's own come with a prefix.
KINDS = {
    "mnist": "images", "digits": "images", "imdb": "text", "reviews-zh": "text", "rotten-tomatoes": "text",
    **dict.fromkeys(("moons", "circles", "spirals", "blobs"), "points"),
    "images": "images", "table": "text", "points": "points",
}  # fmt: skip
# The models that a chapter is about; the first is its own.
MODELS_OF = {
    "mlp": ("mlp",), "cnn": ("cnn", "lenet5", "vgg"), "rnn": ("rnn",), "gan": ("gan",),
    "transformer": ("transformer",), "resnet": ("small-resnet", "resnet"),
}  # fmt: skip
GROUPS = {"": "how", "model_args": "model", "data_args": "data", "task_args": "task", "optimizer_args": "optimizer",
          "pretrained_args": "data"}  # fmt: skip
# Words that a field may be: the models check them by themselves.
CHOICES: dict[str, list[Any]] = {
    "activation": list(ACTIVATIONS), "cell": list(CELLS), "padding": ["read", "skip"],
    "positions": ["learned", "sinusoidal"], "attention": ["fast", "written"],
}  # fmt: skip
MAIN = ("epochs", "lr", "batch_size", "optimizer", "hidden", "activation", "filters", "cell", "bidirectional", "heads",
        "layers", "width", "skip", "blocks", "seed", "frames", "noise", "examples")  # fmt: skip
OWN_PLACE = ("model", "data", "pretrained")  # the page asks for these by themselves


def chapters() -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": t(f"studio.chapter.{name}.title"),
            "about": t(f"studio.chapter.{name}.about"),
            "presets": list(presets),
            "models": list(MODELS_OF[name]),
            "data": data_for(name),
            "task": presets["fast"]().task,
        }
        for name, presets in CHAPTERS.items()
    ]


def data_for(chapter: str) -> list[str]:
    """The named data sets that a chapter's model reads, its own first."""
    recipe = CHAPTERS[chapter]["fast"]()
    if recipe.task == "gan":
        return ["mnist", "digits"]
    fitting = [name for name in DATASETS if KINDS[name] in READS.get(recipe.model, ("images",))]
    return sorted(fitting, key=lambda name: name != recipe.data)


def kind_of(spec: str) -> str:
    """Of a data set's name, or of a person's own, `images:FOLDER`."""
    prefix = spec.partition(":")[0]
    return KINDS[prefix if prefix in PREFIXES else spec]


def form(chapter: str, preset: str, data: str | None, model: str | None) -> dict[str, Any]:
    """Raises Problem for anything unknown."""
    recipe = choose(chapter, preset, data or None, [f"model={model}"] if model else [])
    fields = []
    for home, known in places(recipe).items():
        for name, kind in known.items():
            if not (home == "" and name in OWN_PLACE):
                value = _value(recipe, home, name)
                fields.append({
                    "name": name,
                    **_words(name),
                    "group": GROUPS[home],
                    "value": list(value) if isinstance(value, tuple) else value,
                    "schema": _schema(name, kind),
                    "main": name in MAIN,
                })  # fmt: skip
    shown = {name: getattr(recipe, name) for name in ("chapter", "preset", "model", "data")}
    return {**shown, "fields": sorted(fields, key=lambda field: not field["main"])}


def _value(recipe: Recipe, home: str, name: str) -> Any:
    """What the recipe says, or else the default of whoever reads the field; None where nobody has one."""
    if home == "":
        return getattr(recipe, name)
    said = getattr(recipe, home)
    if name in said:
        return said[name]
    defaults: dict[str, Any] = {}
    if home == "model_args":
        signature = inspect.signature(MODELS[recipe.model]).parameters
        defaults = {key: parameter.default for key, parameter in signature.items()}
    elif home == "data_args":
        from tongsu.data import _loader

        defaults = _loader(recipe.data)[0].__kwdefaults__ or {}
    elif home == "task_args":
        task: Any = TASKS[recipe.task]
        defaults = {field.name: field.default for field in dataclasses.fields(task)}
    return defaults.get(name)


def _schema(name: str, kind: Any) -> dict[str, Any]:
    if name in CHOICES:
        return {"enum": CHOICES[name], "type": "string"}
    try:
        return TypeAdapter(Annotated[kind, LIMITS[name]] if name in LIMITS else kind).json_schema()
    except PydanticSchemaGenerationError:
        return {}


def _words(name: str) -> dict[str, str]:
    """A field's name in the reader's language, and what it means; its own name where we have no words for it."""
    try:
        return {"label": t(f"studio.field.{name}.label"), "help": t(f"studio.field.{name}.help")}
    except KeyError:
        return {"label": name, "help": ""}
