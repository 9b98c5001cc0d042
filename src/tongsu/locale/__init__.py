"""Every sentence a person reads, in Chinese and in English: `t("data.saved", file=...)`.

A key is `area.entry` (or `area.entry.part`); its text stands in `locale/<language>/<area>.toml`.
The language is what a server's client asks for (`speaking`), else `--lang`, else `TONGSU_LANG`, else the system's:
Chinese for zh_*, English for all others.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Literal, cast

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_chosen: Language | None = None
_asked: ContextVar[Language | None] = ContextVar("language", default=None)


def language() -> Language:
    if (asked := _asked.get()) is not None:
        return asked
    if _chosen is not None:
        return _chosen
    for variable in ("TONGSU_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(variable, "")
        if value:
            return "zh" if value.lower().startswith("zh") else "en"
    return "en"


def set_language(value: str | None) -> None:
    """Choose the language for this process; None goes back to what the environment says."""
    global _chosen
    if value is not None and value not in LANGUAGES:
        raise ValueError(f"language must be one of {LANGUAGES}, not {value!r}")
    _chosen = value


@contextmanager
def speaking(lang: Language | None) -> Iterator[None]:
    """One request's language inside a server: in this task, and in threads that get its context. None: no change."""
    token = _asked.set(lang or _asked.get())
    try:
        yield
    finally:
        _asked.reset(token)


def preferred(header: str) -> Language | None:
    """The language that a browser asks for: `zh-CN,zh;q=0.9,en;q=0.8` is zh. None if it asks for neither."""
    ranked: list[tuple[float, Language]] = []
    for part in header.split(","):
        tag, _, quality = part.partition(";")
        name = tag.strip().lower().partition("-")[0]
        try:
            weight = float(quality.partition("=")[2] or 1)
        except ValueError:
            continue
        ranked += [(weight, lang) for lang in LANGUAGES if name == lang and weight > 0]
    return max(ranked, key=lambda pair: pair[0])[1] if ranked else None  # the first of equals


@cache
def catalogue(area: str, lang: Language) -> dict[str, object]:
    path = Path(__file__).parent / lang / f"{area}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))


def t(key: str, /, **values: object) -> str:
    """The text of `key` in the current language, with `{name}` fields filled in. An unknown key is a bug."""
    area, *path = key.split(".")
    entry: object = catalogue(area, language())
    for part in path:
        entry = cast("dict[str, object]", entry)[part]
    if not isinstance(entry, str):
        raise KeyError(f"{key} is not one text")
    return entry.format_map(values) if values else entry
