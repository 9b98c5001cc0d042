"""Nets under one small budget: every seed as a dot, their mean, and how far they spread.

Letters used in shapes: V variants, R seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tongsu.locale import t
from tongsu.plots.style import INK, MUTED, PALETTE, QUIET, drawable, house, new_figure
from tongsu.plots.views_parts import About, line


@house()
def same_budget(answer: Any, about: About) -> Figure:
    names = [drawable(name, 34) for name in answer.names]
    return _compared(answer, names, [PALETTE[v % len(PALETTE)] for v in range(len(names))])


@house()
def depth_accuracy(answer: Any, about: About) -> Figure:
    """Blue with shortcuts, orange without."""
    ways = ["with" if skip else "without" for skip in answer.skips]
    names = [t(f"views.budget.{way}", depth=int(depth)) for way, depth in zip(ways, answer.depths, strict=True)]
    return _compared(answer.budget, names, [PALETTE[0] if way == "with" else PALETTE[1] for way in ways])


def _compared(answer: Any, names: Sequence[str], colours: Sequence[str]) -> Figure:
    """Two panels on one scale of rows: what was tested, and what was learned."""
    figure = new_figure(1.75 + 0.52 * len(names))
    left, right = figure.subplots(1, 2, sharey=True)
    rows = np.arange(len(names))[::-1]
    for axes, values, title in (
        (left, answer.accuracy, t("views.budget.tested", count=answer.tested)),
        (right, answer.learned_accuracy, t("views.budget.learned", count=answer.learned)),
    ):
        for row, dots, colour in zip(rows, values, colours, strict=True):
            _row(axes, int(row), dots[np.isfinite(dots)], colour)
        axes.set(ylim=(-0.6, len(names) - 0.4), xlabel=title)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        axes.grid(True, axis="x")
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
    left.set_yticks(rows, list(names))
    seeds = answer.seeds
    named = str(seeds[0]) if len(seeds) == 1 else f"{seeds[0]}–{seeds[-1]}"
    line(figure, t("views.budget.line", epochs=answer.epochs, learned=answer.learned, seeds=named,
                   finished=answer.finished, every=answer.accuracy.size, seconds=f"{answer.seconds:.0f}"))  # fmt: skip
    return figure


def _row(axes: Axes, row: int, dots: np.ndarray, colour: str) -> None:
    """A dot a seed; the mean as a bar, one standard deviation to each side, both in figures above."""
    if not len(dots):
        axes.text(0.5, row, t("views.budget.none"), transform=axes.get_yaxis_transform(), ha="center", va="center",
                  color=MUTED, fontsize=9)  # fmt: skip
        return
    mean, spread = dots.mean(), dots.std(ddof=1) if len(dots) > 1 else 0.0
    axes.plot([mean - spread, mean + spread], [row, row], color=QUIET, linewidth=7, solid_capstyle="butt", zorder=1)
    axes.plot([mean], [row], "|", color=INK, markersize=17, markeredgewidth=1.6, zorder=3)
    axes.plot(dots, np.full(len(dots), row), "o", color=colour, markersize=6, alpha=0.75, markeredgewidth=0, zorder=2)
    text = f"{mean:.1%}" + (f" ± {100 * spread:.1f}" if len(dots) > 1 else "")
    axes.annotate(text, (mean, row), xytext=(0, 9), textcoords="offset points", ha="center", va="bottom", fontsize=8.5)
