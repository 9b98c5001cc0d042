"""Every lesson as a notebook, run by a real kernel from the first cell to the last; what it prints is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from ipykernel.kernelspec import KERNEL_NAME
from nbclient import NotebookClient

from tongsu.lessons.lesson import Code, find, names
from tongsu.lessons.to_notebook import notebook
from tongsu.locale import LANGUAGES, Language

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def same(printed: str, said: str) -> bool:
    """Words alike, and numbers alike within 2 %: other machines round otherwise."""
    numbers = [[float(one) for one in NUMBER.findall(text)] for text in (printed, said)]
    words = [" ".join(NUMBER.sub("#", text).split()) for text in (printed, said)]
    close = pytest.approx(numbers[1], rel=0.02, abs=0.02) if numbers[1] else []
    return words[0] == words[1] and numbers[0] == close


@pytest.mark.long
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", names())
def test_a_notebook_runs(name: str, lang: Language, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    lesson = find(name, lang)
    made = nbformat.from_dict(notebook(lesson))
    client = NotebookClient(
        made, timeout=240, kernel_name=KERNEL_NAME, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    said = {block.text.rstrip(): block.output for block in lesson.blocks if isinstance(block, Code)}
    views = 0
    for cell in made.cells:
        if cell.cell_type != "code":
            continue
        printed = "".join(one["text"] for one in cell.outputs if one.get("name") == "stdout")
        if said.get(cell.source) is not None:
            assert same(printed, said[cell.source] or ""), f"{printed}\n---\n{said[cell.source]}"
        if cell.source.startswith("show("):
            views += 1
            assert any("image/png" in one.get("data", {}) for one in cell.outputs), cell.source
    assert views == len(list(lesson.directives("view")))


def test_numbers_may_differ_a_little_and_words_not_at_all() -> None:
    assert same("loss 0.753\n", "loss 0.755\n") and same("a  b", "a b")
    assert not same("loss 0.753", "loss 0.853")
    assert not same("loss 0.753", "lost 0.753")
    assert not same("1 2", "1")
