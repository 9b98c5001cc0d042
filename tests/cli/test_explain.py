"""`tongsu explain` as a person uses it: on runs of every kind, as pictures and as numbers; and with mistakes."""

from __future__ import annotations

import base64
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from program import Program, World
from safetensors.numpy import load_file


def numbers(packed: dict[str, Any]) -> np.ndarray:
    if "values" in packed:
        return np.array(packed["values"], dtype=float).reshape(packed["shape"])
    kind = {"float32": "<f4", "int32": "<i4", "uint8": "u1"}[packed["dtype"]]
    return np.frombuffer(base64.b64decode(packed["data"]), kind).reshape(packed["shape"])


def test_without_a_view_those_that_fit_are_listed(world: World) -> None:
    for run, has, has_not in (
        ("digits", "wires", "gates"), ("glad", "gates", "grad-cam"), ("shapes", "grad-cam", "samples"),
        ("forger", "round", "unit"),
    ):  # fmt: skip
        answer = world.program("explain", run, "--json")
        names = {view["name"] for view in answer.json["views"]}
        assert answer.code == 0 and has in names and has_not not in names and has in answer.err


def test_a_unit_of_a_test_example_adds_up_to_what_the_weights_say(world: World, tmp_path: Path) -> None:
    """From the weights' file and the pixels in the answer, by hand."""
    file = tmp_path / "unit.png"
    answer = world.program("explain", "digits", "unit", "test:3", "--layer", "hidden.0", "--set", "unit=5", "-o", file,
                           "--json")  # fmt: skip
    assert answer.code == 0, answer.err
    told = answer.json
    weights = load_file(world.program.runs / "digits" / "weights.safetensors")
    preparation = json.loads((world.program.runs / "digits" / "preprocessing.json").read_text())["preprocessing"]
    pixels = (numbers(told["image"]).astype(float) / 255 - preparation["mean"][0]) / preparation["std"][0]
    total = weights["hidden.0.weight"][5].astype(float) @ pixels.ravel() + weights["hidden.0.bias"][5]
    assert told["answer"]["total"] == pytest.approx(total, abs=1e-4)
    assert numbers(told["answer"]["terms"]).sum() + told["answer"]["bias"] == pytest.approx(total, abs=1e-4)
    with Image.open(file) as image:
        assert image.width > 1000
    assert told["labels"][told["target"]] in "0123456789"


@pytest.mark.parametrize(
    ("run", "view", "given", "more"),
    [
        ("digits", "activations", "test:0", ()),
        ("digits", "shift", None, ("--set", "most=2", "--set", "examples=30")),
        ("digits", "first-weights", None, ("--frame", "0")),
        ("shapes", "grad-cam", "picture", ()),
        ("glad", "gates", "this is good and not bad", ()),
        ("glad", "neighbours", "this is good", ()),
        ("forger", "round", None, ("--set", "examples=12", "--set", "count=4")),
    ],
)
def test_pictures_and_numbers_of_the_same_answer(
    run: str, view: str, given: str | None, more: tuple[str, ...], world: World, tmp_path: Path
) -> None:
    if given == "picture":
        given = str(next((world.pictures / "disc").iterdir()))
    if run == "glad" and given is not None:
        given = world.table.read_text(encoding="utf-8").splitlines()[1]
    for file in (tmp_path / "a.svg", tmp_path / "a.json", tmp_path / "a.csv"):
        answer = world.program("explain", run, view, *([given] if given else []), *more, "-o", file)
        assert answer.code == 0, answer.err
    assert (tmp_path / "a.svg").read_bytes().startswith(b"<?xml")
    told = json.loads((tmp_path / "a.json").read_text(encoding="utf-8"))
    assert told["view"] == view
    lines = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_text(encoding="utf-8"))))
    name, packed = next((n, v) for n, v in told["answer"].items() if isinstance(v, dict) and "shape" in v and v["axes"])
    column = [float(line["value"]) for line in lines if line["field"] == name]
    np.testing.assert_allclose(column, numbers(packed).ravel(), rtol=1e-5)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("digits", "gates", "test:0"), "does-not-fit"),
        (("digits", "nothing"), "no-view"),
        (("digits", "unit"), "needs-input"),
        (("digits", "unit", "test:9999"), "no-example"),
        (("digits", "unit", "test:0", "--set", "unti=3"), "no-option"),
        (("digits", "unit", "test:0", "--set", "unit"), "option-form"),
        (("digits", "unit", "test:0", "--set", "unit=three"), "not-a-value"),
        (("digits", "unit", "test:0", "--set", "unit=-1"), "at-least"),
        (("digits", "unit", "test:0", "--layer", "hidden.9"), "no-layer"),
        (("digits", "unit", "missing.png"), "file-missing"),
        (("digits", "unit", "test:0", "-o", "unit.pdf"), "file-kind"),
        (("digits", "shift", "--set", "split=tset"), "choice"),
        (("digits", "conv-sandbox", "--set", "kernel=9", "--set", "size=4"), "kernel-too-wide"),
    ],
)
def test_mistakes_are_told_in_one_line(words: tuple[str, ...], kind: str, world: World) -> None:
    before = sorted(path for path in world.program.folder.rglob("*") if path.is_file())
    answer = world.program("explain", *words, "--json")
    assert (answer.code, answer.json["error"]["kind"]) == (2, kind), answer.err
    assert answer.json["error"]["hint"] and "Traceback" not in answer.err
    assert sorted(path for path in world.program.folder.rglob("*") if path.is_file()) == before


def test_a_batch_is_spread_over_a_sorted_split(world: World) -> None:
    """IMDB's test reviews are sorted by class; a batch has both."""
    from tongsu.data import Split
    from tongsu.learned import Learned
    from tongsu.runs.store import Run
    from tongsu.views import batch

    learned = Learned.load(Run(world.program.runs / "digits"))
    inputs = torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1).expand(100, 1, 28, 28)
    split = Split(inputs, torch.arange(100) // 50)
    x, targets = batch(learned, split, 10)
    assert targets.tolist() == [0] * 5 + [1] * 5 and len(x) == 10
    assert torch.equal(x, batch(learned, split, 10)[0])
    assert torch.equal(x[-1], learned.preprocessing.scale(inputs)[-1])
    assert batch(learned, split, 1000)[1].tolist() == split.targets.tolist()


def test_chinese(world: World, tmp_path: Path) -> None:
    program = Program(world.program.folder, language="zh")
    answer = program("explain", "digits", "unit", "test:0", "-o", tmp_path / "a.png")
    assert answer.code == 0 and "一个单元" in answer.err
