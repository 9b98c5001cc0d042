"""Pictures of pictures: what the model saw, what it answered, where it erred, what it drew.

Images come as (N, H, W), (N, 1, H, W) or (N, 3, H, W): uint8 from 0 to 255, or float from 0 to 1.
Letters used in shapes: N images, C channels, H height, W width, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tongsu.locale import t
from tongsu.plots.style import (
    BLUES,
    INK,
    MUTED,
    PAPER,
    QUIET,
    REDS,
    RIGHT,
    WIDTH,
    WRONG,
    bare,
    breadth,
    drawable,
    house,
    new_figure,
)

MOST_BARS = 10


def pixels(images: ArrayLike) -> np.ndarray:
    """Images as matplotlib draws them: (N, H, W, 3) float from 0 to 1."""
    array = np.asarray(images)
    scaled = array / 255.0 if array.dtype == np.uint8 else np.clip(array.astype(float), 0.0, 1.0)
    if scaled.ndim == 3:
        scaled = scaled[:, None]  # (N, 1, H, W)
    if scaled.ndim != 4 or scaled.shape[1] not in (1, 3):
        raise ValueError(f"images must be (N, H, W), (N, 1, H, W) or (N, 3, H, W), not {array.shape}")
    return np.moveaxis(np.broadcast_to(scaled, (len(scaled), 3, *scaled.shape[2:])), 1, 3)  # (N, H, W, 3)


def mosaic(images: ArrayLike, columns: int, gap: float = 0.12) -> np.ndarray:
    """Images side by side on white paper, `columns` in a row and `gap` of a width between them.

    Returns one image (rows (H + g) - g, columns (W + g) - g, 3).
    """
    tiles = pixels(images)
    count, height, width, _ = tiles.shape
    rows, space = -(-count // columns), max(1, round(gap * width))
    sheet = np.ones((rows * (height + space) - space, columns * (width + space) - space, 3))
    for i, tile in enumerate(tiles):
        top, left = i // columns * (height + space), i % columns * (width + space)
        sheet[top : top + height, left : left + width] = tile
    return sheet


@house()
def predictions(
    images: ArrayLike, targets: ArrayLike, probabilities: ArrayLike, labels: Sequence[str]
) -> Figure:
    """A few test images (N), each with the model's answer above and its probabilities (N, K) below."""
    tiles, truth, chances = pixels(images), np.asarray(targets), np.asarray(probabilities, dtype=float)
    count = len(tiles)
    bars = min(chances.shape[1], MOST_BARS)
    each = min(1.6, WIDTH / count)
    # Long names beside the bars make the image narrow: the title then has room to its left.
    place: Literal["right", "center"] = "right" if max(map(breadth, labels)) > 4 else "center"
    figure = new_figure(each + 0.55 + 0.17 * bars + 0.25, width=WIDTH)
    grid = figure.subplots(2, count, squeeze=False, height_ratios=(each, 0.17 * bars + 0.1))
    for i in range(count):
        answer = int(chances[i].argmax())
        right = answer == int(truth[i])
        _image(grid[0, i], tiles[i])
        said = f"{drawable(labels[answer], 10)}  {chances[i, answer]:.1%}"
        told = t("plots.right") if right else t("plots.truth", label=drawable(labels[int(truth[i])], 10))
        colour = RIGHT if right else WRONG
        grid[0, i].set_title(f"{said}\n{told}", color=colour, linespacing=1.35, loc=place)
        _probability_bars(grid[1, i], chances[i], labels, answer, right)
    return figure


def _probability_bars(
    axes: Axes, chances: np.ndarray, labels: Sequence[str], answer: int, right: bool
) -> None:
    shown = np.sort(np.argsort(-chances, kind="stable")[:MOST_BARS])  # in class order
    colours = [(RIGHT if right else WRONG) if k == answer else MUTED for k in shown]
    rows = np.arange(len(shown))[::-1]
    axes.barh(rows, np.ones(len(shown)), color="#f0f2f4", height=0.7)
    axes.barh(rows, chances[shown], color=colours, height=0.7)
    bare(axes)
    axes.set(xlim=(0, 1), ylim=(-0.6, len(shown) - 0.4))
    axes.set_yticks(rows, [drawable(labels[k], 10) for k in shown], fontsize=8)
    axes.tick_params(axis="y", length=0)


def _image(axes: Axes, image: np.ndarray) -> None:
    axes.imshow(image)
    bare(axes)


@house()
def confusion(matrix: ArrayLike, labels: Sequence[str]) -> Figure:
    """What was true (rows) against what was answered (columns), counts (K, K).

    Right answers are blue; errors, which are few, have a scale of their own, so that they can be seen.
    """
    counts = np.asarray(matrix)
    classes = len(counts)
    total = int(counts.sum())
    errors = counts - np.diag(np.diag(counts))
    share = np.diag(counts) / np.maximum(1, counts.sum(axis=1))  # (K,) recall
    colours = REDS(np.sqrt(errors / max(1, errors.max())) * 0.65)  # (K, K, 4); the root lifts the small ones
    colours[np.arange(classes), np.arange(classes)] = BLUES(0.35 + 0.65 * share)
    size = float(np.clip(0.52 * classes + 1.2, 4.4, WIDTH))  # the line above needs some width
    names = [drawable(name, 14) for name in labels]
    long = classes > 12 or max(map(breadth, names)) > 8
    figure = new_figure(size, width=size + (0.2 if long else -0.25))
    axes = figure.subplots()
    axes.imshow(colours)
    small = 9 if classes <= 20 else max(4.0, 180 / classes)
    axes.set_xticks(range(classes), names, rotation=90 if long and classes > 3 else 0, fontsize=small)
    axes.set_yticks(range(classes), names, fontsize=small)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(1, classes) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, classes) - 0.5, minor=True)
    axes.grid(which="minor", color=PAPER, linewidth=1.5 if classes <= 20 else 0.4)
    axes.tick_params(which="minor", length=0)
    axes.set(xlabel=t("plots.answered"), ylabel=t("plots.true_class"))
    text = t("plots.confusion", right=int(np.trace(counts)), total=total, errors=int(errors.sum()))
    axes.set_title(text, pad=10)
    if classes <= 20:
        for row, column in zip(*np.nonzero(counts), strict=True):
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8.5,
                      color="white" if row == column and share[row] > 0.75 else INK)  # fmt: skip
    return figure


@house()
def worst_errors(
    images: ArrayLike, targets: ArrayLike, predicted: ArrayLike, probability: ArrayLike, labels: Sequence[str]
) -> Figure:
    """Images (N) that the model got wrong, surest first: the truth, the answer, and how sure it was.

    targets, predicted: class indices (N,). probability: what the model gave its wrong answer, (N,).
    """
    tiles, truth = pixels(images), np.asarray(targets)
    answers, sure = np.asarray(predicted), np.asarray(probability, dtype=float)
    if not len(tiles):
        return _note(t("plots.no_errors"))
    columns = min(5, len(tiles))
    rows = -(-len(tiles) // columns)
    figure = new_figure(2.15 * rows, width=max(3.2, WIDTH / 5 * columns))
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, i in zip(grid.flat, np.argsort(-sure, kind="stable"), strict=False):
        _image(axes, tiles[i])
        true, answer = drawable(labels[truth[i]], 14), drawable(labels[answers[i]], 14)
        entry = "plots.error" if breadth(true) + breadth(answer) <= 8 else "plots.error_long"
        text = t(entry, true=true, answer=answer, sure=f"{sure[i]:.0%}")
        axes.set_title(text, linespacing=1.35, fontsize=9.5)
    return figure


def _note(text: str) -> Figure:
    figure = new_figure(0.8)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color=MUTED, transform=axes.transAxes)
    return figure


@house()
def samples(images: ArrayLike, columns: int = 5) -> Figure:
    """Generated images (N), the first ten of them as a rule, five in a row."""
    sheet = mosaic(images, min(columns, len(pixels(images))))
    height, width = sheet.shape[:2]
    inches = min(WIDTH, 1.1 * columns)
    figure = new_figure(inches * height / width + 0.16, width=inches + 0.16)
    _image(figure.subplots(), sheet)
    return figure


@house()
def growing(frames: Sequence[tuple[int, ArrayLike]]) -> Figure:
    """The same noise through the training: one row for each (step, images (N)), the first frame on top."""
    count = max(len(pixels(images)) for _, images in frames)
    rows = np.stack([mosaic(images, count) for _, images in frames])  # (F, H, N (W + g) - g, 3)
    sheet = mosaic(np.moveaxis(rows, 3, 1), 1, gap=0.012)
    height, width = sheet.shape[:2]
    figure = new_figure((WIDTH - 1.2) * height / width + 0.2)
    axes = figure.subplots()
    _image(axes, sheet)
    middles = (np.arange(len(frames)) + 0.5) * height / len(frames) - 0.5
    axes.set_yticks(middles, [t("plots.at_step", step=f"{step:,}") for step, _ in frames])
    axes.tick_params(axis="y", length=0, pad=8, labelcolor=INK)
    axes.spines[:].set_color(QUIET)
    return figure
