"""What differs between recipes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Values = Mapping[str, Any]


def differences(recipes: Sequence[Values]) -> dict[str, list[Any]]:
    """The fields of which not all recipes say the same, with what each says (None: nothing)."""
    fields = [flat(recipe) for recipe in recipes]
    names = dict.fromkeys(name for one in fields for name in one)
    values = {name: [one.get(name) for one in fields] for name in names}
    return {name: said for name, said in values.items() if any(value != said[0] for value in said)}


def flat(values: Values, prefix: str = "") -> dict[str, Any]:
    """{"a": {"b": 1}} -> {"a.b": 1}"""
    fields: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            fields |= flat(value, f"{prefix}{name}.")
        else:
            fields[prefix + name] = value
    return fields
