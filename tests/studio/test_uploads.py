"""A person's own data on the way in: names are ours, what it is counts and not its name, and it can be used."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tongsu.data import load
from tongsu.errors import Problem
from tongsu.studio import uploads as module
from tongsu.studio.uploads import TooLarge, Uploads


@pytest.fixture
def uploads(tmp_path: Path) -> Uploads:
    return Uploads(tmp_path)


def add(uploads: Uploads, name: str, content: bytes, label: str | None = None, file: str | None = None) -> int:
    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 1000):
            yield content[start : start + 1000]

    return asyncio.run(uploads.add(name, body(), label=label, file=file))


def picture(seed: int, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (12, 14, 3), np.uint8)).save(file, kind)
    return file.getvalue()


def test_pictures_become_data_that_train(uploads):
    name = uploads.create("images")
    for seed in range(6):
        for label in ("猫", "my dog"):
            count = add(uploads, name, picture(seed + 100 * (label == "猫"), ("PNG", "JPEG")[seed % 2]), label)
    assert count == 12
    assert add(uploads, name, picture(100), "猫") == 12  # the same picture again is the same file
    shown = uploads.describe(name)
    assert shown["labels"] == {"my dog": 6, "猫": 6}
    dataset = load(shown["spec"], size=8)
    assert dataset.labels == ("my dog", "猫")
    assert sum(len(part) for part in (dataset.train, dataset.validation, dataset.test)) == 12
    folder = uploads.folder(name)
    assert {path.suffix for path in folder.rglob("*") if path.is_file() and path.name[0] != "."} == {".png", ".jpg"}
    assert not list(folder.rglob(".in-*"))


def test_a_table_tells_its_columns_and_trains(uploads):
    name = uploads.create("table")
    rows = "\n".join(f"film {i} was {'good' if i % 2 else 'bad'},{'yes' if i % 2 else 'no'}" for i in range(40))
    add(uploads, name, f"text,mood\n{rows}\n".encode(), file="../../etc/评论.csv")
    shown = uploads.describe(name)
    assert shown["columns"] == ["text", "mood"]
    assert Path(shown["spec"].removeprefix("table:")).name == "table.csv"
    assert load(f"{shown['spec']}?text=text&label=mood").labels == ("no", "yes")


def test_points_come_back_as_they_were_drawn(uploads):
    drawn = [(0.25 * (i % 7) - 1, 0.1 * i, "red" if i % 2 else "blue, dark") for i in range(40)]
    shown = uploads.describe(uploads.create("points", drawn))
    dataset = load(shown["spec"])
    assert dataset.labels == ("blue, dark", "red")
    found = set()
    for part in (dataset.train, dataset.validation, dataset.test):
        for point, target in zip(part.inputs.tolist(), part.targets.tolist(), strict=True):
            found.add((round(point[0], 4), round(point[1], 4), dataset.labels[target]))
    assert found == {(round(x, 4), round(y, 4), label) for x, y, label in drawn}
    assert all(len({*part.targets.tolist()}) == 2 for part in (dataset.validation, dataset.test))


NO_LABELS = ["", None, "../up", "a/b", "a\\b", ".hidden", "train", "Test", "x" * 41, "a\n", "end."]


@pytest.mark.parametrize("label", NO_LABELS)
def test_a_class_cannot_be_a_path_or_a_part(uploads, label):
    name = uploads.create("images")
    with pytest.raises(Problem) as problem:
        add(uploads, name, picture(0), label)
    assert problem.value.kind == "bad-label"
    assert uploads.files(uploads.folder(name)) == 0


@pytest.mark.parametrize("content", [
    b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", b"<html><script>alert(1)</script>", b"", b"GIF89a",
    picture(1)[:60], b"%PDF-1.4", b"\x80\x04\x95cos\nsystem\n",
])  # fmt: skip
def test_what_is_no_picture_leaves_nothing_behind(uploads, content):
    name = uploads.create("images")
    with pytest.raises(Problem) as problem:
        add(uploads, name, content, "cat")
    assert problem.value.kind in ("not-an-image", "broken-image")
    assert str(uploads.root) not in problem.value.message
    assert [path.name for path in uploads.folder(name).rglob("*") if path.is_file()] == [".kind"]


@pytest.mark.parametrize("file", [None, "reviews.html", "reviews.csv.exe", "reviews"])
def test_only_tables_are_tables(uploads, file):
    name = uploads.create("table")
    with pytest.raises(Problem) as problem:
        add(uploads, name, b"a,b\n1,2\n", file=file)
    assert problem.value.kind == "no-table"


def test_more_than_fits_is_refused_while_it_streams(uploads, monkeypatch):
    monkeypatch.setattr(module, "PICTURE", 5_000)
    name = uploads.create("images")
    with pytest.raises(TooLarge):
        add(uploads, name, b"x" * 5_001, "cat")
    assert not list(uploads.folder(name).rglob(".in-*"))
    monkeypatch.setattr(module, "FILES", 1)
    add(uploads, name, picture(1), "cat")
    with pytest.raises(Problem) as problem:
        add(uploads, name, picture(2), "cat")
    assert problem.value.kind == "too-many-files"


@pytest.mark.parametrize("name", ["..", "u-../../x", "u-000000000000", "", "u-ABCDEF123456", "/etc"])
def test_only_our_own_names_are_found(uploads, name):
    for ask in (uploads.describe, uploads.remove):
        with pytest.raises(Problem) as problem:
            ask(name)
        assert problem.value.kind == "no-upload"


def test_removed_is_gone(uploads):
    name = uploads.create("images")
    assert [one["id"] for one in uploads.list()] == [name]
    uploads.remove(name)
    assert uploads.list() == []
