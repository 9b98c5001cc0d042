"""A person's own pictures in folders: split, colour, and every folder that cannot be learned from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tongsu.data import load
from tongsu.errors import Problem

COLOURS = {"cat": (200, 30, 30), "dog": (30, 200, 30), "fox": (30, 30, 200)}


def paint(folder: Path, count: int = 20, names: tuple[str, ...] = ("cat", "dog"), grey: bool = False) -> Path:
    """Pictures of many sizes and formats whose colour tells their class."""
    for name in names:
        (folder / name).mkdir(parents=True)
        for n in range(count):
            image = Image.new("RGB", (20 + n, 40 - n), tuple(min(255, c + n) for c in COLOURS[name]))
            image = image.convert("L") if grey else image
            image.save(folder / name / f"{n}.{('png', 'jpg', 'webp', 'bmp', 'JPEG')[n % 5]}")
    return folder


def test_a_folder_for_each_class(home: Path, tmp_path: Path) -> None:
    folder = paint(tmp_path / "my pictures")
    (folder / "cat" / "notes.txt").write_text("not a picture")
    (folder / "cat" / ".hidden.png").write_text("not a picture")
    (folder / ".cache").mkdir()
    data = load(f"images:{folder}", size=16)
    assert data.labels == ("cat", "dog")
    assert data.train.inputs.shape == (32, 3, 16, 16) and data.train.inputs.dtype == torch.uint8
    for split, count in ((data.train, 32), (data.validation, 4), (data.test, 4)):
        assert len(split) == count and split.targets.sum() == count // 2
        red, green = split.inputs[:, 0].float().mean((1, 2)), split.inputs[:, 1].float().mean((1, 2))
        assert torch.equal(green > red, split.targets == 1)
    scaled = data.preprocessing.scale(data.train.inputs).double()
    assert scaled.mean((0, 2, 3)).abs().max() < 0.01 and (scaled.std((0, 2, 3)) - 1).abs().max() < 0.01
    again = load(f"images:{folder}", size=16)
    assert again.fingerprint == data.fingerprint and torch.equal(again.test.inputs, data.test.inputs)
    read = data.preprocessing.read(folder / "dog" / "0.png")
    assert any(torch.equal(read, image) for s in (data.train, data.validation, data.test) for image in s.inputs)


def test_a_seed_for_the_split(home: Path, tmp_path: Path) -> None:
    folder = paint(tmp_path / "a")
    one, other = load(f"images:{folder}"), load(f"images:{folder}", split_seed=1)
    assert one.fingerprint != other.fingerprint and not torch.equal(one.test.inputs, other.test.inputs)


def test_grey_when_all_are_grey(home: Path, tmp_path: Path) -> None:
    folder = paint(tmp_path / "a", grey=True)
    assert load(f"images:{folder}").train.inputs.shape[1:] == (1, 32, 32)
    Image.new("RGB", (9, 9), "orange").save(folder / "cat" / "new.png")
    assert load(f"images:{folder}").train.inputs.shape[1:] == (3, 32, 32)


def test_folders_that_say_who_learns_and_who_examines(home: Path, tmp_path: Path) -> None:
    paint(tmp_path / "a" / "train", 10)
    paint(tmp_path / "a" / "val", 4)
    paint(tmp_path / "a" / "test", 6)
    data = load(f"images:{tmp_path / 'a'}")
    assert (len(data.train), len(data.validation), len(data.test)) == (20, 8, 12)


def test_what_the_folders_do_not_split_is_cut_from_the_training_part(home: Path, tmp_path: Path) -> None:
    paint(tmp_path / "a" / "train", 20)
    paint(tmp_path / "a" / "test", 6)
    data = load(f"images:{tmp_path / 'a'}")
    assert (len(data.train), len(data.validation), len(data.test)) == (36, 4, 12)


def test_a_broken_picture_is_named_and_may_be_skipped(home: Path, tmp_path: Path) -> None:
    folder = paint(tmp_path / "a")
    (folder / "dog" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"junk" * 10)
    with pytest.raises(Problem, match="broken.png") as caught:
        load(f"images:{folder}")
    assert caught.value.exit_code == 2 and not list(home.rglob("*.safetensors"))
    data = load(f"images:{folder}", skip_broken=True)
    assert sum(len(s) for s in (data.train, data.validation, data.test)) == 40


def test_folders_that_cannot_be_learned_from(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "flat").mkdir()
    Image.new("L", (9, 9)).save(tmp_path / "flat" / "a.png")
    (paint(tmp_path / "hollow") / "fox").mkdir()
    paint(tmp_path / "one", names=("cat",))
    paint(tmp_path / "few", names=("cat", "dog"), count=2)
    paint(tmp_path / "unseen" / "train", 9)
    paint(tmp_path / "unseen" / "test", 9, names=("cat", "fox"))
    for name, said in (
        ("none", "There is no folder"),
        ("empty", "no folders with pictures"),
        ("flat", "no folders with pictures"),
        ("hollow", "fox holds no picture"),
        ("one", 'only the class "cat"'),
        ("few", "only 2 pictures"),
        ("unseen", '"fox" .* no picture to learn from'),
    ):
        with pytest.raises(Problem, match=said) as caught:
            load(f"images:{tmp_path / name}")
        assert caught.value.exit_code == 2
    for size in (0, 7, 5000):
        with pytest.raises(Problem, match="size="):
            load(f"images:{tmp_path / 'one'}", size=size)


def test_a_changed_picture_is_seen(home: Path, tmp_path: Path) -> None:
    folder = paint(tmp_path / "a")
    first = load(f"images:{folder}")
    Image.fromarray(np.full((30, 30, 3), 7, np.uint8)).save(folder / "cat" / "0.png")
    assert load(f"images:{folder}").fingerprint != first.fingerprint
