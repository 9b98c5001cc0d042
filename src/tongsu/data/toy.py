"""Data that need no download: drawn digits, and clouds of points in the plane.

Letters used in shapes: N examples, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image

from tongsu.data.dataset import Dataset, Split
from tongsu.data.mnist import Scaling, scaled
from tongsu.data.prepared import fingerprint
from tongsu.data.preprocessing import Points, Preprocessing
from tongsu.errors import Problem
from tongsu.locale import t

Point = tuple[float, float]


def _arc(x: float, y: float, rx: float, ry: float, start: float, end: float) -> list[Point]:
    """Part of an ellipse around (x, y); angles in degrees, clockwise from the right."""
    angles = np.radians(np.linspace(start, end, 24))
    return [(x + rx * math.cos(a), y + ry * math.sin(a)) for a in angles]


# Strokes of each digit in a field from 0 to 1, y downwards.
STROKES: tuple[tuple[list[Point], ...], ...] = (
    (_arc(0.5, 0.5, 0.30, 0.45, -90, 270),),
    ([(0.35, 0.22), (0.55, 0.05), (0.55, 0.95)],),
    ([*_arc(0.5, 0.3, 0.28, 0.25, -170, 40), (0.22, 0.95), (0.80, 0.95)],),
    ([*_arc(0.47, 0.28, 0.27, 0.23, -150, 90), *_arc(0.47, 0.73, 0.31, 0.22, -90, 150)],),
    ([(0.62, 0.95), (0.62, 0.05), (0.18, 0.65), (0.85, 0.65)],),
    ([(0.78, 0.05), (0.30, 0.05), (0.26, 0.45), *_arc(0.47, 0.67, 0.31, 0.28, -110, 145)],),
    ([(0.66, 0.05), *_arc(0.5, 0.68, 0.27, 0.27, -170, 190)],),
    ([(0.20, 0.06), (0.80, 0.06), (0.42, 0.95)],),
    (_arc(0.5, 0.27, 0.23, 0.22, 90, 450), _arc(0.5, 0.72, 0.28, 0.23, -90, 270)),
    ([*_arc(0.5, 0.31, 0.26, 0.26, 10, 370), (0.72, 0.60), (0.62, 0.95)],),
)
FIELD, SIDE = 112, 28  # drawn large and shrunk, for smooth edges


def digits(*, examples: int = 5_000, data_seed: int = 0, scaling: Scaling = "standard") -> Dataset:
    """Digits drawn with a round pen, shifted, scaled, turned and slanted at random. scaling: as MNIST's."""
    _check(examples, least=100)
    chance = np.random.default_rng(data_seed)
    targets = np.arange(examples) % 10
    images = np.stack([_drawn(int(digit), chance) for digit in targets])  # (N, 28, 28)
    order = chance.permutation(examples)
    return _dataset(
        "digits", images[order, None], targets[order], tuple("0123456789"),
        scaled(scaling), [examples, data_seed, *([] if scaling == "standard" else scaled(scaling).mean)],
    )  # fmt: skip


def _drawn(digit: int, chance: np.random.Generator) -> np.ndarray:
    """One digit (28, 28) uint8, ink bright on black."""
    from PIL import ImageDraw  # brings a font engine along, which only these drawings need

    angle, slant = chance.normal(0, 0.12), chance.normal(0, 0.15)
    width, height = chance.uniform(52, 76), chance.uniform(66, 84)
    x0, y0 = FIELD / 2 + chance.normal(0, 3, size=2)
    pen = chance.uniform(7, 14)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    image = Image.new("L", (FIELD, FIELD))
    draw = ImageDraw.Draw(image)
    for stroke in STROKES[digit]:
        points = (np.array(stroke) - 0.5 + chance.normal(0, 0.012, size=(len(stroke), 2))) * (width, height)
        points[:, 0] -= slant * points[:, 1]
        line = [tuple(point) for point in points @ turn.T + (x0, y0)]
        draw.line(line, fill=255, width=round(pen), joint="curve")
        for x, y in (line[0], line[-1]):
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX))


def moons(*, examples: int = 1_000, noise: float = 0.1, data_seed: int = 0) -> Dataset:
    """Two half circles that reach into one another."""

    def shape(target: np.ndarray, along: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        angle = math.pi * along
        upper = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        lower = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
        return np.where(target[:, None] == 0, upper, lower) - (0.5, 0.25)

    return _cloud("moons", shape, 2, examples, noise, data_seed)


def circles(*, examples: int = 1_000, noise: float = 0.1, data_seed: int = 0) -> Dataset:
    """A circle within a circle."""

    def shape(target: np.ndarray, along: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        angle, radius = 2 * math.pi * along, np.where(target == 0, 1.0, 0.5)
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    return _cloud("circles", shape, 2, examples, noise, data_seed)


def spirals(*, examples: int = 1_000, noise: float = 0.03, classes: int = 2, data_seed: int = 0) -> Dataset:
    """Arms that wind one and a half times around the middle."""

    def shape(target: np.ndarray, along: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        radius = np.sqrt(along) * 1.2
        angle = 3 * math.pi * radius / 1.2 + 2 * math.pi * target / classes
        return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)

    return _cloud("spirals", shape, classes, examples, noise, data_seed)


def blobs(*, examples: int = 1_000, noise: float = 0.2, classes: int = 3, data_seed: int = 0) -> Dataset:
    """Round clouds, evenly around a circle."""

    def shape(target: np.ndarray, along: np.ndarray, chance: np.random.Generator) -> np.ndarray:
        angle = 2 * math.pi * target / classes
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)

    return _cloud("blobs", shape, classes, examples, noise, data_seed)


Shape = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def _cloud(name: str, shape: Shape, classes: int, examples: int, noise: float, seed: int) -> Dataset:
    """Points (N, 2) of a shape with normal noise. `shape` gets each one's class and place along it in [0, 1]."""
    _check(examples, least=10 * classes)
    if classes < 2 or not 0 <= noise < math.inf:
        raise Problem("data.cloud", classes=classes, noise=noise)
    chance = np.random.default_rng(seed)
    targets = chance.permutation(np.arange(examples) % classes)
    points = shape(targets, chance.random(examples), chance)
    points = points + chance.normal(0, noise, size=points.shape)
    labels = tuple(str(number) for number in range(classes))
    return _dataset(
        name, points.astype(np.float32), targets, labels, Points(2), [examples, noise, classes, seed]
    )  # fmt: skip


def _dataset(
    name: str, inputs: np.ndarray, targets: np.ndarray, labels: tuple[str, ...], preprocessing: Preprocessing,
    key: list[float],
) -> Dataset:  # fmt: skip
    tenth = len(targets) // 10
    parts = {"train": slice(2 * tenth, None), "validation": slice(0, tenth), "test": slice(tenth, 2 * tenth)}
    splits = {
        part: Split(torch.from_numpy(inputs[at].copy()), torch.from_numpy(targets[at].astype(np.int64)))
        for part, at in parts.items()
    }
    return Dataset(
        name, **splits, labels=labels, preprocessing=preprocessing,
        test_split=t("data.split.toy", count=f"{tenth:,}"), fingerprint=fingerprint(name, *key),
    )  # fmt: skip


def _check(examples: int, least: int) -> None:
    if examples < least:
        raise Problem("data.too_few_asked", asked=examples, least=least)
