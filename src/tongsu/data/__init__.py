"""Data: `load("mnist")`, `load("images:FOLDER")`, `load("table:FILE?text=COLUMN&label=COLUMN")`."""

from __future__ import annotations

import difflib
import typing
from collections.abc import Callable
from typing import Any

from tongsu.data import images, imdb, mnist, points, preprocessing, reviews_zh, rotten_tomatoes, tables, toy
from tongsu.data.dataset import Dataset, Split
from tongsu.errors import Problem

__all__ = ["DATASETS", "FILES", "Dataset", "Split", "arguments_of", "load", "preprocessing"]

DATASETS: dict[str, Callable[..., Dataset]] = {
    "mnist": mnist.load,
    "imdb": imdb.load,
    "reviews-zh": reviews_zh.load,
    "rotten-tomatoes": rotten_tomatoes.load,
    "digits": toy.digits,
    "moons": toy.moons,
    "circles": toy.circles,
    "spirals": toy.spirals,
    "blobs": toy.blobs,
}
PREFIXES: dict[str, Callable[..., Dataset]] = {"images": images.load, "table": tables.load, "points": points.load}

# What is downloaded for a set; those that are missing here are drawn on the spot.
FILES = {
    "mnist": (mnist.PICKLE, *mnist.OFFICIAL),
    "imdb": (imdb.REVIEWS, imdb.OFFICIAL),
    "reviews-zh": reviews_zh.FILES,
    "rotten-tomatoes": (imdb.REVIEWS,),
}
GET = {"mnist": mnist.get, "imdb": imdb.get, "reviews-zh": reviews_zh.get, "rotten-tomatoes": rotten_tomatoes.get}


def load(spec: str, **arguments: Any) -> Dataset:
    """The data set of a name or of the person's own files, downloaded if need be.

    Raises Problem for an unknown name or argument (the nearest is named), for files that cannot be used, and when
    offline; Failure when a download was not possible.
    """
    loader, own = _loader(spec)
    known = arguments_of(spec)
    for name in arguments:
        if name not in known:
            raise Problem("data.unknown_argument", name=name, data=spec, nearest=nearest(name, known))
    return loader(*own, **arguments)


def arguments_of(spec: str) -> dict[str, Any]:
    """What may be set for a data set: the name and type of each argument of its loader."""
    loader, _ = _loader(spec)
    hints = typing.get_type_hints(loader)
    return {name: hints[name] for name in loader.__kwdefaults__ or {}}


def _loader(spec: str) -> tuple[Callable[..., Dataset], tuple[str, ...]]:
    prefix, colon, rest = spec.partition(":")
    if colon and prefix in PREFIXES:
        return PREFIXES[prefix], (rest,)
    if spec not in DATASETS:
        raise Problem("data.unknown_data", name=spec, nearest=nearest(spec, [*DATASETS, "images:FOLDER", "table:FILE"]))
    return DATASETS[spec], ()


def nearest(word: str, known: Any) -> str:
    alike = difflib.get_close_matches(word, list(known), n=1, cutoff=0.4)
    return alike[0] if alike else ", ".join(known)
