"""Every sentence a person reads, in Chinese and in English: `t("data.saved", file=...)`.

A key is `area.entry` (or `area.entry.part`); its text stands in `locale/<language>/<area>.toml`.
The language is `--lang`, else `TONGSU_LANG`, else the system's: Chinese for zh_*, English for all others.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Literal, cast

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")
_chosen: Language | None = None


def language() -> Language:
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
