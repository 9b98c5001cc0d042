"""`tongsu lessons` and `tongsu exercise` as a person types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tongsu.lessons.exercises import EXERCISES
from tongsu.lessons.lesson import names


def tongsu(folder: Path, *words: str, lang: str = "en") -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tongsu", *words], capture_output=True, encoding="utf-8", cwd=folder,
        env={**os.environ, "TONGSU_LANG": lang, "PYTHONIOENCODING": "utf-8", "COLUMNS": "200"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def answer(out: str) -> dict[str, Any]:
    return json.loads(out.splitlines()[-1])


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_lessons_are_listed_shown_and_written(lang: str, tmp_path: Path) -> None:
    code, out, err = tongsu(tmp_path, "lessons", "ls", "--json", lang=lang)
    assert code == 0 and [one["name"] for one in answer(out)["lessons"]] == names()
    title = answer(out)["lessons"][0]["title"]
    assert ("机器" in title) == (lang == "zh") and title[:10] in err
    code, out, _ = tongsu(tmp_path, "lessons", "show", "0", "--json", lang=lang)
    assert code == 0 and answer(out)["title"] == title and answer(out)["markdown"].startswith(f"# {title}")
    code, _, err = tongsu(tmp_path, "lessons", "show", "0", lang=lang)
    assert code == 0 and title[:10] in err
    code, out, _ = tongsu(tmp_path, "lessons", "export", "--to", "notebook", "-o", "notes", "--json", lang=lang)
    assert code == 0
    for file in answer(out)["files"]:
        assert (tmp_path / file).is_file()
    assert (tmp_path / "notes" / lang / f"{names()[0]}.ipynb").is_file()


def test_exercises_are_listed_shown_and_checked(tmp_path: Path) -> None:
    code, out, err = tongsu(tmp_path, "exercise", "ls", "--json")
    assert code == 0 and [one["name"] for one in answer(out)["exercises"]] == list(EXERCISES)
    code, _, err = tongsu(tmp_path, "exercise", "show", "neuron", "-o", "mine.py")
    assert code == 0 and "sigmoid" in err
    file = tmp_path / "mine.py"
    assert file.read_text(encoding="utf-8") == EXERCISES["neuron"].starter
    code, out, err = tongsu(tmp_path, "exercise", "check", "neuron", "mine.py", "--json")
    assert code == 1 and answer(out)["passed"] is False and answer(out)["hint"] and answer(out)["hint"] in err
    right = "return 1 / (1 + math.exp(-sum(x * w for x, w in zip(inputs, weights)) - bias))"
    file.write_text(file.read_text(encoding="utf-8").replace("...", right), encoding="utf-8")
    code, out, err = tongsu(tmp_path, "exercise", "check", "neuron", "mine.py", "--json")
    assert code == 0 and answer(out) == {"exercise": "neuron", "passed": True, "saw": answer(out)["saw"], "hint": ""}
    assert "Passed." in err


@pytest.mark.parametrize(("words", "kind"), [
    ("lessons show nothing", "unknown-lesson"), ("lessons export --to book -o x", "no-export"),
    ("exercise show nothing", "unknown-exercise"), ("exercise show overfit -o x.py", "no-starter"),
    ("exercise check neuron", "wrong-number"), ("exercise check overfit one", "wrong-number"),
    ("exercise check neuron missing.py", "no-file"), ("exercise check small-cnn missing", "none"),
    ("exercise check serve 127.0.0.1:9", "no-server"),
])  # fmt: skip
def test_bad_input_is_one_clear_error(words: str, kind: str, tmp_path: Path) -> None:
    code, out, err = tongsu(tmp_path, *words.split(), "--json")
    assert (code, answer(out)["error"]["kind"]) == (2, kind), err
    assert "Traceback" not in err and answer(out)["error"]["hint"]
    assert not list(tmp_path.iterdir())


def test_a_file_that_was_written_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("mine", encoding="utf-8")
    code, out, _ = tongsu(tmp_path, "exercise", "show", "neuron", "-o", "mine.py", "--json")
    assert (code, answer(out)["error"]["kind"]) == (2, "already-there")
    assert (tmp_path / "mine.py").read_text(encoding="utf-8") == "mine"
