"""What an exercise is, and what its check answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tongsu.locale import t

Kind = Literal["code", "run", "server"]


@dataclass(frozen=True)
class Verdict:
    """saw: what the check looked at, a sentence each. hint: where to look next; empty when it is passed."""

    passed: bool
    saw: tuple[str, ...]
    hint: str = ""

    def to_dict(self) -> dict[str, Any]:
        return {"passed": self.passed, "saw": list(self.saw), "hint": self.hint}


@dataclass(frozen=True)
class Exercise:
    """wants: what `check` is given, in order: FILE, an ADDRESS, or runs. starter: the file that is to be completed.
    The text and all hints stand in the catalogue under `lessons.exercise.<name>`."""

    name: str
    lesson: str
    kind: Kind
    wants: tuple[str, ...]
    check: Callable[..., Verdict]
    starter: str = ""

    @property
    def title(self) -> str:
        return t(f"lessons.exercise.{self.name}.title")

    @property
    def text(self) -> str:
        """Markdown."""
        return t(f"lessons.exercise.{self.name}.text").strip()

    @property
    def usage(self) -> str:
        return " ".join(["tongsu exercise check", self.name, *self.wants])

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "lesson": self.lesson, "kind": self.kind, "title": self.title, "text": self.text,
                "wants": list(self.wants), "starter": self.starter}  # fmt: skip
