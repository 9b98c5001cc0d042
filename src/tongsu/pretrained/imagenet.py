"""What the thousand numbers of ImageNet mean, in English and in Chinese: our own list, in the order of the numbers."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tongsu.locale import language

FILE = Path(__file__).with_name("imagenet_classes.tsv")  # English, tab, Chinese


@cache
def both() -> tuple[tuple[str, str], ...]:
    """(English, Chinese) of each class, 0 to 999; no name stands twice in either language."""
    rows = FILE.read_text(encoding="utf-8").splitlines()
    return tuple((english, chinese) for english, chinese in (row.split("\t") for row in rows))


def classes(lang: str | None = None) -> tuple[str, ...]:
    """The names in a language, the reader's own unless said otherwise."""
    return tuple(names[(lang or language()) == "zh"] for names in both())
