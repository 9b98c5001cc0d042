"""Arguments that no net can be built from, said in one line."""

from __future__ import annotations

from collections.abc import Iterable

from tongsu.errors import Problem


def one_of(argument: str, value: object, choices: Iterable[object]) -> None:
    """Raise Problem unless `value` is one of `choices`."""
    choices = list(choices)
    if value not in choices:
        raise Problem("models.choice", argument=argument, value=value, choices=", ".join(map(str, choices)))


def at_least(argument: str, value: int, least: int) -> None:
    """Raise Problem if `value` is below `least` (a picture too small for its poolings, a width of 0, ...)."""
    if value < least:
        raise Problem("models.too_small", argument=argument, value=value, least=least)
