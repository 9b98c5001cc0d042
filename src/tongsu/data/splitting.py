"""Who learns and who examines: parts of a data set that depend on the examples alone, not on a run's seed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Sequence

from tongsu.errors import Problem


def stratified(keys: Sequence[str], targets: Sequence[int], counts: Sequence[int], seed: int = 0) -> list[list[int]]:
    """Positions of parts with `counts` examples each, and of the rest, every class in its own proportion.

    An example's place follows from sha256 of the seed and its key, so it is the same on every machine and under
    every version of any library. Each list is in ascending order. Raises Problem when there are too few examples.
    """
    by_class: dict[int, list[int]] = {}
    for at, target in enumerate(targets):
        by_class.setdefault(target, []).append(at)
    if sum(counts) + len(by_class) > len(keys) or min(counts, default=1) < 1:
        raise Problem("data.split_too_large", asked=" + ".join(map(str, counts)), count=len(keys))
    ranks = [hashlib.sha256(f"{seed}:{key}".encode("utf-8", "replace")).digest() for key in keys]
    # Every class is spread evenly over [0, 1); parts are cut from the common order.
    order = sorted(
        ((place + 0.5) / len(members), target, at)
        for target, members in by_class.items()
        for place, at in enumerate(sorted(members, key=ranks.__getitem__))
    )
    parts, start = [], 0
    for count in (*counts, len(keys) - sum(counts)):
        parts.append(sorted(at for _, _, at in order[start : start + count]))
        start += count
    return parts


def without_blanks(text: str) -> str:
    return " ".join(text.split())


def unique(
    texts: Iterable[str], targets: Iterable[Hashable], key_of: Callable[[str], str] = without_blanks
) -> tuple[list[int], int, int]:
    """So that no text stands twice: (positions to keep, repeats dropped, texts dropped as they have two labels).

    key_of: what must differ for two texts to count as two.
    """
    first: dict[str, int] = {}
    label: dict[str, Hashable] = {}
    quarrel: set[str] = set()
    count = 0
    for at, (text, target) in enumerate(zip(texts, targets, strict=True)):
        count += 1
        key = key_of(text)
        if label.setdefault(key, target) != target:
            quarrel.add(key)
        first.setdefault(key, at)
    kept = [at for key, at in first.items() if key not in quarrel]
    return kept, count - len(first), len(quarrel)
