"""A folder of pictures looked through before a training: every file is opened, and nothing is refused.

Letters used in shapes: N pictures, C channels, S side of a thumbnail.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tongsu.data import alike, pictures
from tongsu.data.check import (
    EXAMPLES,
    Examination,
    Finding,
    Severity,
    Shown,
    about_counts,
    counted,
    joined,
    same,
    spread,
)
from tongsu.data.files import threads
from tongsu.data.images import TOGETHER, classes, digest_of, pictures_in
from tongsu.errors import Problem

MOST = 10_000  # pictures that are compared with each other; of more, evenly chosen ones
LONG = 2.5  # times as long as wide: cutting out the middle loses more than half
SHOWN = 6  # pictures of a class that the overview shows
SHOWN_SIDE = 64


@dataclass(frozen=True)
class Look:
    """What one file is. thumb: (3, S, S) uint8."""

    file: Path
    name: str
    label: str
    part: str | None
    digest: str
    width: int
    height: int
    mode: str
    thumb: np.ndarray


def check(where: str, *, size: int = 32) -> Examination:
    """Raises Problem only if there is no such folder."""
    folder = Path(where).expanduser()
    findings: list[Finding] = []
    listed: list[tuple[Path, str, str | None]] = []
    strange: list[str] = []
    for entry, part in classes(folder):
        found = pictures_in(entry)
        if not found:
            findings.append(Finding("empty_class", "error", {"folder": str(entry)}))
        listed += [(file, entry.name, part) for file in found]
        strange += [str(f.relative_to(folder)) for f in sorted(entry.rglob("*")) if f.is_file() and f not in set(found)]
    if not listed:
        finding = Finding("no_pictures", "error", {"folder": str(folder)})
        return Examination(f"images:{where}", "images", {}, {}, (finding,), Shown("side", np.empty(0)))
    looks, broken = _looked(listed, folder)
    if broken:
        findings.append(Finding("broken", "error", {"count": f"{len(broken):,}"}, tuple(broken[:EXAMPLES])))
    if strange:
        findings.append(Finding("other_files", "note", {"count": f"{len(strange):,}"}, tuple(strange[:EXAMPLES])))
    labels, parts = [look.label for look in looks], [look.part for look in looks]
    counts = counted(labels, parts)
    findings += about_counts(counts)
    findings += _about_pictures(looks, size)
    sides = np.array([min(look.width, look.height) for look in looks], dtype=float)
    facts = {
        "width": spread(np.array([look.width for look in looks])),
        "height": spread(np.array([look.height for look in looks])),
        "modes": dict(Counter(look.mode for look in looks).most_common()),
        "broken": len(broken),
    }
    if looks:
        similar, opinion = _about_likeness(looks)
        findings += similar
        facts |= opinion
    return Examination(f"images:{where}", "images", counts, facts, tuple(findings), Shown("side", sides, _few(looks)))


def _looked(listed: list[tuple[Path, str, str | None]], folder: Path) -> tuple[list[Look], list[str]]:
    def one(example: tuple[Path, str, str | None]) -> Look | Problem:
        file, label, part = example
        try:
            with pictures.opened(file) as image:
                grey = image.mode == "L"
                mode = "grey" if grey else "transparent" if image.mode == "RGBA" else "colour"
                thumb = pictures.fitted(image, 3, alike.SIDE, alike.SIDE)
            with Image.open(file, formats=pictures.FORMATS) as image:  # sound: it has just been decoded
                width, height = image.size
            return Look(file, str(file.relative_to(folder)), label, part, digest_of(file), width, height, mode, thumb)
        except Problem as problem:
            return problem

    looks: list[Look] = []
    broken: list[str] = []
    with threads() as pool:
        for start in range(0, len(listed), TOGETHER):
            for result in pool.map(one, listed[start : start + TOGETHER]):
                if isinstance(result, Look):
                    looks.append(result)
                else:
                    broken.append(result.message)
    return looks, broken


def _about_pictures(looks: list[Look], size: int) -> list[Finding]:
    """Blank ones, small ones, long ones, and colour that gives the class away."""
    findings = []
    blank = [look.name for look in looks if look.thumb.std((1, 2)).max() < alike.FLAT]
    small = [look.name for look in looks if min(look.width, look.height) < size]
    long = [look.name for look in looks if max(look.width, look.height) > LONG * min(look.width, look.height)]
    for kind, names in (("blank", blank), ("small", small), ("long", long)):
        if names:
            severity: Severity = "warning" if kind == "blank" else "note"
            values = {"count": f"{len(names):,}", "size": size}
            findings.append(Finding(kind, severity, values, tuple(names[:EXAMPLES])))
    modes: dict[str, set[bool]] = {}
    for look in looks:
        modes.setdefault(look.label, set()).add(look.mode == "grey")
    if len(modes) > 1 and all(len(kinds) == 1 for kinds in modes.values()) and len({*map(min, modes.values())}) == 2:
        grey = ", ".join(label for label, kinds in modes.items() if min(kinds))
        findings.append(Finding("colour_tells", "warning", {"labels": grey}))
    return findings


def _about_likeness(looks: list[Look]) -> tuple[list[Finding], dict[str, object]]:
    """Copies, near copies, and labels that the nearest neighbours doubt."""
    names, labels = [look.name for look in looks], [look.label for look in looks]
    parts = [look.part for look in looks]
    exact = same([look.digest for look in looks])
    findings = exact.findings(names, labels, parts, near=False)
    step = -(-len(looks) // MOST)
    chosen = list(range(0, len(looks), step))
    thumbs = np.stack([looks[at].thumb for at in chosen]).reshape(len(chosen), -1).astype(np.float32)  # (N, 3 S S)
    near = alike.near_pictures(thumbs)
    known = {frozenset((a, b)) for group in exact.groups for a in group for b in group}
    fresh = [(chosen[a], chosen[b]) for a, b in near if frozenset((chosen[a], chosen[b])) not in known]
    findings += joined(fresh).findings(names, labels, parts, near=True)
    order = sorted(set(labels))
    targets = np.array([order.index(labels[at]) for at in chosen])
    facts: dict[str, object] = {"compared": len(chosen)}
    if len(order) > 1 and len(chosen) > alike.NEIGHBOURS + 1:
        opinion = alike.by_neighbours(thumbs, targets, near)
        chance = float(np.bincount(targets).max() / len(targets))
        facts |= {"baseline": "neighbours", "baseline_accuracy": round(opinion.accuracy, 4), "chance": round(chance, 4)}
        doubtful = opinion.doubtful(targets, chance)
        told = tuple(f"{names[chosen[at]]}: {labels[chosen[at]]} → {order[opinion.answers[at]]}" for at in doubtful)
        if told:
            accuracy = f"{opinion.accuracy:.0%}"
            values = {"count": f"{len(told):,}", "accuracy": accuracy}
            findings.append(Finding("doubtful_neighbours", "warning", values, told[: 2 * EXAMPLES]))
    return findings, facts


def _few(looks: list[Look]) -> tuple[tuple[str, np.ndarray], ...]:
    """The first pictures of each class, for the overview."""
    shown: list[tuple[str, np.ndarray]] = []
    for label in sorted({look.label for look in looks})[:10]:
        for look in [other for other in looks if other.label == label][:SHOWN]:
            with pictures.opened(look.file) as image:
                shown.append((label, pictures.fitted(image, 3, SHOWN_SIDE, SHOWN_SIDE)))
    return tuple(shown)
