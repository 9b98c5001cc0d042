"""Pictures that stay in their files: the same figures, pixel for pixel and bit for bit, in bounded memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tongsu.data import load
from tongsu.data.files import Files, memory_limit
from tongsu.errors import Problem
from tongsu.evaluate import examine
from tongsu.illustrate import draw
from tongsu.learned import Learned
from tongsu.session import prepare, resume
from tongsu.training import checkpoint, loop
from tongsu.training.events import Step


def noise(folder: Path, count: int, side: int = 20, seed: int = 0, suffix: str = "jpg") -> Path:
    """Two classes: coarse noise, darker or brighter."""
    chance = np.random.default_rng(seed)
    for at, name in enumerate(("dark", "light")):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = chance.integers(0, 156, (side, side, 3), dtype=np.uint8) + np.uint8(90 * at)
            Image.fromarray(pixels).save(folder / name / f"{number}.{suffix}")
    return folder


@pytest.fixture
def folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path / "runs"))
    return f"images:{noise(tmp_path / 'photos', 40)}"


def test_the_same_pictures_statistics_and_parts(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = load(folder, size=16)
    monkeypatch.setenv("TONGSU_MEMORY", "10KB")
    outside = load(folder, size=16)
    assert isinstance(inside.train.inputs, torch.Tensor) and isinstance(outside.train.inputs, Files)
    assert inside.preprocessing == outside.preprocessing and inside.fingerprint == outside.fingerprint
    pixels = inside.train.inputs.double() / 255
    assert inside.preprocessing.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist(), abs=6e-5)
    assert inside.preprocessing.std == pytest.approx(pixels.std((0, 2, 3)).tolist(), abs=6e-5)
    for part in ("train", "validation", "test"):
        here, there = getattr(inside, part), getattr(outside, part)
        assert there.inputs.shape == here.inputs.shape and there.inputs.numel() == here.inputs.numel()
        assert torch.equal(here.targets, there.targets) and here.files == there.files
        assert torch.equal(torch.cat(list(there.inputs.split(7))), here.inputs)
        for at in (0, slice(0, 3), [2, 0], torch.tensor([1, 1]), slice(5, 5)):
            assert torch.equal(there.inputs[at], here.inputs[at])
        assert [Path(file).parent.name for file in here.files] == [inside.labels[k] for k in here.targets]


def test_grey_pictures_have_one_channel_there_too(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("a", 10), ("b", 200)):
        (tmp_path / "grey" / name).mkdir(parents=True)
        for n in range(5):
            Image.new("L", (12, 9), value + n).save(tmp_path / "grey" / name / f"{n}.png")
    inside = load(f"images:{tmp_path / 'grey'}", size=8)
    monkeypatch.setenv("TONGSU_MEMORY", "0")
    outside = load(f"images:{tmp_path / 'grey'}", size=8)
    assert outside.train.inputs.shape[1:] == (1, 8, 8) and torch.equal(outside.train.inputs[:], inside.train.inputs)


SMALL = ["filters=4,4", "dense=8", "epochs=2", "batch_size=16", "size=16", "frames=0", "augment=photo"]


@pytest.mark.parametrize("stop_at", [3, 6])  # in the first epoch, and in the second
def test_training_is_the_same_bit_for_bit_and_goes_on_in_the_middle_of_an_epoch(
    stop_at: int, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    inside = prepare("cnn", "fast", folder, SMALL)
    told = [event.measures for event in inside.events("cpu") if isinstance(event, Step)]
    monkeypatch.setenv("TONGSU_MEMORY", "10KB")
    outside = prepare("cnn", "fast", folder, SMALL)
    events = outside.events("cpu")
    for event in events:
        if isinstance(event, Step) and event.step >= stop_at:
            break
    events.close()
    again = [event.measures for event in resume(str(outside.run.path)).events("cpu") if isinstance(event, Step)]
    assert len(again) == len(told) - stop_at and again == told[stop_at:]
    weights = [checkpoint.load_weights(session.run) for session in (inside, outside)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    results = [session.run.results()["metrics"] for session in (inside, outside)]
    assert results[0] == results[1]


def test_evaluation_and_its_pictures_read_files(folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_MEMORY", "10KB")
    session = prepare("cnn", "quick", folder, [*SMALL, "epochs=1"])
    list(session.events("cpu"))
    found = examine(Learned.load(session.run), "train")
    assert found.metrics["accuracy"] == pytest.approx(
        float((found.judgement.predicted == session.dataset.train.targets).float().mean())
    )
    assert all(Path(error["file"]).is_file() for error in found.to_dict()["worst"])
    assert (tmp_path / "out" / "worst.png") in draw(found, tmp_path / "out")


def test_a_picture_that_breaks_later_is_named(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_MEMORY", "10KB")
    data = load(folder, size=16)
    file = Path(data.train.files[3])
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(Problem, match=file.name):
        data.train.inputs[:5]


def test_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    for text, size in (("500MB", 5e8), ("4 gb", 4e9), ("1.5k", 1500), ("1000", 1000), ("0", 0)):
        monkeypatch.setenv("TONGSU_MEMORY", text)
        assert memory_limit() == size
    monkeypatch.delenv("TONGSU_MEMORY")
    assert memory_limit() >= 10**8
    for text in ("much", "-1GB", "4 elephants"):
        monkeypatch.setenv("TONGSU_MEMORY", text)
        with pytest.raises(Problem, match="not an amount of memory") as caught:
            memory_limit()
        assert caught.value.exit_code == 2


# Memory ----------------------------------------------------------------------------------------------------------

COUNT, SIDE = 4_000, 224
DECODED = COUNT * 3 * SIDE * SIDE  # bytes: 602 MB

# Peaks in bytes: after the imports, and after a whole training.
MEASURE = f"""
import json, sys
from tongsu.session import prepare
from tongsu import card, evaluate, illustrate
from tongsu.learned import Learned

def peak():  # getrusage would count what pytest held before this program took its place
    return 1024 * int(open("/proc/self/status").read().partition("VmHWM:")[2].split()[0])

changes = ["hidden=2", "epochs=1", "frames=0", "batch_size=32", "size={SIDE}"]
before = peak()
session = prepare("mlp", "quick", sys.argv[1], changes)
kind = type(session.dataset.train.inputs).__name__
list(session.events("cpu"))
illustrate.illustrate(Learned.load(session.run), session.dataset)
print(json.dumps({{"kind": kind, "before": before, "after": peak(), "steps": session.run.results()["steps"]}}))
"""


@pytest.mark.long
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell a program's own peak")
def test_a_folder_larger_than_the_memory_set_aside_stays_on_disk(home: Path, tmp_path: Path) -> None:
    """4,000 pictures, 602 MB when decoded: training, evaluation and pictures in a process of their own."""
    folder = noise(tmp_path / "many", COUNT // 2, side=12)
    own = {"TONGSU_MEMORY": "64MB", "TONGSU_RUNS": str(tmp_path / "runs"), "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **own}
    command = [sys.executable, "-c", MEASURE, f"images:{folder}"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=280)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["kind"] == "Files" and told["steps"] == 100
    used = told["after"] - told["before"]
    assert used < DECODED / 2, f"{used / 1e6:.0f} MB for {DECODED / 1e6:.0f} MB of pictures"


def test_pretrained_networks_read_files_too(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tongsu.pretrained.networks import NETWORKS
    from tongsu.pretrained.start import _pictures

    inside = _pictures(NETWORKS["efficientnet-lite0"], load(folder, size=64))
    monkeypatch.setenv("TONGSU_MEMORY", "10KB")
    outside = _pictures(NETWORKS["efficientnet-lite0"], load(folder, size=64))
    assert isinstance(outside.test.inputs, Files) and inside.preprocessing == outside.preprocessing
    assert torch.equal(outside.test.inputs[:], inside.test.inputs)
    assert replace(inside, train=outside.train, validation=outside.validation, test=outside.test) == outside
