"""Numbers as lines, dots and bars: learning curves, what a generator covers, ours against the road map's.

Letters used in shapes: P points of a curve, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike

from tongsu.locale import t
from tongsu.plots.style import (
    GRID,
    INK,
    MUTED,
    PALETTE,
    PAPER,
    QUIET,
    RIGHT,
    WRONG,
    drawable,
    house,
    new_figure,
)

NAMED = ("loss", "accuracy", "generator_loss", "discriminator_loss", "frechet_distance")


@dataclass(frozen=True)
class History:
    """One training: columns "step", "seconds" and any metrics ("loss", "accuracy", ...), each (P,).

    Training and validation are measured at different moments, so each has its own columns.
    """

    name: str
    training: Mapping[str, ArrayLike] = field(default_factory=dict)
    validation: Mapping[str, ArrayLike] = field(default_factory=dict)


@house()
def curves(histories: Sequence[History], metrics: Sequence[str] = ("loss", "accuracy")) -> Figure:
    """Each metric against steps (left) and against seconds (right), all trainings on the same axes.

    A colour is a training; a thin line is training data, a thick one with dots validation data.
    """
    measured = {name for h in histories for name in (*h.training, *h.validation)}
    metrics = [name for name in metrics if name in measured]
    figure = new_figure(0.5 + 2.3 * max(1, len(metrics)))
    grid = figure.subplots(max(1, len(metrics)), 2, squeeze=False, sharey="row", sharex="col")
    for row, metric in enumerate(metrics):
        for column, clock in enumerate(("step", "seconds")):
            axes = grid[row, column]
            for colour, history in zip(_colours(len(histories)), histories, strict=True):
                _draw(axes, history, clock, metric, colour)
            axes.grid(True)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=clock == "step"))
            if metric == "accuracy":
                axes.yaxis.set_major_formatter(PercentFormatter(1.0))
            if row == len(metrics) - 1:
                axes.set_xlabel(t(f"plots.{clock}"))
        grid[row, 0].set_ylabel(t(f"plots.metric.{metric}") if metric in NAMED else drawable(metric))
    figure.legend(handles=_legend(histories, metrics), loc="outside lower center", ncols=4, handlelength=2.2)
    return figure


def _draw(axes: Axes, history: History, clock: str, metric: str, colour: str) -> None:
    for part, look in (
        (history.training, {"linewidth": 1.1, "alpha": 0.5}),
        (history.validation, {"linewidth": 2.0, "marker": "o", "markersize": 4.5}),
    ):
        if metric in part and clock in part:
            axes.plot(np.asarray(part[clock]), np.asarray(part[metric]), color=colour, **look)


def _colours(count: int) -> list[str]:
    return [PALETTE[i % len(PALETTE)] for i in range(count)]


def _legend(histories: Sequence[History], metrics: Sequence[str]) -> list[Line2D]:
    one = len(histories) == 1
    colour = PALETTE[0] if one else MUTED
    lines = []
    if not one:
        for shade, history in zip(_colours(len(histories)), histories, strict=True):
            lines.append(Line2D([], [], color=shade, linewidth=4, label=drawable(history.name, 28)))
    if any(name in h.training for h in histories for name in metrics):
        lines.append(Line2D([], [], color=colour, linewidth=1.1, alpha=0.7, label=t("plots.training")))
    if any(name in h.validation for h in histories for name in metrics):
        lines.append(Line2D([], [], color=colour, marker="o", markersize=4.5, label=t("plots.validation")))
    return lines


@house()
def coverage(counts: ArrayLike, labels: Sequence[str]) -> Figure:
    """How many generated images each class got, counts (K,), and an even share; a missing class is named."""
    numbers = np.asarray(counts)
    figure = new_figure(2.9)
    axes = figure.subplots()
    even = numbers.sum() / max(1, len(numbers))
    bars = axes.bar(range(len(numbers)), numbers, width=0.72, color=RIGHT, zorder=2)
    over_line = {"facecolor": PAPER, "edgecolor": "none", "pad": 2.5}
    axes.bar_label(bars, [str(int(n)) for n in numbers], padding=3, fontsize=9, bbox=over_line)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
    line = axes.axhline(
        even, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=1, label=t("plots.even_share")
    )
    axes.set_xticks(range(len(numbers)), [drawable(name, 10) for name in labels])
    axes.set(ylabel=t("plots.generated_images"), ylim=(0, max(1.0, float(numbers.max()), even) * 1.15))
    absent = [name for name, n in zip(labels, numbers, strict=True) if n == 0]
    text = t("plots.absent", classes=drawable(", ".join(absent), 60)) if absent else t("plots.all_present")
    axes.set_title(text, loc="left", color=WRONG if absent else INK)
    figure.legend(handles=[line], loc="outside lower center")
    return figure


@house()
def against_reference(
    names: Sequence[str], accuracies: ArrayLike, references: Sequence[float | None]
) -> Figure:
    """The accuracy of each model beside the road map's own figure, from 0 to 1; None where it has none.

    Bars cannot show 98 % against 99 % without a cut axis, and a cut bar lies; so a dot is a figure, and the
    line between two dots is the difference.
    """
    ours = np.asarray(accuracies, dtype=float)
    theirs = np.array([np.nan if r is None else r for r in references], dtype=float)
    rows = np.arange(len(ours))[::-1]
    figure = new_figure(1.0 + 0.36 * len(ours))
    axes = figure.subplots()
    low = float(np.nanmin(np.concatenate([ours, theirs])))
    left = max(0.0, np.floor(low * 20 - 0.6) / 20)
    axes.hlines(rows, left, ours, color=GRID, linewidth=6)
    axes.hlines(rows, theirs, ours, color=np.where(ours >= theirs, RIGHT, WRONG).tolist(), linewidth=2)
    hollow: Any = {"markerfacecolor": PAPER, "markeredgecolor": MUTED, "markeredgewidth": 1.8}
    axes.plot(theirs, rows, "o", markersize=8, label=t("plots.road_map"), **hollow)
    axes.plot(ours, rows, "o", markersize=8, color=RIGHT, label=t("plots.ours"))
    for row, our, their in zip(rows, ours, theirs, strict=True):
        text = f"{our:.1%}" if np.isnan(their) else f"{our:.1%}   ({their:.1%})"
        axes.annotate(text, (1, row), xycoords=("axes fraction", "data"), xytext=(8, 0), va="center",
                      textcoords="offset points", fontsize=9.5)  # fmt: skip
    axes.set_yticks(rows, [drawable(name, 32) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(left, 1.0), ylim=(-0.6, len(ours) - 0.4), xlabel=t("plots.test_accuracy"))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(True, axis="x", color=QUIET, linewidth=0.5)
    axes.spines["left"].set_visible(False)
    figure.legend(loc="outside lower center", ncols=2)
    return figure


@house()
def reliability(sure: ArrayLike, right: ArrayLike, counts: ArrayLike, error: float) -> Figure:
    """How often answers are right (B,) against how sure the model was of them (B,), in bins of `counts` (B,) examples.

    On the diagonal a model knows what it knows; below it, it is surer than it may be. error: from 0 to 1.
    """
    x, y, n = np.asarray(sure, dtype=float), np.asarray(right, dtype=float), np.asarray(counts)
    figure = new_figure(4.6, width=4.6)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, linestyle=(0, (4, 3)), label=t("plots.as_sure_as_right"))
    axes.vlines(x, np.minimum(x, y), np.maximum(x, y), color=np.where(y < x, WRONG, RIGHT).tolist(), linewidth=2)
    axes.scatter(x, y, s=24 + 300 * n / max(1, n.max(initial=1)), color=RIGHT, alpha=0.85, zorder=3)
    axes.set(xlim=(0, 1.04), ylim=(0, 1.06), xlabel=t("plots.how_sure"), ylabel=t("plots.how_often_right"))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(True)
    axes.set_title(t("plots.calibration_error", error=f"{error:.1%}"), loc="left")
    figure.legend(loc="outside lower center")
    return figure
