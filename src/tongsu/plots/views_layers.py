"""What each layer makes of an input, what its units look for, and how a net divides the plane.

Letters used in shapes: H units, C channels, S side, N examples, R resolution.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tongsu.locale import t
from tongsu.plots.images import pixels
from tongsu.plots.style import INK, MUTED, PALETTE, QUIET, WRONG, bare, drawable, house, new_figure
from tongsu.plots.views_learning import logarithmic
from tongsu.plots.views_parts import SIGNED, About, chances, heat, line, reach, show_tiles, tiled

MOST_LAYERS = 8
MOST_MAPS = 16
MOST_TILES = 64
MOST_UNITS = 48


@house()
def layers(answer: Any, about: About) -> Figure:
    """Parameters and multiplications of each step as dots on one logarithmic scale; of convolutions also what a dense
    layer would need."""
    kept = [at for at, name in enumerate(answer.names) if answer.parameters[at] or answer.multiplications[at]]
    kept = [kept[i] for i in np.unique(np.linspace(0, len(kept) - 1, min(28, len(kept))).round().astype(int))]
    rows = np.arange(len(kept))[::-1]
    figure = new_figure(1.7 + 0.25 * len(kept))
    axes = figure.subplots()
    colours = {"multiplications": QUIET, "parameters": PALETTE[0], "local": PALETTE[4], "dense": PALETTE[1]}
    for name, colour in colours.items():
        values = getattr(answer, name)[kept]
        some = values > 0  # 0 has no place on this scale
        if some.any():
            axes.plot(values[some], rows[some], "o", markersize=11 if name == "multiplications" else 6, color=colour,
                      label=t(f"views.layers.{name}"))  # fmt: skip
    shapes = [" × ".join(map(str, answer.shapes[at])) for at in kept]
    names = [f"{drawable(answer.names[at], 30)}   {shape}" for at, shape in zip(kept, shapes, strict=True)]
    axes.set_yticks(rows, names, fontsize=8.5)
    axes.set(ylim=(-0.7, len(kept) - 0.3))
    logarithmic(axes, "x")
    axes.grid(True)
    figure.legend(loc="outside lower center", ncols=2)
    total, products = int(answer.parameters.sum()), int(answer.multiplications.sum())
    line(figure, t("views.layers.line", total=f"{total:,}", products=f"{products:,}"))
    return figure


@house()
def activations(answer: Any, about: About) -> Figure:
    """A row for each step, from the input to the answer: maps as small pictures, units as cells."""
    filled = [step for step in answer.steps if step.values is not None and step.values.size]
    chosen = _spread(filled, MOST_LAYERS)
    heights = [_row_height(step.values) for step in chosen]
    first = 1.15 if about.image is not None else 0.0
    figure = new_figure(sum(heights) + 0.12 * len(heights) + first + 2.0)
    rows = figure.subplots(len(chosen) + 1 + bool(first), 1, squeeze=False,
                           height_ratios=[*([first] if first else []), *heights, 1.15])[:, 0]  # fmt: skip
    if first and about.image is not None:
        rows[0].imshow(pixels(about.image[None])[0])
        bare(rows[0])
        rows = rows[1:]
    for axes, step in zip(rows, chosen, strict=False):
        _layer(axes, step.values)
        axes.set_anchor("W")
        shape = " × ".join(map(str, step.shape))
        axes.set_title(f"{drawable(step.name, 36)}   {shape}", loc="left", fontsize=9, color=MUTED, pad=3)
    chances(rows[-1], about, [("", answer.probabilities)])
    hidden = len(answer.steps) - len(chosen)
    line(figure, t("views.activations.line") + (t("views.activations.hidden", count=hidden) if hidden else ""))
    return figure


def _spread(steps: list[Any], most: int) -> list[Any]:
    """Those with weights and what stands behind them first; the first and the last, and others evenly between."""
    if len(steps) > most:
        steps = [step for step in steps if step.kind not in ("norm", "add", "softmax")]
    if len(steps) <= most:
        return steps
    return [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, most).round().astype(int))]


def _row_height(values: np.ndarray) -> float:
    if values.ndim == 3 and values.shape[1] * values.shape[2] > 1:
        return 0.75 if values.shape[0] > 8 else 0.95
    return 0.8 if values.ndim == 2 else 0.32


def _layer(axes: Axes, values: np.ndarray) -> None:
    if values.ndim == 3 and values.shape[1] * values.shape[2] > 1:  # (C, S, S)
        shown = values[:MOST_MAPS]
        heat(axes, tiled(shown, len(shown), max(1, shown.shape[2] // 10)), reach(shown))
        axes.spines[:].set_visible(False)
        return
    cells = values if values.ndim == 2 else values.reshape(1, -1)  # (T, H) or (1, H)
    heat(axes, cells.T if values.ndim == 2 else cells)
    axes.set_aspect("auto")


@house()
def first_weights(answer: Any, about: About) -> Figure:
    """The first layer's weights as pictures; three channels are red, green and blue, each tile scaled by itself."""
    shown = answer.tiles[:MOST_TILES]
    columns = min(16 if shown.shape[2] <= 12 else 8, len(shown))
    figure = new_figure(0.6 + 7.6 / columns * -(-len(shown) // columns))
    axes = figure.subplots()
    if shown.shape[1] == 3:
        scale = np.abs(shown).max(axis=(1, 2, 3), keepdims=True)
        _colour(axes, shown / np.maximum(scale, 1e-12) / 2 + 0.5, columns)
    else:
        show_tiles(axes, shown.mean(1), columns, gap=max(1, shown.shape[2] // 10))
    key = "views.first.line_some" if len(answer.tiles) > len(shown) else "views.first.line"
    line(figure, t(key, layer=answer.layer, count=len(answer.tiles), shown=len(shown)))
    return figure


def _colour(axes: Axes, images: np.ndarray, columns: int) -> None:
    parts = [tiled(images[:, channel], columns, 1) for channel in range(3)]
    axes.imshow(np.nan_to_num(np.stack(parts, 2), nan=1.0).clip(0, 1))
    bare(axes)


@house()
def wires(answer: Any, about: About) -> Figure:
    """Inputs on the left, units on the right, the strongest flows between them."""
    sources, ends = np.unique(answer.sources), np.arange(len(answer.outputs))
    figure = new_figure(4.6, width=6.8)
    axes = figure.subplots()
    left = dict(zip(sources, np.linspace(0, 1, len(sources)) if len(sources) > 1 else [0.5], strict=True))
    right = np.linspace(0, 1, len(ends)) if len(ends) > 1 else np.array([0.5])
    top = reach(answer.values)
    for source, end, value in list(zip(answer.sources, answer.targets, answer.values, strict=True))[::-1]:
        axes.plot([0, 1], [left[source], right[end]], color=PALETTE[0] if value >= 0 else WRONG,
                  linewidth=0.3 + 2.7 * abs(value) / top, alpha=0.25 + 0.6 * abs(value) / top, zorder=1)  # fmt: skip
    axes.scatter(np.zeros(len(sources)), list(left.values()), c=answer.inputs[sources], cmap=SIGNED, edgecolors=INK,
                 vmin=-reach(answer.inputs), vmax=reach(answer.inputs), s=22, linewidths=0.5, zorder=2)  # fmt: skip
    axes.scatter(np.ones(len(ends)), right, c=answer.outputs, cmap=SIGNED, edgecolors=INK, vmin=-reach(answer.outputs),
                 vmax=reach(answer.outputs), s=30, linewidths=0.5, zorder=2)  # fmt: skip
    axes.invert_yaxis()
    axes.set_axis_off()
    if len(sources) <= 24:
        for source, height in left.items():
            axes.annotate(str(source), (0, height), xytext=(-8, 0), textcoords="offset points", ha="right", va="center",
                          fontsize=8)  # fmt: skip
    if len(ends) <= 24:
        last = len(ends) == len(about.labels)
        for end, height in zip(ends, right, strict=True):
            axes.annotate(about.label(int(end)) if last else str(end), (1, height), xytext=(8, 0), va="center",
                          textcoords="offset points", fontsize=9)  # fmt: skip
    line(figure, t("views.wires.line", layer=answer.layer, count=len(answer.values)))
    return figure


@house()
def dead_units(answer: Any, about: About) -> Figure:
    """For each layer its units from the most silent to the most talkative; at 0 a unit never speaks."""
    figure = new_figure(3.3)
    axes = figure.subplots()
    for colour, name, active, never, units in zip(PALETTE * 9, answer.names, answer.active, answer.dead, answer.units,
                                                  strict=False):  # fmt: skip
        axes.plot(np.linspace(0, 1, len(active)), np.sort(active), color=colour,
                  label=t("views.dead.layer", layer=drawable(name, 26), never=int(never), units=int(units)))
    axes.set(xlabel=t("views.dead.units"), ylabel=t("views.dead.share"), ylim=(-0.03, 1.05), xlim=(0, 1), xticks=[])
    axes.grid(True, axis="y")
    figure.legend(loc="outside lower center", ncols=2)
    line(figure, t("views.dead.line", never=int(answer.dead.sum()), units=int(answer.units.sum())))
    return figure


@house()
def activation_functions(answer: Any, about: About) -> Figure:
    """The one that this net uses is thick."""
    figure = new_figure(3.3)
    left, right = figure.subplots(1, 2)
    for colour, name, y, slope in zip(PALETTE, answer.names, answer.y, answer.derivative, strict=False):
        wide = 3.0 if name == answer.used else 1.3
        left.plot(answer.x, y, color=colour, label=name, linewidth=wide)
        right.plot(answer.x, slope, color=colour, linewidth=wide)
    left.set(title=t("views.functions.value"), ylim=(-1.5, 3.5))
    right.set(title=t("views.functions.derivative"), ylim=(-0.25, 1.25))
    for axes in (left, right):
        axes.grid(True)
        axes.axhline(0, color=MUTED, linewidth=0.8)
    figure.legend(loc="outside lower center", ncols=6)
    if answer.used:
        line(figure, t("views.functions.line", used=answer.used))
    return figure


@house()
def embedding_map(answer: Any, about: About) -> Figure:
    """Each example a dot in its class's colour; what the model gets wrong has a ring in the colour of its answer."""
    figure = new_figure(5.2, width=7.4)
    axes = figure.subplots()
    for k in np.unique(answer.targets):
        mine = answer.points[answer.targets == k]
        axes.plot(mine[:, 0], mine[:, 1], "os^Dv"[k // len(TEN) % 5], markersize=4, alpha=0.75, markeredgewidth=0,
                  color=TEN[k % len(TEN)], label=about.label(int(k)))  # fmt: skip
    wrong = answer.targets != answer.predicted
    if wrong.any():
        rings = [TEN[k % len(TEN)] for k in answer.predicted[wrong]]
        axes.scatter(answer.points[wrong, 0], answer.points[wrong, 1], s=60, facecolors="none", edgecolors=rings,
                     linewidths=1.3)  # fmt: skip
    shares = [f"{share:.0%}" for share in answer.plane.explained]
    axes.set(xlabel=t("views.map.axis", number=1, share=shares[0]),
             ylabel=t("views.map.axis", number=2, share=shares[1]), xticks=[], yticks=[])  # fmt: skip
    if len(np.unique(answer.targets)) <= 20:
        figure.legend(loc="outside right upper", markerscale=2)
    line(figure, t("views.map.line", layer=answer.layer, count=len(answer.points), wrong=int(wrong.sum())))
    return figure


TEN = ("#0072b2", "#d55e00", "#009e73", "#a0578a", "#e69f00", "#56b4e9", "#6b6b6b", "#8c510a", "#c7b200", "#1b3a6b")


@house()
def decision_map(answer: Any, about: About) -> Figure:
    """The plane as the net divides it, and below it the plane as every hidden unit sees it."""
    shown = [maps[:MOST_UNITS] for maps in answer.units]
    columns = 8
    heights = [6.4 / columns * -(-len(maps) // columns) + 0.35 for maps in shown]
    figure = new_figure(3.6 + sum(heights), width=6.8)
    grid = figure.subplots(1 + len(shown), 1, squeeze=False, height_ratios=[3.2, *heights])[:, 0]
    span = (answer.x[0], answer.x[-1], answer.y[0], answer.y[-1])
    if len(answer.probabilities) == 2:
        drawn = grid[0].imshow(answer.probabilities[1], origin="lower", extent=span, vmin=0, vmax=1, cmap=SIGNED)
        bar = figure.colorbar(drawn, ax=grid[0], ticks=[0, 0.5, 1], shrink=0.8)
        bar.set_label(t("views.surface.chance", label=about.label(1)))
    else:
        colours = np.array([_rgb(TEN[k % len(TEN)]) for k in range(len(answer.probabilities))])
        sure = answer.probabilities.max(0)[:, :, None]
        grid[0].imshow(colours[answer.probabilities.argmax(0)] * sure + (1 - sure), origin="lower", extent=span)
        names = [Patch(color=colours[k], label=about.label(k)) for k in range(len(colours))]
        figure.legend(handles=names, loc="outside right upper")
    grid[0].set_xlabel("x1", labelpad=1)
    grid[0].set_ylabel("x2")
    for axes, name, maps, all_maps in zip(grid[1:], answer.names, shown, answer.units, strict=True):
        scaled = maps / np.maximum(np.abs(maps).max(axis=(1, 2), keepdims=True), 1e-12)
        show_tiles(axes, scaled[:, ::-1], min(columns, len(maps)), 1.0, gap=max(2, maps.shape[1] // 12))
        axes.set_title(t("views.surface.layer", layer=name, count=len(all_maps)), loc="left", fontsize=9.5)
    line(figure, t("views.surface.line"))
    return figure


def _rgb(colour: str) -> tuple[float, ...]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


