"""One number and where it comes from: a unit, a pixel, a pooling window, a gate; and convolutions on paper.

Letters used in shapes: C channels, k kernel side, D inputs, T words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tongsu.locale import t
from tongsu.plots.style import INK, MUTED, PALETTE, QUIET, RIGHT, drawable, house, new_figure
from tongsu.plots.views_parts import (
    MOST_BARS,
    MOST_WORDS,
    START,
    About,
    bars,
    heat,
    line,
    number,
    reach,
)

MOST_CHANNELS = 3  # of a window, drawn with all their numbers


@house()
def unit(answer: Any, about: About) -> Figure:
    """The largest terms of a sum, the rest of them together, the bias, and what they add up to."""
    shown = min(len(answer.terms), MOST_BARS - 2)
    more = len(answer.terms) - shown
    rows = [
        (_term(answer.sources[i], answer.inputs[i], answer.weights[i]), float(answer.terms[i])) for i in range(shown)
    ]
    rows += [(t("views.unit.rest", count=more), float(answer.terms[shown:].sum()))] if more else []
    rows += [(t("views.bias"), answer.bias), (t("views.unit.total"), answer.total)]
    figure = new_figure(0.95 + 0.27 * len(rows))
    if about.image is not None and about.image.size == len(answer.terms):  # the inputs are its pixels
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.75))
        placed = np.zeros(about.image.size)
        placed[answer.sources] = answer.terms
        heat(left, placed.reshape(about.image.shape).sum(0))
        left.set_title(t("views.unit.picture"), fontsize=9.5)
    else:
        right = figure.subplots()
    bars(right, [name for name, _ in rows], [value for _, value in rows], strong=(len(rows) - 1,))
    key = "views.unit.line_bend" if answer.activation else "views.unit.line"
    line(figure, t(key, unit=answer.unit, layer=answer.layer, total=number(answer.total), seen=number(answer.output),
                   bend=answer.activation, activated=number(answer.activated)))  # fmt: skip
    return figure


def _term(place: int, value: float, weight: float) -> str:
    return t("views.unit.term", place=int(place), value=number(value), weight=number(weight))


@house()
def pixel(answer: Any, about: About) -> Figure:
    """Window times kernel, with every number, for the channels that count most; then the sum."""
    chosen = np.argsort(-np.abs(answer.sums), kind="stable")[:MOST_CHANNELS]
    written = answer.inside.size <= 25
    figure = new_figure(0.9 + 2.15 * len(chosen), width=7.2)
    grid = figure.subplots(len(chosen), 3, squeeze=False)
    for row, channel in enumerate(chosen):
        for column, name in enumerate(("window", "kernel", "products")):
            values = getattr(answer, name)
            heat(grid[row, column], values[channel], reach(values), numbers=written)
            if row == 0:
                grid[row, column].set_title(t(f"views.pixel.{name}"))
        for y, x in np.argwhere(~answer.inside):
            grid[row, 0].add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, hatch="////", fill=False, edgecolor=QUIET, lw=0))
        grid[row, 0].set_ylabel(t("views.channel", channel=int(channel)))
        grid[row, 2].set_xlabel(t("views.pixel.sum", value=number(answer.sums[channel])))
    rest = float(answer.sums.sum() - answer.sums[chosen].sum())
    key = "views.pixel.line" if len(chosen) == len(answer.sums) else "views.pixel.line_rest"
    said = t(key, layer=answer.layer, channel=answer.channel, row=answer.row, column=answer.column,
             products=number(answer.sums[chosen].sum()), rest=number(rest), bias=number(answer.bias),
             total=number(answer.total), count=len(answer.sums) - len(chosen))  # fmt: skip
    if answer.activation:
        said += t("views.pixel.bend", bend=answer.activation, activated=number(answer.activated))
    line(figure, said)
    return figure


@house()
def pool(answer: Any, about: About) -> Figure:
    figure = new_figure(2.5, width=5.2)
    axes = figure.subplots()
    heat(axes, answer.window, numbers=answer.window.size <= 36)
    if answer.winner is not None:
        row, column = answer.winner
        axes.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, edgecolor=INK, linewidth=2.2))
    line(figure, t(f"views.pool.{answer.kind}", layer=answer.layer, channel=answer.channel, row=answer.row,
                   column=answer.column, total=number(answer.total)))  # fmt: skip
    return figure


@house()
def conv_sandbox(answer: Any, about: About) -> Figure:
    """Inputs below, outputs above, and a line for each number that is read."""
    places = np.arange(min(answer.positions.min(), 0), max(answer.positions.max() + 1, answer.size))
    figure = new_figure(2.9)
    axes = figure.subplots()
    middle = (places[0] + places[-1]) / 2
    above = middle + (np.arange(answer.output) - (answer.output - 1) / 2) * answer.stride
    for at, reads in zip(above, answer.positions, strict=True):
        for place in reads:
            axes.plot([place, at], [0, 1], color=QUIET, linewidth=1, zorder=1)
    real = (places >= 0) & (places < answer.size)
    unread = np.setdiff1d(places[real], answer.positions)
    look: Any = {"markersize": float(np.clip(330 / len(places), 3, 13)), "linestyle": "none", "zorder": 2}
    axes.plot(places[real], 0 * places[real], "s", color=RIGHT, label=t("views.sandbox.input"), **look)
    if (~real).any():
        axes.plot(places[~real], 0 * places[~real], "s", markerfacecolor="white", markeredgecolor=MUTED,
                  label=t("views.sandbox.padding"), **look)  # fmt: skip
    if len(unread):
        axes.plot(unread, 0 * unread, "s", color=PALETTE[1], label=t("views.sandbox.unread"), **look)
    axes.plot(above, 0 * above + 1, "o", color=INK, label=t("views.sandbox.output"), **look)
    axes.set(ylim=(-0.35, 1.3))
    axes.set_axis_off()
    figure.legend(loc="outside lower center", ncols=4)
    key = "views.sandbox.line_unread" if len(unread) else "views.sandbox.line"
    line(figure, t(key, size=answer.size, kernel=answer.kernel, stride=answer.stride, padding=answer.padding,
                   dilation=answer.dilation, output=answer.output, unread=len(unread)))  # fmt: skip
    return figure


@house()
def gate_numbers(answer: Any, about: About) -> Figure:
    """One line a gate: what the word adds, what the state before it adds, the biases, the sum, and what it opens to."""
    gates = [t(f"views.gates.{name}") for name in answer.names]
    reset = np.ones(len(gates))
    if answer.cell == "gru":
        reset[2] = answer.values[0]  # the candidate takes only r times of the state's part
    parts = [answer.from_input, reset * answer.from_state, answer.bias + reset * answer.bias2]
    figure = new_figure(1.5 + 0.72 * len(gates))
    axes = figure.subplots()
    rows = np.arange(len(gates))[::-1]
    for at, (name, values, colour) in enumerate(
        zip(("word", "state", "bias"), parts, (RIGHT, PALETTE[4], QUIET), strict=True)
    ):
        axes.barh(rows + 0.22 - 0.22 * at, values, height=0.2, color=colour, label=t(f"views.gate.{name}"))
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_yticks(rows, gates)
    axes.tick_params(axis="y", length=0)
    axes.set(ylim=(-0.6, len(gates) - 0.4))
    axes.grid(True, axis="x")
    for row, name, total, value in zip(rows, answer.names, answer.sums, answer.values, strict=True):
        bend = "tanh" if name in ("g", "n", "h") else "σ"
        axes.annotate(f"{bend}({number(total)}) = {number(value)}", (1, row), xycoords=("axes fraction", "data"),
                      xytext=(8, 0), textcoords="offset points", va="center", fontsize=9.5)  # fmt: skip
    figure.legend(loc="outside lower center", ncols=3)
    word = about.words[answer.word] if answer.word < len(about.words) else str(answer.word + 1)
    word = t("views.start") if word == START else drawable(word, 20)
    key = f"views.gate.{answer.cell}"
    line(figure, t("views.gate.line", unit=answer.unit, word=word) + "\n" + t(key, h=number(answer.h), before=number(
        answer.h_before), c=number(answer.c or 0), c_before=number(answer.c_before or 0),
        **{name: number(v) for name, v in zip(answer.names, answer.values, strict=True) if name != "h"}))  # fmt: skip
    return figure


@house()
def neighbours(answer: Any, about: About) -> Figure:
    """A row for each word: its nearest words, the bluer the nearer."""
    count = min(answer.neighbours.shape[1], 6)
    rows = [at for at, word in enumerate(about.words or answer.tokens) if word != START][-min(MOST_WORDS, 24) :]
    figure = new_figure(0.9 + 0.27 * len(rows))
    axes = figure.subplots()
    drawn = heat(axes, answer.similarities[rows][:, :count], 1.0, bright=True)
    axes.set_aspect("auto")
    for row, at in enumerate(rows):
        for rank in range(count):
            numbers, near = answer.neighbours[at, rank], answer.similarities[at, rank]
            known = about.vocabulary
            name = drawable(known[numbers], 13) if numbers < len(known) else f"#{numbers}"
            axes.text(rank, row, name, ha="center", va="center", fontsize=8.5, color="white" if near > 0.62 else INK)
    words = [about.words[at] if about.words else str(answer.tokens[at]) for at in rows]
    axes.set_yticks(range(len(rows)), [drawable(word, 16) for word in words])
    axes.tick_params(length=0)
    figure.colorbar(drawn, ax=axes, pad=0.01, fraction=0.03, label=t("views.neighbours.cosine"))
    line(figure, t("views.neighbours.line"))
    return figure
