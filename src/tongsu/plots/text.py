"""A sentence whose words carry the colour of the answer so far, and the same answer as a line below.

Letters used in shapes: T words.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch
from matplotlib.ticker import FixedLocator, MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from tongsu.locale import t
from tongsu.plots.style import GRID, INK, MUTED, OPINION, WIDTH, drawable, fonts, house, is_chinese

SIZE, LINE, PAD, MARGIN = 11.0, 23.0, 3.0, 14.0  # points
POINTS = 72.0  # in an inch
CLOSING = ",.;:!?)]}'’”%，。；：！？、）》」』】"  # never opens a line


def spaced(left: str, right: str) -> bool:
    """Whether a space stands between two words: not next to Chinese, not before closing punctuation."""
    if not left or not right:
        return False
    closing, opening = right[0] in CLOSING, left[-1] in "([{“‘"
    return not (is_chinese(left[-1]) or is_chinese(right[0]) or closing or opening)


@house()
def words(words: Sequence[str], probabilities: ArrayLike, names: tuple[str, str] | None = None) -> Figure:
    """Words (T) coloured by the probability (T,) of the second class after each of them.

    names: the two ends of the scale, "negative" and "positive" unless told.
    """
    chances = np.asarray(probabilities, dtype=float)
    shown = [drawable(word, 40) for word in words]
    low, high = names or (t("plots.negative"), t("plots.positive"))
    width = WIDTH * POINTS
    figure = Figure(figsize=(WIDTH, 1))
    places = _flow(figure, shown, width - 2 * MARGIN)
    text_height = (places[-1][1] + 1) * LINE if places else LINE
    chart = 104.0
    height = MARGIN + 30 + text_height + 26 + chart + 40
    figure.set_size_inches(WIDTH, height / POINTS)

    def area(left: float, top: float, wide: float, high: float) -> Axes:  # points from the top left
        return figure.add_axes((left / width, 1 - (top + high) / height, wide / width, high / height))

    _scale(figure, area(width - MARGIN - 190, MARGIN, 120, 9), low, high)
    page = area(MARGIN, MARGIN + 30, width - 2 * MARGIN, text_height)
    page.set(xlim=(0, width - 2 * MARGIN), ylim=(text_height, 0))
    page.set_axis_off()
    for word, chance, (x, line, wide) in zip(shown, chances, places, strict=True):
        y = line * LINE
        box = FancyBboxPatch((x, y + 2), wide, LINE - 5, boxstyle="round,pad=0,rounding_size=3", linewidth=0,
                             facecolor=OPINION(chance), mutation_aspect=1)  # fmt: skip
        page.add_patch(box)
        page.text(x + wide / 2, y + LINE - 7.5, word, ha="center", va="baseline", fontsize=SIZE)
    below = area(MARGIN + 40, MARGIN + 30 + text_height + 22, width - 2 * MARGIN - 48, chart)
    _line(below, shown, chances, high)
    return figure


def _flow(figure: Figure, shown: Sequence[str], width: float) -> list[tuple[float, int, float]]:
    """Where each word stands, as (left, line, width), in points: words run on until the line is full."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    font = FontProperties(family=fonts(), size=SIZE)
    pixels = [renderer.get_text_width_height_descent(word, font, False)[0] for word in shown]
    widths = [pixel * POINTS / figure.dpi + 2 * PAD for pixel in pixels]
    places: list[tuple[float, int, float]] = []
    x, line, before = 0.0, 0, ""
    for i, (word, wide) in enumerate(zip(shown, widths, strict=True)):
        x += 0 if x == 0 else 3.0 if spaced(before, word) else 1.0
        after = widths[i + 1] + 1.0 if "".join(shown[i + 1 : i + 2])[:1] in (*CLOSING,) else 0.0
        if x + wide + after > width and x > 0:
            x, line = 0.0, line + 1
        places.append((x, line, wide))
        x, before = x + wide, word
    return places


def _scale(figure: Figure, axes: Axes, low: str, high: str) -> None:
    figure.colorbar(ScalarMappable(Normalize(0, 1), OPINION), cax=axes, orientation="horizontal", ticks=[])
    axes.spines[:].set_visible(False)
    for x, text, side in ((-0.05, drawable(low, 12), "right"), (1.05, drawable(high, 12), "left")):
        axes.text(x, 0.45, text, ha=side, va="center", fontsize=9.5, transform=axes.transAxes)


def _line(axes: Axes, shown: Sequence[str], chances: np.ndarray, high: str) -> None:
    numbers = np.arange(1, len(chances) + 1)
    axes.axhline(0.5, color=MUTED, linewidth=0.9, linestyle=(0, (4, 3)))
    axes.plot(numbers, chances, color=INK, linewidth=1.3)
    axes.scatter(numbers, chances, c=chances, cmap=OPINION, vmin=0, vmax=1, s=26 if len(numbers) <= 60 else 9,
                 edgecolors=INK, linewidths=0.6, zorder=3)  # fmt: skip
    axes.set(ylim=(-0.06, 1.06), xlim=(0.4, len(numbers) + 0.6), xlabel=t("plots.words_read"))
    axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.xaxis.set_major_locator(MaxNLocator(12, integer=True, min_n_ticks=1))
    axes.grid(True, axis="y", color=GRID)
    title = t("plots.running", name=drawable(high, 24))
    if len(chances) > 1:
        turn = int(np.abs(np.diff(chances)).argmax()) + 1
        change = f"{chances[turn] - chances[turn - 1]:+.0%}".replace("-", "−")
        title += t("plots.turn", word=drawable(shown[turn], 20), number=turn + 1, change=change)
    axes.set_title(title, loc="left", fontsize=9.5, pad=7)
