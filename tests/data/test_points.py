"""Points of one's own: what is wrong is named with its row."""

from __future__ import annotations

import pytest

from tongsu.data import load
from tongsu.errors import Problem

GOOD = [f"{i * 0.1},{-i * 0.2},{'A' if i % 2 else 'B'}" for i in range(30)]


def test_read(tmp_path):
    file = tmp_path / "p.csv"
    file.write_text("x,y,label\n" + "\n".join(GOOD), encoding="utf-8-sig")
    dataset = load(f"points:{file}")
    assert [len(part) for part in (dataset.train, dataset.validation, dataset.test)] == [24, 3, 3]
    assert load(f"points:{file}").fingerprint == dataset.fingerprint != load(f"points:{file}", split_seed=1).fingerprint
    assert load(f"points:{file}", split_seed=1).test.inputs.tolist() != dataset.test.inputs.tolist()


@pytest.mark.parametrize(("text", "kind", "named"), [
    ("a,b,c\n1,2,A", "points-columns", "a, b, c"),
    ("", "points-columns", "–"),
    ("x,y,label\n" + "\n".join([*GOOD, "1,two,A"]), "points-row", "32"),
    ("x,y,label\n" + "\n".join([*GOOD, "1,inf,A"]), "points-row", "32"),
    ("x,y,label\n" + "\n".join([*GOOD, "1,2"]), "points-row", "32"),
    ("x,y,label\n" + "\n".join(line[:-1] + "A" for line in GOOD), "points-few", "1"),
    ("x,y,label\n" + "\n".join([*GOOD, "1,2,C"]), "points-few", "5"),
])  # fmt: skip
def test_wrong(tmp_path, text, kind, named):
    file = tmp_path / "p.csv"
    file.write_text(text)
    with pytest.raises(Problem) as problem:
        load(f"points:{file}")
    assert problem.value.kind == kind and named in problem.value.message


def test_missing(tmp_path):
    with pytest.raises(Problem) as problem:
        load(f"points:{tmp_path / 'no.csv'}")
    assert problem.value.kind == "file-missing"
