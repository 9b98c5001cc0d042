"""What `tongsu data check` finds out before a training: how much there is of what, and what is wrong with it.

Nothing is refused here and nothing stops at the first fault: everything that can be seen is told, each with how grave
it is and what to do.
Letters used in shapes: N examples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from tongsu.locale import t

Severity = Literal["error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
EXAMPLES = 5  # that a finding names
UNEVEN = 3  # times as many examples of the commonest class as of the rarest: the weights of classes are worth a thought
LEAST, FEW = 3, 20  # examples of a class: fewer cannot be split; fewer teach little


@dataclass(frozen=True)
class Finding:
    """One thing worth saying. error: no training, or one whose figures mislead; warning: a worse model than could be;
    note: good to know. Its words stand in the catalogue under its kind."""

    kind: str
    severity: Severity
    values: Mapping[str, object] = field(default_factory=dict)
    examples: tuple[str, ...] = ()

    @property
    def what(self) -> str:
        return t(f"check.finding.{self.kind}.what", **self.values)

    @property
    def remedy(self) -> str:
        return t(f"check.finding.{self.kind}.remedy", **self.values)

    def to_dict(self) -> dict[str, Any]:
        told = {"kind": self.kind, "severity": self.severity, "what": self.what, "remedy": self.remedy}
        return {**told, "examples": list(self.examples)}


@dataclass(frozen=True)
class Shown:
    """What the picture shows beside the counts: numbers (N,) of each example, and pictures (label, (C, H, W)) uint8."""

    measure: str
    numbers: np.ndarray
    pictures: tuple[tuple[str, np.ndarray], ...] = ()


@dataclass(frozen=True)
class Examination:
    """counts: examples of each label in each part, `all` where the parts are not given; facts: other figures."""

    data: str
    kind: str
    counts: dict[str, dict[str, int]]
    facts: dict[str, Any]
    findings: tuple[Finding, ...]
    shown: Shown

    @property
    def total(self) -> int:
        return sum(sum(parts.values()) for parts in self.counts.values())

    @property
    def sound(self) -> bool:
        return not any(finding.severity == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        ordered = sorted(self.findings, key=lambda finding: SEVERITIES.index(finding.severity))
        return {
            "data": self.data, "kind": self.kind, "examples": self.total, "counts": self.counts, "facts": self.facts,
            "sound": self.sound, "findings": [finding.to_dict() for finding in ordered],
        }  # fmt: skip


def counted(labels: Sequence[str], parts: Sequence[str | None]) -> dict[str, dict[str, int]]:
    """Examples by label and part, labels in the order of their names."""
    found = Counter(zip(labels, parts, strict=True))
    order = [part for part in ("train", "validation", "test", None) if part in set(parts)]
    return {
        label: {part or "all": found[label, part] for part in order} for label in sorted(set(labels))
    }  # fmt: skip


def about_counts(counts: Mapping[str, Mapping[str, int]]) -> list[Finding]:
    """One class only, too few of a class, many more of one than of another, a class with nothing to learn from."""
    sums = {label: sum(parts.values()) for label, parts in counts.items()}
    if len(sums) < 2:
        return [Finding("one_class", "error", {"label": next(iter(sums), "–")})]
    findings = []
    for kind, severity, least, most in (("too_few", "error", 0, LEAST), ("few", "warning", LEAST, FEW)):
        rare = {label: count for label, count in sums.items() if least <= count < most}
        if rare:
            names = tuple(f"{label}: {count}" for label, count in rare.items())[:EXAMPLES]
            severe: Severity = "error" if severity == "error" else "warning"
            findings.append(Finding(kind, severe, {"count": len(rare), "least": most}, names))
    rarest, commonest = min(sums, key=lambda k: sums[k]), max(sums, key=lambda k: sums[k])
    if sums[commonest] >= UNEVEN * max(sums[rarest], 1):
        share = f"{sums[commonest] / sum(sums.values()):.0%}"
        times = f"{sums[commonest] / max(sums[rarest], 1):.0f}"
        values = {"common": commonest, "rare": rarest, "times": times, "share": share}
        findings.append(Finding("uneven", "warning", values))
    unseen = [label for label, parts in counts.items() if "train" in parts and not parts["train"]]
    if unseen:
        findings.append(Finding("not_learned", "error", {"count": len(unseen)}, tuple(unseen[:EXAMPLES])))
    return findings


@dataclass(frozen=True)
class Copies:
    """Examples that are the same, or nearly: groups of positions."""

    groups: Sequence[Sequence[int]]

    def findings(
        self, names: Sequence[str], labels: Sequence[str], parts: Sequence[str | None], near: bool
    ) -> list[Finding]:
        """Under two labels; in two parts; and otherwise just twice. Each group is told once, by its gravest fault."""
        by_kind: dict[str, list[Sequence[int]]] = {}
        for group in self.groups:
            kind = "copies"
            if len({labels[at] for at in group}) > 1:
                kind = "two_labels"
            elif len({parts[at] or "train" for at in group}) > 1:
                kind = "leak"
            by_kind.setdefault(kind, []).append(group)
        grave: dict[str, Severity] = {"two_labels": "error", "leak": "error", "copies": "note"}
        if near:
            grave = {"two_labels": "warning", "leak": "warning", "copies": "note"}
        return [
            Finding(
                f"near_{kind}" if near else kind, severity,
                {"count": f"{sum(map(len, by_kind[kind])):,}", "groups": f"{len(by_kind[kind]):,}"},
                tuple(" = ".join(f"{names[at]} [{labels[at]}]" for at in group[:3])
                      for group in by_kind[kind][:EXAMPLES]),
            )
            for kind, severity in grave.items() if kind in by_kind
        ]  # fmt: skip


def same(keys: Sequence[str]) -> Copies:
    """Examples whose keys are equal."""
    places: dict[str, list[int]] = {}
    for at, key in enumerate(keys):
        places.setdefault(key, []).append(at)
    return Copies([group for group in places.values() if len(group) > 1])


def joined(pairs: Sequence[tuple[int, int]]) -> Copies:
    """Groups from pairs: who is alike to one of a group belongs to it."""
    head: dict[int, int] = {}

    def find(at: int) -> int:
        while head.setdefault(at, at) != at:
            head[at] = head[head[at]]
            at = head[at]
        return at

    for a, b in pairs:
        head[find(a)] = find(b)
    groups: dict[int, list[int]] = {}
    for at in sorted(head):
        groups.setdefault(find(at), []).append(at)
    return Copies(list(groups.values()))


def spread(values: np.ndarray) -> dict[str, float]:
    """Least, middle and most of numbers (N,), and where the longest tenth begins."""
    if not len(values):
        return {}
    least, middle, tenth, most = (float(np.quantile(values, q)) for q in (0, 0.5, 0.9, 1))
    return {"least": least, "median": middle, "nine_tenths": tenth, "most": most}
