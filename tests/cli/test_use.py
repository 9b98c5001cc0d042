"""A digit that a person draws, of an image editor's size, with a thick pen, off centre: `tongsu predict` reads it."""

from __future__ import annotations

import os
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter
from program import Program

pytestmark = [pytest.mark.data, pytest.mark.long]

SIZE = (400, 300)
Line = list[tuple[int, int]]

# What the hand does, in pixels of the canvas. Curves are followed point by point.
DRAWN: dict[int, list[Line]] = {
    0: [[(110, 40), (80, 55), (60, 95), (58, 140), (75, 185), (110, 205), (145, 190), (165, 145), (162, 95), (145, 55),
         (112, 40)]],
    1: [[(300, 60), (296, 130), (290, 240)]],
    2: [[(215, 95), (235, 65), (270, 55), (300, 72), (305, 105), (285, 145), (250, 185), (212, 225), (260, 222),
         (315, 226)]],
    3: [[(60, 60), (95, 42), (130, 52), (138, 85), (115, 115), (88, 125), (122, 132), (145, 160), (140, 200),
         (105, 225), (58, 210)]],
    4: [[(260, 50), (235, 100), (210, 150), (270, 152), (330, 148)], [(305, 60), (300, 150), (292, 240)]],
    7: [[(70, 70), (120, 66), (175, 62), (150, 120), (125, 180), (110, 250)]],
}  # fmt: skip


def pen(draw: ImageDraw.ImageDraw, line: Line, width: int, colour: str) -> None:
    draw.line(line, fill=colour, width=width, joint="curve")
    for x, y in line:
        draw.ellipse((x - width // 2, y - width // 2, x + width // 2, y + width // 2), fill=colour)


def drawn(digit: int, width: int, paper: str, ink: str) -> Image.Image:
    image = Image.new("RGB", SIZE, paper)
    for line in DRAWN[digit]:
        pen(ImageDraw.Draw(image), line, width, ink)
    return image


def enlarged(digit: np.ndarray, number: int, dark_on_light: bool) -> Image.Image:
    """A digit of MNIST (28, 28) as a drawing: enlarged, with sharp edges and a thicker pen, somewhere on the canvas."""
    side = 150 + 12 * (number % 5)
    ink = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    ink = ink.point(lambda value: 255 * (value > 110)).filter(ImageFilter.MaxFilter(7))
    canvas = Image.new("L", SIZE)
    across, down = SIZE[0] - side, SIZE[1] - side
    canvas.paste(ink, (across * (number * 3 % 10) // 9, down * (number * 7 % 10) // 9))
    return canvas.point(lambda value: 255 - value) if dark_on_light else canvas


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """A slim CNN after one epoch of MNIST, from this machine's own cache (or downloaded)."""
    program = Program(tmp_path_factory.mktemp("use"), online=True)
    words = ("train", "cnn", "filters=16,32", "dense=64", "frames=0", "--preset", "quick", "--name", "net", "--json")
    with mock.patch.dict(os.environ):
        answer = program(*words)
    assert answer.code == 0, answer.err
    assert answer.json["metrics"]["test_accuracy"] > 0.96 and answer.json["test_split"]
    return program


def labels(network: Program, folder: Path, images: list[Image.Image]) -> list[str]:
    for number, image in enumerate(images):
        image.save(folder / f"{number}.png")
    files = [folder / f"{number}.png" for number in range(len(images))]
    answer = network("predict", "net", *files, "--json")
    assert answer.code == 0, answer.err
    return [told["label"] for told in answer.json["predictions"]]


@pytest.mark.parametrize("dark_on_light", [True, False])
def test_digits_of_others(dark_on_light: bool, network: Program, tmp_path: Path) -> None:
    """The first test image of each class, drawn large."""
    from tongsu.data import load

    test = load("mnist").test
    first = [int((test.targets == digit).nonzero()[0]) for digit in range(10)]
    images = [enlarged(test.inputs[at, 0].numpy(), number, dark_on_light) for number, at in enumerate(first)]
    told = labels(network, tmp_path, images)
    assert sum(label == str(digit) for digit, label in enumerate(told)) >= 9, told


@pytest.mark.parametrize(
    ("width", "paper", "ink"),
    [(22, "white", "black"), (22, "black", "white"), (10, "white", "navy"), (30, "#fff8e0", "#404040")],
)
def test_drawn_by_hand(width: int, paper: str, ink: str, network: Program, tmp_path: Path) -> None:
    told = labels(network, tmp_path, [drawn(digit, width, paper, ink) for digit in DRAWN])
    assert told == list(map(str, DRAWN))
