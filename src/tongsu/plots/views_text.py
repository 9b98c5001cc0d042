"""Sentences from the inside: gates, the path of the state, attention, and words by what they weigh.

Letters used in shapes: T words, H units, N heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from tongsu.locale import t
from tongsu.plots.style import INK, MUTED, OPINION, PALETTE, RIGHT, house, new_figure
from tongsu.plots.text import words as coloured
from tongsu.plots.views_learning import CELLS
from tongsu.plots.views_parts import BRIGHT, About, heat, last_words, line, number, reach, word_axis


@house()
def gates(answer: Any, about: About) -> Figure:
    """A map for each gate and state: words to the right, units downward. σ-gates run from 0 to 1."""
    names, shown = last_words(about, answer.values.shape[1])
    figure = new_figure(1.7 + 1.0 * len(answer.names))
    grid = figure.subplots(len(answer.names), 1, squeeze=False, sharex=True)[:, 0]
    for axes, name, values in zip(grid, answer.names, answer.values, strict=True):
        bright = name in ("i", "f", "o", "r", "z")
        part = values[shown].T  # (H, T)
        top = 1.0 if bright else reach(part)
        drawn = heat(axes, part, top, bright=bright)
        axes.set_aspect("auto")
        axes.set_ylabel(t(f"views.gates.{name}"), rotation=0, ha="right", va="center", fontsize=9)
        figure.colorbar(drawn, ax=axes, pad=0.01, fraction=0.03, ticks=[0, 1] if bright else [-top, top],
                        format=lambda value, _: number(value))  # fmt: skip
    word_axis(grid[-1], names)
    line(figure, t("views.gates.line", cell=CELLS[answer.cell], units=answer.values.shape[2],
                   way=t(f"views.time.{answer.direction}", depth=answer.depth + 1)))  # fmt: skip
    return figure


@house()
def running(answer: Any, about: About) -> Figure:
    """The sentence in the colours of the answer so far, of the second of two classes; of more, a line for each."""
    names, shown = last_words(about, len(answer.probabilities))
    chances = answer.probabilities[shown]
    if chances.shape[1] == 2:
        return coloured(names, chances[:, 1], (about.label(0), about.label(1)))
    figure = new_figure(3.4)
    axes = figure.subplots()
    for k in np.argsort(-chances[-1])[: len(PALETTE)]:
        axes.plot(range(len(names)), chances[:, k], "o-", markersize=3, color=PALETTE[k % len(PALETTE)],
                  label=about.label(k))  # fmt: skip
    axes.set(ylim=(0, 1.02), ylabel=t("views.probability"))
    word_axis(axes, names)
    figure.legend(loc="outside lower center", ncols=4)
    return figure


@house()
def directions(answer: Any, about: About) -> Figure:
    figure = new_figure(2.6, width=6.4)
    axes = figure.subplots()
    count = answer.probabilities.shape[1]
    for k in range(count):
        place = np.arange(3) + (k - (count - 1) / 2) * 0.8 / count
        axes.bar(place, answer.probabilities[:, k], width=0.75 / count, color=PALETTE[k % len(PALETTE)],
                 label=about.label(k))  # fmt: skip
    axes.set_xticks(range(3), [t(f"views.directions.{name}") for name in answer.names])
    axes.set(ylim=(0, 1.02), ylabel=t("views.probability"))
    figure.legend(loc="outside lower center", ncols=4)
    line(figure, t("views.directions.line"))
    return figure


@house()
def trajectory(answer: Any, about: About) -> Figure:
    """The path of the state in a plane, coloured by the answer so far where there are two; the words after which it
    jumps most are named where there is room."""
    names, shown = last_words(about, len(answer.points))
    points, jumps, chances = answer.points[shown], answer.jumps[shown], answer.probabilities[shown]
    figure = new_figure(4.8, width=7.2)
    axes = figure.subplots()
    axes.plot(points[:, 0], points[:, 1], color=MUTED, linewidth=0.9, zorder=1)
    two = chances.shape[1] == 2
    colour = chances[:, 1] if two else np.arange(1, len(points) + 1)
    drawn = axes.scatter(points[:, 0], points[:, 1], c=colour, cmap=OPINION if two else BRIGHT, s=30, zorder=2,
                         vmin=0, vmax=1 if two else len(points), edgecolors=INK, linewidths=0.5)  # fmt: skip
    shares = [f"{share:.0%}" for share in answer.plane.explained]
    axes.set(xlabel=t("views.map.axis", number=1, share=shares[0]),
             ylabel=t("views.map.axis", number=2, share=shares[1]), xticks=[], yticks=[])  # fmt: skip
    axes.margins(0.14)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7)
    bar.set_label(t("views.surface.chance", label=about.label(1)) if two else t("views.trajectory.words"))
    at = int(jumps[1:].argmax()) + 1 if len(jumps) > 1 else 0
    line(figure, t("views.trajectory.line", word=names[at]))
    _name_points(figure, axes, points, names, jumps)
    return figure


def _name_points(figure: Figure, axes: Axes, points: np.ndarray, names: list[str], weight: np.ndarray) -> None:
    """Names beside points, the heaviest first; one that would lie on another, or over the edge, is left out."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    figure.draw_without_rendering()
    taken: list[Bbox] = []
    inside = axes.get_window_extent(renderer)
    last = len(points) - 1
    for at in dict.fromkeys([0, last, *np.argsort(-weight, kind="stable").tolist()]):
        for dx, dy, side, level in ((6, 5, "left", "bottom"), (6, -5, "left", "top"), (-6, 5, "right", "bottom"),
                                    (-6, -5, "right", "top")):  # fmt: skip
            text = axes.annotate(names[at], points[at], xytext=(dx, dy), textcoords="offset points", fontsize=8.5,
                                 ha=side, va=level, zorder=3)  # fmt: skip
            box = text.get_window_extent(renderer)
            free = not any(box.padded(2).overlaps(other) for other in taken)
            if free and inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1:
                taken.append(box)
                break
            text.remove()


def _heads(figure: Figure, maps: np.ndarray, numbers: Sequence[str], about: About, columns: int) -> None:
    """Maps (N, T, T), words on the outer axes only."""
    names, shown = last_words(about, maps.shape[1])
    rows = -(-len(maps) // columns)
    size = float(np.clip(7.4 / columns * 72 / len(names) * 0.55, 3.5, 9))
    for at, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if at >= len(maps):
            axes.set_axis_off()
            continue
        heat(axes, maps[at][shown, shown], bright=True)
        axes.set_title(numbers[at], fontsize=9.5)
        if at + columns >= len(maps):
            axes.set_xticks(range(len(names)), names, rotation=90, fontsize=size)
        if at % columns == 0:
            axes.set_yticks(range(len(names)), names, fontsize=size)
        axes.tick_params(length=0)


@house()
def attention(answer: Any, about: About) -> Figure:
    """A map for each head: the word in the row takes from the words in the columns; rows sum to 1."""
    columns = min(len(answer.heads), 2 if len(answer.heads) <= 4 else 4)
    figure = new_figure(1.1 + -(-len(answer.heads) // columns) * (7.2 / columns))
    titles = [t("views.attention.head", head=int(head)) for head in answer.heads]
    _heads(figure, answer.weights, titles, about, columns)
    line(figure, t("views.attention.line", layer=answer.depth + 1, layers=answer.layers))
    return figure


@house()
def attention_maps(answer: Any, about: About) -> Figure:
    """A row for each layer, a column for each head."""
    layers, heads = answer.weights.shape[:2]
    figure = new_figure(1.2 + layers * (7.0 / heads))
    titles = [t("views.attention.of", layer=at // heads + 1, head=at % heads) for at in range(layers * heads)]
    if heads > 6:
        titles = [f"{at // heads + 1}·{at % heads}" for at in range(layers * heads)]
    _heads(figure, answer.weights.reshape(-1, *answer.weights.shape[2:]), titles, about, heads)
    line(figure, t("views.attention.all"))
    return figure


@house()
def word_bars(values: np.ndarray, about: About, title: str, unit: str) -> Figure:
    """A signed bar for each word, in the order of the sentence."""
    names, shown = last_words(about, len(values))
    part = values[shown]
    figure = new_figure(3.2)
    axes = figure.subplots()
    axes.bar(range(len(part)), part, color=[RIGHT if v >= 0 else PALETTE[1] for v in part], width=0.8)
    axes.axhline(0, color=MUTED, linewidth=0.8)
    axes.set(ylabel=unit, xlim=(-0.6, len(part) - 0.4))
    axes.grid(True, axis="y")
    word_axis(axes, names)
    line(figure, title)
    return figure
