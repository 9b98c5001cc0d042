"""Which recipe a person asked for: chapter, preset, data and `key=value` changes, each checked before anything runs."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import json
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from tongsu.data import Dataset, arguments_of
from tongsu.data.alike import mirror_harms
from tongsu.data.check import UNEVEN
from tongsu.data.check_sets import thumbnails
from tongsu.errors import Problem
from tongsu.locale import t
from tongsu.models import MODELS
from tongsu.pretrained import start
from tongsu.recipes import CHAPTERS, finetune, rnn
from tongsu.tasks import TASKS
from tongsu.training.augment import Augment
from tongsu.training.recipe import Recipe, Values

USUAL_RATES = {"adam": 2e-3, "adamw": 2e-3, "sgd": 0.1, "muon": 0.02}  # of an optimizer that the preset does not have
WHOLE: Values = {"hardest": 1.0, "freeze": 1.0}  # all examples, all layers
OPTIMIZER_ARGUMENTS = {"weight_decay": float, "momentum": float, "betas": tuple[float, float]}
SHARE = Field(ge=0, lt=1)
LIMITS = {
    "lr": Field(gt=0, allow_inf_nan=False),
    "epochs": Field(ge=1),
    "batch_size": Field(ge=1),
    "patience": Field(ge=0),
    "min_delta": Field(ge=0),
    "frames": Field(ge=0),
    "seed": Field(ge=0, lt=2**32),
    "clip": Field(ge=0),
    "samples": Field(ge=2),
    "examples": Field(ge=0),
    "tokens": Field(ge=3, le=512),
    "layer_rate": Field(gt=0, le=1),
    "hardest": Field(gt=0, le=1),
    "freeze": Field(gt=0, le=1),
    "weight_decay": Field(ge=0),
    **dict.fromkeys(("warmup", "average", "momentum", "label_smoothing", "dropout", "embedding_dropout"), SHARE),
}
MONITORS: dict[str, Any] = {
    "classify": Literal["val_loss", "val_accuracy", "loss", "accuracy"],
    "gan": Literal["val_frechet_distance", "val_coverage"],
}
DECIDED = {"outputs", "channels", "size", "inputs", "words", "length"}  # the data decide these of a model
FIXED = {"chapter", "preset", "task", "model_args", "data_args", "task_args", "optimizer_args", "pretrained_args"}


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like `word`, or all of them when none is alike."""
    known = sorted(known)
    alike = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return alike[0] if alike else ", ".join(known)


def choose(chapter: str, preset: str = "fast", data: str | None = None, changes: Iterable[str] = ()) -> Recipe:
    """The recipe of a chapter with `key=value` changes. Raises Problem for anything unknown or of the wrong type."""
    if chapter not in CHAPTERS:
        raise Problem("train.unknown_chapter", chapter=chapter, nearest=nearest(chapter, CHAPTERS))
    presets = CHAPTERS[chapter]
    if preset not in presets:
        raise Problem("train.unknown_preset", preset=preset, known=", ".join(presets))
    pairs = _pairs(changes)
    pretrained = pairs.pop("pretrained", "")
    recipe = finetune.recipe(chapter, preset, pretrained) if pretrained else presets[preset]()
    if pretrained and pairs.get("model", recipe.model) != recipe.model:
        raise Problem("pretrained.wrong_model", name=pretrained, model=recipe.model, asked=pairs["model"])
    if data:
        pairs["data"] = data
    recipe = on_data(recipe, pairs.pop("data", recipe.data))
    if pairs.get("model", recipe.model) != recipe.model:
        recipe = without_sparing(recipe)
        recipe = with_optimizer(recipe, "adam") if recipe.optimizer == "muon" else recipe
    recipe = replace(recipe, model=pairs.pop("model", recipe.model))
    if recipe.model == "rnn":
        if preset != "reference" and recipe.data.startswith(OWN):
            pairs.setdefault("cell", "lstm")  # the chapter begins with the simple cell; a person wants one that works
        recipe = rnn.for_cell(recipe, pairs.get("cell", "simple"))
    homes = places(recipe)
    # What the preset says of another model does not carry over.
    known = {k: v for k, v in recipe.model_args.items() if pretrained or k in homes["model_args"]}
    recipe = with_optimizer(replace(recipe, model_args=known), pairs.get("optimizer", recipe.optimizer))
    for key, text in pairs.items():
        recipe = _set(recipe, homes, key, text)
    return recipe


def change(recipe: Recipe, changes: Iterable[str]) -> Recipe:
    """`recipe` with `key=value` changes, its model as it is."""
    pairs = _pairs(changes)
    recipe = on_data(recipe, pairs.pop("data", recipe.data))
    recipe = with_optimizer(recipe, pairs.get("optimizer", recipe.optimizer))
    homes = places(recipe)
    for key, text in pairs.items():
        recipe = _set(recipe, homes, key, text)
    return recipe


def on_data(recipe: Recipe, data: str) -> Recipe:
    """`recipe` on other data, without settings that those do not know; how many examples it takes goes as well, and so
    does what it spares: where labels may be wrong, the wrong ones are the hardest of all."""
    if data == recipe.data:
        return recipe
    known = set(arguments_of(data)) - {"examples"}
    kept = {k: v for k, v in recipe.data_args.items() if k in known}
    return replace(without_sparing(recipe), data=data, data_args=kept)


def without_sparing(recipe: Recipe, asked: Iterable[str] = ()) -> Recipe:
    """All examples, all layers, the net's own dropout, but for what was asked for by name: what a preset spares holds
    for its own net and data."""
    kept = {k: v for k, v in recipe.model_args.items() if k != "dropout" or k in asked}
    whole = {name: value for name, value in WHOLE.items() if name not in asked}
    return replace(recipe, model_args=kept, **whole)


def with_optimizer(recipe: Recipe, name: str) -> Recipe:
    """`recipe` with another optimizer and its usual rate: rates do not carry over from one to the next."""
    if name == recipe.optimizer or name not in USUAL_RATES:
        return recipe
    return replace(recipe, optimizer=name, optimizer_args={}, lr=USUAL_RATES[name])  # type: ignore[arg-type]


def _pairs(changes: Iterable[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for change in changes:
        key, equals, value = map(str.strip, change.partition("="))
        if not equals or not key:
            raise Problem("train.not_a_pair", text=change)
        if key == "model" and value not in MODELS:
            raise Problem("train.unknown_model", model=value, nearest=nearest(value, MODELS))
        pairs[key] = value
    return pairs


def places(recipe: Recipe) -> dict[str, Mapping[str, Any]]:
    """Where a key may live, and the type it has there: the recipe itself, then what it passes on."""
    model = typing.get_type_hints(MODELS[recipe.model].__init__)
    task: Any = TASKS[recipe.task]
    unknown = FIXED | (set(WHOLE) if recipe.task == "gan" else set())  # two nets, and no drawing has a loss of its own
    own = {k: v for k, v in typing.get_type_hints(Recipe).items() if k not in unknown}
    accepted: Iterable[str] = inspect.signature(MODELS[recipe.model]).parameters
    if recipe.pretrained:  # its weights have their shapes already
        accepted = [name for name in accepted if name in ("dropout", "statistics")]
    return {
        "": {**own, "monitor": MONITORS[recipe.task], "lengths": tuple[Annotated[int, Field(ge=1)], ...]},
        "model_args": {k: model.get(k, Any) for k in accepted if k not in DECIDED},
        "data_args": arguments_of(recipe.data),
        "task_args": {f.name: typing.get_type_hints(task)[f.name] for f in dataclasses.fields(task)},
        "optimizer_args": OPTIMIZER_ARGUMENTS,
        "pretrained_args": start.arguments_of(recipe.pretrained) if recipe.pretrained else {},
    }


def _set(recipe: Recipe, homes: dict[str, Mapping[str, Any]], key: str, text: str) -> Recipe:
    for home, known in homes.items():
        if key in known:
            value = _typed(key, text, Annotated[known[key], LIMITS[key]] if key in LIMITS else known[key])
            if not home:
                found: Values = {key: value}
            else:
                found = {home: {**getattr(recipe, home), key: value}}
            return replace(recipe, **found)
    every = {name for known in homes.values() for name in known}
    raise Problem("train.unknown_key", key=key, nearest=nearest(key, every))


def _typed(key: str, text: str, kind: Any) -> Any:
    """`text` as the type of its field; lists are written 128,64."""
    is_list = typing.get_origin(kind) in (tuple, Sequence)
    written = f"[{text}]" if is_list and not text.startswith("[") else text
    try:
        raw = json.loads(written)
    except ValueError:
        raw = text
    try:
        return TypeAdapter(kind).validate_python(raw)
    except ValidationError as error:
        reason = _reason(error.errors()[0])
        raise Problem("train.wrong_type", key=key, text=text, reason=reason) from None


def _reason(error: Any) -> str:
    """What was expected, in the reader's language where we have words for it."""
    kind = error["type"].removesuffix("_parsing").removesuffix("_type")
    words = {"int": "int", "int_from_float": "int", "float": "float", "bool": "bool", "list": "list", "tuple": "list",
             "greater_than": "more", "greater_than_equal": "least", "less_than": "less", "less_than_equal": "most",
             "literal_error": "one_of", "sequence_str": "list"}  # fmt: skip
    if kind not in words:
        return str(error["msg"])
    wanted = next(iter(error.get("ctx", {}).values()), "")
    return t(f"train.reason.{words[kind]}", wanted=str(wanted).replace(" or ", ", "))


OWN_STEPS = 500  # few examples need more than the preset's epochs before a model has learned anything
OWN = ("images:", "table:")  # a person's own data
LOOKED_AT = 1_000  # pictures from which the kind of augmentation is told


def fit_to_data(recipe: Recipe, dataset: Dataset, asked: Iterable[str] = ()) -> Recipe:
    """For small data: batch, epochs and rate give about 500 updates at least, all examples are learned from, and the
    best epoch is kept; with texts, labels are smoothed and a recurrent net learns at half the rate.

    A person's own data get more: weights for classes that are rare, and pictures that vary from showing to showing.
    What the person set by hand (`asked`) stays as it is, and the road map's own `reference` is never touched.
    """
    count, named = len(dataset.train), {change.partition("=")[0] for change in asked}
    if recipe.preset == "fast" and recipe.task == "classify" and recipe.data.startswith(OWN):
        if "class_weights" not in named and uneven(dataset):
            recipe = replace(recipe, task_args={**recipe.task_args, "class_weights": "auto"})
        if "augment" not in named and dataset.preprocessing.kind == "images" and not recipe.pretrained:
            recipe = replace(recipe, augment=suited(dataset))
    if recipe.pretrained:  # few epochs are enough, and the rate fits them
        few = max(2, min(recipe.batch_size, count // 4))
        return recipe if "batch_size" in named else replace(recipe, batch_size=few)
    if recipe.preset == "reference" or count // recipe.batch_size * recipe.epochs >= OWN_STEPS or count >= 5_000:
        return recipe
    changes: Values = {}
    batch = recipe.batch_size
    if "batch_size" not in named:
        batch = changes["batch_size"] = max(4, min(batch, count // 10))
    if "lr" not in named and recipe.optimizer == "sgd":  # its step follows the batch (Goyal et al. 2017)
        changes["lr"] = recipe.lr * min(1.0, batch / recipe.batch_size)
    if "epochs" not in named:
        updates = OWN_STEPS if recipe.preset == "fast" else OWN_STEPS // 5
        changes["epochs"] = max(1, min(100, -(-updates * batch // max(count, 1))))
    if not recipe.restore_best and recipe.task == "classify":
        changes["restore_best"] = True
    if recipe.task == "classify" and dataset.preprocessing.kind == "text":
        # A net learns few texts by heart before it understands them, and is ever surer of its errors: its loss rises
        # while it still gets better, so the epoch of lowest loss would be one before it has learned. Figures: LOG.md.
        if "label_smoothing" not in named:
            changes["task_args"] = {**recipe.task_args, "label_smoothing": 0.1}
        if "lr" not in named and recipe.model == "rnn":
            changes["lr"] = changes.get("lr", recipe.lr) / 2  # of what the batch has left of it
    return replace(without_sparing(recipe, named), lengths=(), **changes)


def uneven(dataset: Dataset) -> bool:
    """Whether the commonest class has several times as many examples as the rarest."""
    counts = dataset.train.targets.bincount(minlength=len(dataset.labels))
    return bool(counts.max() >= UNEVEN * counts.min())


def suited(dataset: Dataset) -> Augment:
    """How pictures may vary without becoming something else: mirrored only if that does not harm (`alike.py`)."""
    count = len(dataset.train)
    some = list(range(0, count, -(-count // LOOKED_AT)))
    harms = mirror_harms(thumbnails(dataset.train.inputs[some]), dataset.train.targets[some].numpy())
    return "shift" if harms else "photo"
