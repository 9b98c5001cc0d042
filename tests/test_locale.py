"""Both languages say the same things: same keys, same fields, no key missing and none left over."""

from __future__ import annotations

import ast
import re
import string
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tongsu"
AREAS = sorted(path.stem for path in (SOURCE / "locale" / "en").glob("*.toml"))
SPEAKERS = {"t", "Problem", "Failure"}


@cache
def texts(language: str, area: str) -> dict[str, str]:
    """area.entry.part -> text"""

    def walk(entry: object, path: str) -> Iterator[tuple[str, str]]:
        if isinstance(entry, dict):
            for name, value in entry.items():
                yield from walk(value, f"{path}.{name}")
        else:
            yield path, str(entry)

    file = SOURCE / "locale" / language / f"{area}.toml"
    return dict(walk(tomllib.loads(file.read_text(encoding="utf-8")), area))


def every_key() -> set[str]:
    return {key for area in AREAS for key in texts("en", area)}


def fields(text: str) -> set[str]:
    """The {names} in a text, as far as str.format looks them up."""
    names = (name for _, name, _, _ in string.Formatter().parse(text) if name is not None)
    return {re.split(r"[.\[]", name)[0] for name in names}


def spoken() -> Iterator[tuple[Path, ast.Call, str | None, str]]:
    """Every t(...), Problem(...) and Failure(...) of the source: the literal key, or a pattern for it."""
    for path in sorted(set(SOURCE.rglob("*.py")) - {SOURCE / "errors.py"}):  # it only passes keys on
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            key = node.args[0]
            if isinstance(key, ast.Constant) and isinstance(key.value, str):
                if name in SPEAKERS:
                    yield path, node, key.value, name
            elif isinstance(key, ast.JoinedStr) and name in SPEAKERS:
                parts = [re.escape(p.value) if isinstance(p, ast.Constant) else r"[\w-]+" for p in key.values]
                yield path, node, None, name + ":" + "".join(parts)


def literals() -> set[str]:
    """Every string of the source and of the templates: keys may travel as values before they are spoken."""
    found: set[str] = set()
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return found


def test_both_languages_have_the_same_areas() -> None:
    assert sorted(path.stem for path in (SOURCE / "locale" / "zh").glob("*.toml")) == AREAS


@pytest.mark.parametrize("area", AREAS)
def test_both_languages_have_the_same_keys_and_fields(area: str) -> None:
    english, chinese = texts("en", area), texts("zh", area)
    assert english.keys() == chinese.keys()
    assert {key: fields(text) for key, text in english.items()} == {k: fields(v) for k, v in chinese.items()}
    messages = [key for key in english if key.endswith(".message")]
    assert [key for key in messages if not english[key].strip() or not chinese[key].strip()] == []


@pytest.mark.parametrize("area", AREAS)
def test_chinese_is_chinese(area: str) -> None:
    """A sentence in Chinese has hanzi, and its punctuation between hanzi is full-width."""
    for key, text in texts("zh", area).items():
        bare = re.sub(r"\{[^}]*\}", "", text)
        if key.endswith((".message", ".hint")) and re.search("[A-Za-z]{3}", bare):
            assert re.search("[\u4e00-\u9fff]", bare), f"{key}: {text}"
        assert not re.search("[\u4e00-\u9fff][,;:!?](?:[\u4e00-\u9fff]|$)", text), f"{key}: {text}"


def test_every_problem_has_a_message_and_a_hint() -> None:
    """... and every entry with a message is a problem, whose key is `area.entry`."""
    keys = every_key()
    for path, node, key, name in spoken():
        if key is not None and name != "t":
            assert {f"{key}.message", f"{key}.hint"} <= keys, f"{path.name}:{node.lineno}: {key}"


def test_every_key_that_is_spoken_exists_and_gets_its_fields() -> None:
    keys = every_key()
    for path, node, key, name in spoken():
        if key is None:
            pattern = name.partition(":")[2] + r"(\.message|\.hint)?"
            assert any(re.fullmatch(pattern, known) for known in keys), f"{path.name}: {pattern}"
            continue
        parts = [key] if name == "t" else [f"{key}.message", f"{key}.hint"]
        assert set(parts) <= keys, f"{path.name}:{node.lineno}: {key}"
        if any(keyword.arg is None for keyword in node.keywords):
            continue  # **values: told at run time
        given = {keyword.arg for keyword in node.keywords}
        wanted = set().union(*(fields(texts("en", key.split(".")[0])[part]) for part in parts))
        if name == "t" and not given:
            continue  # the text may be filled in later with str.format
        assert wanted <= given, f"{path.name}:{node.lineno}: {key} wants {sorted(wanted - given)}"


def test_every_key_is_used() -> None:
    """Spoken as a literal, by a pattern, or as part of a whole catalogue that a template reads."""
    written = literals()
    patterns = {name.partition(":")[2] for _, _, key, name in spoken() if key is None}
    templates = "".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.j2"))
    unused = []
    for key in sorted(every_key()):
        entry = re.sub(r"\.(message|hint)$", "", key)
        if key in written or entry in written:
            continue
        if any(re.fullmatch(pattern, key) or re.fullmatch(pattern, entry) for pattern in patterns):
            continue
        words = key.split(".")[1:]  # `say.words` of a template, `words["part"]` of what feeds it
        if key.startswith("report.") and (f"say.{words[0]}" in templates or words[0] in written):
            continue
        unused.append(key)
    assert unused == []
