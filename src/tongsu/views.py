"""Views of a run: what a person gives is read as training read it, and what comes back knows words and labels.

    seen = ask(Learned.load(run), "unit", "seven.png", {"layer": "hidden.0", "unit": 3})
    as_json(seen); picture(seen); seen.answer.terms
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor

from tongsu import explain
from tongsu.data import Dataset, Split
from tongsu.data.preprocessing import Text
from tongsu.errors import Problem
from tongsu.evaluate import split_of
from tongsu.explain import Parameter, View
from tongsu.explain.arrays import packed
from tongsu.learned import Learned
from tongsu.training.build import UNKNOWN_DATA, dataset_of
from tongsu.trials import Game, Trials, few

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPLITS = ("train", "validation", "test")
EXAMPLES = Parameter("examples", "integer", 500, minimum=2, maximum=10_000)
SPLIT = Parameter("split", "choice", "test", SPLITS)
START = "<start>"  # what a text begins with when there is room: no word of the person's
LARGE_NET = 64  # examples of nets whose maps fill the memory


@dataclass(frozen=True)
class Example:
    """One example of the run's own data."""

    split: str
    index: int

    @staticmethod
    def parse(text: str) -> Example | None:
        """`test:17`; None for anything else."""
        found = re.fullmatch(r"(train|validation|test):(\d+)", text)
        return Example(found[1], int(found[2])) if found else None


@dataclass(frozen=True)
class Given:
    """One input as the model reads it, x (1, ...); `compact` is the same before it is scaled."""

    x: Tensor
    compact: Tensor
    words: tuple[str, ...] | None = None
    target: int | None = None


@dataclass(frozen=True)
class Seen:
    """An answer and what it is about. words: along every axis "word". image: (C, H, W) uint8. target: the true class
    of an example. targets: those of a batch."""

    view: str
    answer: Any
    labels: tuple[str, ...]
    words: tuple[str, ...] | None = None
    image: np.ndarray | None = None
    target: int | None = None
    vocabulary: tuple[str, ...] = field(default=(), repr=False)


def fitting(learned: Learned) -> dict[str, View]:
    """The views that can be asked of a run. A GAN of which only one half is there has none of the game's, a network
    whose data we do not have none of many examples."""
    found = {name: view for name, view in explain.VIEWS.items() if view.fits(learned.model)}
    if learned.recipe.data == UNKNOWN_DATA:
        found = {name: view for name, view in found.items() if view.input in ("one", "none")}
    if learned.recipe.task == "gan" and learned.run.environment().get("part"):
        found = {name: view for name, view in found.items() if not view.function.__module__.endswith(".latent")}
    return found


def parameters_of(view: View) -> tuple[Parameter, ...]:
    """What a person may set: the view's own, and of which examples a view of many is made."""
    return view.parameters + ((EXAMPLES, SPLIT) if view.input in ("batch", "real") else ())


def ask(
    learned: Learned, name: str, raw: Any = None, parameters: dict[str, Any] | None = None,
    dataset: Dataset | None = None,
) -> Seen:  # fmt: skip
    """One view. raw: what the run's preprocessing reads (a file, a PIL image or array, a text, a point), an Example,
    a Given, or None. parameters: by name, as values or as text; `plane` may be another answer's.
    dataset: the run's, where the caller has it at hand.

    Raises Problem for a view that does not fit, a parameter that it does not have, and a missing or unreadable input.
    """
    known = fitting(learned)
    if name not in known:
        key = "explain.does_not_fit" if name in explain.VIEWS else "explain.no_view"
        raise Problem(key, view=name, run=learned.run.name, known=", ".join(known))
    view = known[name]
    values = read_parameters(name, view, parameters or {})
    examples, split = values.pop("examples", None), values.pop("split", "test")
    if view.takes("background") and learned.preprocessing.kind == "images":
        values["background"] = background(learned)
    for name_of, trained in (("trials", Trials), ("game", Game)):
        if view.takes(name_of):
            dataset = dataset or dataset_of(learned.recipe)
            part = split_of(learned, "train", dataset)
            own = replace(dataset, train=part, preprocessing=learned.preprocessing)
            values[name_of] = trained(learned.recipe, own)
    given: list[Tensor] = []
    one: Given | None = None
    if view.input == "one":
        one = raw if isinstance(raw, Given) else read(learned, raw, dataset)
        given = [one.x]
    elif view.input in ("batch", "real"):
        part = split_of(learned, split, dataset)
        x, targets = batch(learned, part, examples)
        given = [x, targets] if view.input == "batch" else [x]
    answer = view.function(learned.model, *given, **values)
    return Seen(
        name, answer, learned.labels, one.words if one else None,
        one.compact.numpy() if one and learned.preprocessing.kind == "images" else None,
        one.target if one else None, getattr(learned.preprocessing, "vocabulary", ()),
    )  # fmt: skip


def batch(learned: Learned, part: Split, examples: int | None) -> tuple[Tensor, Tensor]:
    """Examples spread evenly over a split, which may be sorted by class, as model input (N, ...); and their classes
    (N,). The same ones every time."""
    count = examples or (LARGE_NET if hasattr(learned.model, "at_once") else cast(int, EXAMPLES.default))
    chosen = few(part, count)
    return learned.preprocessing.scale(chosen.inputs), chosen.targets


def background(learned: Learned) -> Tensor:
    """Black in the model's units, (C,)."""
    channels = cast(Any, learned.preprocessing).channels
    return learned.preprocessing.scale(torch.zeros(1, channels, 1, 1, dtype=torch.uint8)).flatten()


def read(learned: Learned, raw: Any, dataset: Dataset | None = None) -> Given:
    """What a person gave, or an Example of the run's data. Raises Problem when there is none, or it cannot be read."""
    prepare, target = learned.preprocessing, None
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        raise Problem("explain.needs_input", kind=prepare.kind)
    if isinstance(raw, Example):
        part = split_of(learned, raw.split, dataset)
        if raw.index >= len(part):
            raise Problem("explain.no_example", index=raw.index, split=raw.split, last=len(part) - 1)
        target = int(part.targets[raw.index])
        if prepare.kind != "text":
            compact = part.inputs[raw.index]
            return Given(prepare.scale(compact[None]), compact, None, target)
        raw = part.texts[raw.index]
    if prepare.kind != "text":
        compact = prepare.read(raw)
        return Given(prepare.scale(compact[None]), compact, None, target)
    words, compact = cast(Text, prepare).words(raw)
    count = int(compact.ne(0).cumsum(0).gt(0).sum())
    return Given(prepare.scale(compact[None]), compact, (START,) * (count - len(words)) + tuple(words), target)


def read_parameters(name: str, view: View, given: dict[str, Any]) -> dict[str, Any]:
    """Values of the right type, defaults left to the view. None and "" are not given."""
    known = {one.name: one for one in parameters_of(view)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key == "plane" and view.takes("plane"):
            values[key] = value
        elif key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            names = near[0] if near else ", ".join(known) or "–"
            raise Problem("explain.no_option", view=name, option=key, known=names)
        elif value is not None and value != "":
            values[key] = _value(known[key], value)
    return values


def _value(parameter: Parameter, value: Any) -> Any:
    """One parameter from a value or a text."""
    kind, name = parameter.kind, parameter.name
    try:
        if kind == "integers":
            found: Any = [int(part) for part in (value.replace(",", " ").split() if isinstance(value, str) else value)]
        elif kind == "integer":
            found = int(value)
            if isinstance(value, bool) or found != float(value):
                raise ValueError
        elif kind == "number":
            found = float(value)
            if isinstance(value, bool) or not np.isfinite(found):
                raise ValueError
        else:
            found = str(value)
    except (TypeError, ValueError, OverflowError):
        raise Problem("explain.not_a_value", what=name, value=value, kind=kind) from None
    if kind == "choice" and found not in parameter.choices:
        raise Problem("explain.choice", what=name, value=found, known=", ".join(parameter.choices))
    if kind in ("integer", "number"):
        if parameter.minimum is not None and found < parameter.minimum:
            raise Problem("explain.at_least", what=name, value=found, least=parameter.minimum)
        if parameter.maximum is not None and found > parameter.maximum:
            raise Problem("explain.at_most", what=name, value=found, most=parameter.maximum)
    return found


def as_json(seen: Seen) -> dict[str, Any]:
    """{"view", "labels", "words", "image", "target", "answer"}; neighbours also come as words, "spelled"."""
    told: dict[str, Any] = {
        "view": seen.view,
        "labels": list(seen.labels),
        "words": list(seen.words) if seen.words is not None else None,
        "image": packed(seen.image, ("channel", "row", "column")) if seen.image is not None else None,
        "target": seen.target,
        "answer": explain.as_json(seen.answer),
    }
    if seen.view == "neighbours":
        told["spelled"] = [[seen.vocabulary[n] for n in row] for row in seen.answer.neighbours.tolist()]
    return told


def picture(seen: Seen) -> Figure:
    """The answer as a person would put it on a slide."""
    from tongsu.plots.views import About, draw

    return draw(seen.view, seen.answer, About(seen.labels, seen.words or (), seen.image, seen.target, seen.vocabulary))
