"""Data before a training, on one sheet: how many of each class, how large or long, what they look like, what is wrong.

Letters used in shapes: N examples, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from tongsu.locale import t
from tongsu.plots.images import pixels
from tongsu.plots.style import INK, MUTED, PALETTE, QUIET, RIGHT, WIDTH, WRONG, bare, drawable, house, new_figure

CLASSES, FINDINGS = 20, 6  # that find room
COLOURS = {"error": WRONG, "warning": PALETTE[4], "note": MUTED}


@house()
def overview(
    counts: Mapping[str, Mapping[str, int]],
    measure: str,
    numbers: ArrayLike,
    images: Sequence[tuple[str, np.ndarray]] = (),
    findings: Sequence[tuple[str, str]] = (),
    split: Mapping[str, int] | None = None,
) -> Figure:
    """counts: examples by label and part. measure, numbers (N,): what the histogram shows, "side" or "words".

    images: (label, (C, H, W) uint8), those of a class together. findings: (severity, sentence).
    split: how many of all examples each part would get where `counts` has no parts.
    """
    values, shown = np.asarray(numbers, dtype=float), list(counts)[:CLASSES]
    rows = [label for label, _ in images]
    lines = findings[:FINDINGS]
    tall = 0.9 + 0.26 * max(4, len(shown))
    strip = 0.62 * len(dict.fromkeys(rows))
    heights = [tall, *([strip + 0.3] if images else []), *([0.15 + 0.26 * len(lines)] if lines else [])]
    figure = new_figure(sum(heights) + 0.2)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    top = parts[0].subplots(1, 2 if len(values) else 1, squeeze=False)[0]
    _bars(top[0], shown, counts, split)
    if len(values):
        _histogram(top[1], measure, values)
    if images:
        _strips(parts[1].subplots(), images)
    if lines:
        _sentences(parts[-1].subplots(), lines)
    return figure


def _bars(
    axes: Axes, shown: Sequence[str], counts: Mapping[str, Mapping[str, int]], split: Mapping[str, int] | None
) -> None:
    names = list(next(iter(counts.values()), {}))
    totals = [sum(counts[label].values()) for label in shown]
    if split:  # each class in the proportion in which all will be split
        whole = max(sum(split.values()), 1)
        sums = {label: sum(parts.values()) for label, parts in counts.items()}
        counts = {label: {p: round(total * n / whole) for p, n in split.items()} for label, total in sums.items()}
        names = list(split)
    places = np.arange(len(shown))[::-1]
    left = np.zeros(len(shown))
    for part, colour in zip(names, (RIGHT, PALETTE[5], QUIET), strict=False):
        widths = np.array([counts[label].get(part, 0) for label in shown], dtype=float)
        axes.barh(places, widths, left=left, color=colour, height=0.7, label=t(f"check.column.{part}"))
        left += widths
    for place, total, end in zip(places, totals, left, strict=True):
        beside: Any = {"xytext": (4, 0), "textcoords": "offset points", "va": "center", "fontsize": 9}
        axes.annotate(f"{total:,}", (end, place), **beside)
    axes.set_yticks(places, [drawable(label, 18) for label in shown])
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, max(1.0, float(left.max(initial=0))) * 1.18)
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    axes.set_title(t("check.picture.counts"), loc="left")
    if len(names) > 1:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, handlelength=1.0, columnspacing=1.0)


def _histogram(axes: Axes, measure: str, values: np.ndarray) -> None:
    low, high = float(values.min()), float(np.quantile(values, 0.99))  # one giant must not squeeze all others
    axes.hist(np.clip(values, low, high), bins=min(30, max(5, len(values) // 5)), color=RIGHT)
    axes.axvline(float(np.median(values)), color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
    axes.set(xlabel=t(f"check.picture.{measure}"), ylabel=t("check.picture.examples"))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))


def _strips(axes: Axes, images: Sequence[tuple[str, np.ndarray]]) -> None:
    """A row of pictures for each class."""
    labels = list(dict.fromkeys(label for label, _ in images))
    most = max(sum(label == one for label, _ in images) for one in labels)
    side = images[0][1].shape[1]
    sheet = np.ones((len(labels) * (side + 4), most * (side + 4), 3))
    for row, label in enumerate(labels):
        for column, tile in enumerate([image for other, image in images if other == label]):
            y, x = row * (side + 4), column * (side + 4)
            sheet[y : y + side, x : x + side] = pixels(tile[None])[0]
    axes.imshow(sheet, aspect="equal")
    bare(axes)
    axes.set_yticks((np.arange(len(labels)) + 0.5) * (side + 4), [drawable(label, 18) for label in labels])
    axes.tick_params(axis="y", length=0, labelcolor=INK)


def _sentences(axes: Axes, lines: Sequence[tuple[str, str]]) -> None:
    axes.set_axis_off()
    axes.set(xlim=(0, WIDTH), ylim=(len(lines), 0))
    for row, (severity, sentence) in enumerate(lines):
        axes.plot(0.08, row + 0.5, "o", color=COLOURS[severity], markersize=6)
        axes.text(0.22, row + 0.5, drawable(sentence, 108), va="center", fontsize=9)
