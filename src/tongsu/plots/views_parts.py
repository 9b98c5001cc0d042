"""What pictures of views are made of: signed heat maps, tiles, bars of terms, words along an axis.

Blue is positive, orange negative, white nothing, everywhere.
Letters used in shapes: N maps, H height, W width, T words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from tongsu.locale import t
from tongsu.plots.style import INK, MUTED, PAPER, QUIET, RIGHT, WRONG, bare, drawable, new_figure

SIGNED = LinearSegmentedColormap.from_list("tongsu.signed", [WRONG, "#f5c19c", PAPER, "#9ccbe6", RIGHT])
BRIGHT = LinearSegmentedColormap.from_list("tongsu.bright", [PAPER, "#9ccbe6", RIGHT, "#00304d"])
MOST_WORDS = 48  # along an axis; of longer sentences the end is shown
MOST_BARS = 12
START = "<start>"  # what a text begins with when there is room


@dataclass(frozen=True)
class About:
    """What a person gave, and how to name what comes back.

    words: along every axis "word". image: (C, H, W) uint8. target: the true class, where it is known. vocabulary:
    words by number.
    """

    labels: Sequence[str] = ()
    words: Sequence[str] = ()
    image: np.ndarray | None = None
    target: int | None = None
    vocabulary: Sequence[str] = ()

    def label(self, number: int) -> str:
        return drawable(self.labels[number], 14) if number < len(self.labels) else str(number)


def number(value: float) -> str:
    """Three figures, and a real minus."""
    return f"{value:.3g}".replace("-", "−")


SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(value: float) -> str:
    """For logarithmic axes: 0.01 to 9999 as they are, beyond as 2×10⁵."""
    if 1e-3 < value < 1e4:
        return f"{value:g}"
    exponent = int(np.floor(np.log10(value) + 1e-9))
    times = round(value / 10.0**exponent)
    return ("" if times == 1 else f"{times}×") + f"10{str(exponent).translate(SUPERSCRIPT)}"


def signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", "−")


def reach(*arrays: ArrayLike) -> float:
    """The largest size of any number, for a scale around 0; 1 where all is 0."""
    found = max((float(np.nanmax(np.abs(np.asarray(a, dtype=float)), initial=0.0)) for a in arrays), default=0.0)
    return found or 1.0


def heat(
    axes: Axes, values: ArrayLike, scale: float | None = None, numbers: bool = False, bright: bool = False
) -> Any:
    """A map (H, W) without ticks; bright: from 0 upward. numbers: written into the cells."""
    array = np.asarray(values, dtype=float)
    top = scale or reach(array)
    drawn = axes.imshow(array, cmap=BRIGHT if bright else SIGNED, vmin=0 if bright else -top, vmax=top)
    bare(axes)
    axes.spines[:].set_visible(True)
    axes.spines[:].set_color(QUIET)
    if numbers:
        for row, column in np.ndindex(array.shape):
            value = float(array[row, column])
            colour = "white" if abs(value) > 0.72 * top else INK
            axes.text(column, row, _short(value), ha="center", va="center", fontsize=8, color=colour)
    return drawn


def _short(value: float) -> str:
    text = f"{value:.2f}" if abs(value) < 10 else f"{value:.3g}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def tiled(maps: ArrayLike, columns: int, gap: int = 1) -> np.ndarray:
    """Maps (N, H, W) side by side with NaN between them: (rows (H + gap) - gap, columns (W + gap) - gap)."""
    array = np.asarray(maps, dtype=float)
    count, height, width = array.shape
    rows = -(-count // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap), np.nan)
    for i, tile in enumerate(array):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        sheet[top : top + height, left : left + width] = tile
    return sheet


def show_tiles(axes: Axes, maps: ArrayLike, columns: int, scale: float | None = None, gap: int = 1) -> None:
    """Maps (N, H, W) as one sheet on one scale, each in a frame."""
    heat(axes, tiled(maps, columns, gap), scale)
    axes.spines[:].set_visible(False)
    count, height, width = np.shape(maps)
    for i in range(count):
        corner = (i % columns * (width + gap) - 0.5, i // columns * (height + gap) - 0.5)
        axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=QUIET, linewidth=0.7))


def bars(axes: Axes, names: Sequence[str], values: ArrayLike, strong: Sequence[int] = ()) -> None:
    """Signed horizontal bars, the first on top, each with its number; the rows in `strong` are sums, in ink."""
    numbers = np.asarray(values, dtype=float)
    rows = np.arange(len(numbers))[::-1]
    colours = [INK if i in strong else RIGHT if v >= 0 else WRONG for i, v in enumerate(numbers)]
    axes.barh(rows, numbers, color=colours, height=0.68)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    low, high = min(0.0, float(numbers.min(initial=0))), max(0.0, float(numbers.max(initial=0)))
    span = high - low or 1.0
    axes.set(xlim=(low - 0.16 * span, high + 0.16 * span), ylim=(-0.6, len(numbers) - 0.4), xticks=[])
    for row, value in zip(rows, numbers, strict=True):
        axes.annotate(signed(value), (value, row), xytext=(4 if value >= 0 else -4, 0), textcoords="offset points",
                      ha="left" if value >= 0 else "right", va="center", fontsize=8.5)  # fmt: skip
    axes.set_yticks(rows, list(names), fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.spines[:].set_visible(False)


def chances(axes: Axes, about: About, rows: Sequence[tuple[str, ArrayLike]], most: int = 10) -> None:
    """Probabilities (K,) before and after, or one set of them, as grouped bars; of many classes the likeliest."""
    sets = [np.asarray(values, dtype=float) for _, values in rows]
    shown = np.sort(np.argsort(-np.max(sets, axis=0), kind="stable")[:most])
    wide = 0.8 / len(sets)
    for i, ((name, _), values) in enumerate(zip(rows, sets, strict=True)):
        place = np.arange(len(shown)) + (i - (len(sets) - 1) / 2) * wide
        colour = QUIET if i == 0 and len(sets) > 1 else RIGHT
        axes.bar(place, values[shown], width=wide * 0.92, color=colour, label=name)
    names = [about.label(int(k)) for k in shown]
    long = max(map(len, names)) > 6 and len(names) > 4
    axes.set_xticks(range(len(shown)), names, rotation=35 if long else 0, ha="right" if long else "center")
    axes.set(ylim=(0, 1.02), ylabel=t("views.probability"))
    axes.tick_params(axis="x", length=0)


def last_words(about: About, count: int) -> tuple[list[str], slice]:
    """Names for the last places of `count`, and which places they are."""
    known = [t("views.start") if word == START else drawable(word, 14) for word in about.words]
    if not known:
        known = [str(place + 1) for place in range(count)]
    known = known[-min(count, MOST_WORDS) :]
    return known, slice(count - len(known), count)


def word_axis(axes: Axes, names: Sequence[str], small: bool = False) -> None:
    """Words along x, upright when there are many."""
    size = 9 if len(names) <= 16 and not small else 8 if len(names) <= 32 else 6.5
    axes.set_xticks(range(len(names)), list(names), rotation=90 if len(names) > 8 else 35,
                    ha="center" if len(names) > 8 else "right", fontsize=size)  # fmt: skip
    axes.tick_params(axis="x", length=0)


def line(figure: Figure, text: str) -> None:
    """What the picture says, above it, in whole sentences."""
    figure.suptitle(text, x=0.012, ha="left", fontsize=10.5, color=INK, linespacing=1.35)


def note(text: str) -> Figure:
    figure = new_figure(0.8)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color=MUTED, transform=axes.transAxes)
    return figure
