"""Learning, and its undoing: gradients by layer, by word and by depth; what changes when a net is broken.

Letters used in shapes: T words, K classes, H units.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator, PercentFormatter

from tongsu.locale import t
from tongsu.plots.style import INK, MUTED, PALETTE, QUIET, RIGHT, WRONG, drawable, house, new_figure
from tongsu.plots.views_parts import About, chances, last_words, line, number, power, word_axis

MOST_ROWS = 24
TINY = 1e-12  # where a logarithmic axis ends
CELLS = {"simple": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}


def logarithmic(axes: Axes, which: str) -> None:
    """Powers of ten in plain text: mathematical type is not used in our pictures."""
    axis = getattr(axes, f"{which}axis")
    getattr(axes, f"set_{which}scale")("log")
    low, high = np.log10(getattr(axes, f"get_{which}lim")())
    axis.set_major_locator(LogLocator(10, numticks=7))
    if high - low < 1.5:
        axis.set_major_locator(LogLocator(10, subs=(1, 2, 5), numticks=7))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: power(value)))


@house()
def backpropagation(answer: Any, about: About) -> Figure:
    """Gradient and update of each layer on a logarithmic scale, and the answer before and after."""
    kept = np.unique(np.linspace(0, len(answer.names) - 1, min(MOST_ROWS, len(answer.names))).round().astype(int))
    figure = new_figure(max(3.4, 1.5 + 0.24 * len(kept)))
    left, right = figure.subplots(1, 2, width_ratios=(1.45, 1))
    rows = np.arange(len(kept))[::-1]
    for name, colour in (("weight_norm", QUIET), ("gradient_norm", RIGHT), ("update_norm", WRONG)):
        values = getattr(answer, name)[kept]
        some = values > TINY  # what is 0 has no place on this scale
        left.plot(values[some], rows[some], "o", color=colour, markersize=6, label=t(f"views.backpropagation.{name}"))
    left.set_yticks(rows, [drawable(answer.names[i], 26) for i in kept], fontsize=8.5)
    left.set(ylim=(-0.7, len(kept) - 0.3), xlabel=t("views.norm"))
    logarithmic(left, "x")
    left.grid(True)
    both = [(t("views.before"), answer.probabilities), (t("views.after"), answer.probabilities_after)]
    chances(right, about, both, 6)
    figure.legend(loc="outside lower center", ncols=5)
    line(figure, t("views.backpropagation.line", target=about.label(answer.target), loss=number(answer.loss),
                   after=number(answer.loss_after), lr=number(answer.lr),
                   optimizer=answer.optimizer.upper()))  # fmt: skip
    return figure


@house()
def gradients_by_step(answer: Any, about: About) -> Figure:
    names, shown = last_words(about, answer.norms.shape[1])
    figure = new_figure(3.7)
    axes = figure.subplots()
    for colour, series, norms in zip(PALETTE, answer.series, answer.norms, strict=False):
        depth, direction = series.split()
        some = np.where(norms[shown] > 1e-30, norms[shown], np.nan)
        axes.plot(range(len(some)), some, "o-", markersize=4, color=colour,
                  label=t(f"views.time.{direction}", depth=int(depth) + 1))  # fmt: skip
    axes.set(ylabel=t("views.time.norm"), xlim=(-0.6, len(names) - 0.4))
    logarithmic(axes, "y")
    axes.grid(True, axis="y")
    word_axis(axes, names)
    if len(answer.series) > 1:
        figure.legend(loc="outside lower center", ncols=4)
    ratio = answer.norms[0][shown][0] / max(answer.norms[0][shown][-1], 1e-300)
    line(figure, t("views.time.line", cell=CELLS[answer.cell], ratio=number(float(ratio))))
    return figure


@house()
def gradients_by_depth(answer: Any, about: About) -> Figure:
    figure = new_figure(3.2)
    axes = figure.subplots()
    places = np.arange(1, len(answer.norms) + 1)
    axes.plot(places, np.where(answer.norms > 0, answer.norms, np.nan), "o-", markersize=4, color=RIGHT,
              label=t("views.depth.as_it_is"))  # fmt: skip
    if answer.without is not None:
        axes.plot(places, np.where(answer.without > 0, answer.without, np.nan), "o-", markersize=4, color=WRONG,
                  label=t("views.depth.without"))  # fmt: skip
        figure.legend(loc="outside lower center", ncols=2)
    axes.set(ylabel=t("views.depth.norm"))
    logarithmic(axes, "y")
    if len(places) <= 14:
        names = [drawable(name, 18) for name in answer.names]
        axes.set_xticks(places, names, rotation=90, fontsize=8.5)
    else:
        axes.set_xlabel(t("views.depth.layer"))
        axes.xaxis.set_major_locator(MaxNLocator(12, integer=True))
    axes.grid(True, axis="y")
    line(figure, t("views.depth.line", target=about.label(answer.target),
                   ratio=number(float(answer.norms[0] / max(answer.norms[-1], 1e-300)))))  # fmt: skip
    return figure


def _percent(axes: Axes, which: str = "y") -> None:
    getattr(axes, f"{which}axis").set_major_formatter(PercentFormatter(1.0, decimals=0))


@house()
def ablation(answer: Any, about: About) -> Figure:
    """Accuracy before and after; and with each unit alone switched off, the most missed first."""
    figure = new_figure(3.1)
    each = answer.per_unit is not None
    grid = figure.subplots(1, 2 if each else 1, width_ratios=(1, 2.4) if each else None, squeeze=False)[0]
    values = (answer.accuracy, answer.accuracy_after)
    grid[0].bar((0, 1), values, color=(QUIET, RIGHT), width=0.6)
    for at, value in enumerate(values):
        grid[0].annotate(f"{value:.1%}", (at, value), xytext=(0, 3), textcoords="offset points", ha="center",
                         fontsize=9)  # fmt: skip
    grid[0].set_xticks((0, 1), (t("views.before"), t("views.after")))
    grid[0].set(ylim=(0, 1.12), ylabel=t("views.accuracy"))
    _percent(grid[0])
    if each:
        order = np.argsort(answer.per_unit, kind="stable")
        lost = answer.accuracy - answer.per_unit[order]
        grid[1].bar(range(len(order)), lost, color=[RIGHT if v >= 0 else WRONG for v in lost], width=0.9)
        grid[1].axhline(0, color=MUTED, linewidth=0.8)
        grid[1].set(xlabel=t("views.ablation.units"), ylabel=t("views.ablation.lost"))
        if len(order) <= 24:
            grid[1].set_xticks(range(len(order)), [str(unit) for unit in order], fontsize=8)
        else:
            grid[1].set_xticks([])
        grid[1].yaxis.set_major_formatter(PercentFormatter(1.0, decimals=1))
    line(figure, t("views.ablation.line", layer=answer.layer, count=len(answer.units), changed=f"{answer.changed:.1%}"))
    return figure


@house()
def weight_noise(answer: Any, about: About) -> Figure:
    figure = new_figure(3.1, width=6.4)
    axes = figure.subplots()
    axes.plot(answer.levels, answer.accuracy.mean(1), color=RIGHT, label=t("views.noise.mean"))
    axes.plot(np.repeat(answer.levels, answer.accuracy.shape[1]), answer.accuracy.ravel(), "o", color=RIGHT, alpha=0.4,
              markersize=5, markeredgewidth=0)  # fmt: skip
    axes.axhline(answer.without_biases, color=WRONG, linestyle=(0, (4, 3)), label=t("views.noise.biases"))
    axes.set(xlabel=t("views.noise.level"), ylabel=t("views.accuracy"), ylim=(0, 1.03))
    _percent(axes)
    axes.grid(True)
    figure.legend(loc="outside lower center", ncols=2)
    line(figure, t("views.noise.line", accuracy=f"{answer.original:.1%}"))
    return figure


@house()
def activation_exchange(answer: Any, about: About) -> Figure:
    figure = new_figure(3.1, width=6.4)
    axes = figure.subplots()
    places = np.arange(len(answer.names))
    axes.bar(places - 0.2, answer.accuracy, width=0.38, color=RIGHT, label=t("views.accuracy"))
    axes.bar(places + 0.2, answer.agreement, width=0.38, color=QUIET, label=t("views.exchange.agreement"))
    for at, value in zip(places, answer.accuracy, strict=True):
        axes.annotate(f"{value:.0%}", (at - 0.2, value), xytext=(0, 2), textcoords="offset points", ha="center",
                      fontsize=8.5)  # fmt: skip
    axes.set_xticks(places, answer.names)
    axes.set(ylim=(0, 1.12))
    _percent(axes)
    figure.legend(loc="outside lower center", ncols=2)
    line(figure, t("views.exchange.line", original=answer.original))
    return figure


@house()
def shift(answer: Any, about: About) -> Figure:
    figure = new_figure(3.0, width=6.4)
    axes = figure.subplots()
    axes.plot(answer.distances, answer.accuracy, "o-", color=RIGHT, markersize=4, label=t("views.accuracy"))
    axes.plot(answer.distances, answer.agreement, "o-", color=MUTED, markersize=3, linewidth=1.1,
              label=t("views.shift.agreement"))  # fmt: skip
    axes.set(xlabel=t(f"views.shift.{answer.direction}"), ylim=(0, 1.03))
    _percent(axes)
    axes.xaxis.set_major_locator(MaxNLocator(13, integer=True))
    axes.axvline(0, color=INK, linewidth=0.7)
    axes.grid(True)
    figure.legend(loc="outside lower center", ncols=2)
    line(figure, t("views.shift.line"))
    return figure
