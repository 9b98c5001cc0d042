"""What an answer rests on, laid over the picture or along the sentence; and the check that deletes it.

Letters used in shapes: C channels, S side, T words.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from tongsu.locale import t
from tongsu.plots.images import pixels
from tongsu.plots.style import MUTED, RIGHT, bare, house, new_figure
from tongsu.plots.views_parts import About, bars, heat, line, number, reach
from tongsu.plots.views_text import word_bars


@house()
def integrated_gradients(answer: Any, about: About) -> Figure:
    """Pixels: the picture beside its map, summed over channels. Words: a bar each. Coordinates: a bar each."""
    said = t("views.integrated.line", target=about.label(answer.target), total=number(answer.total),
             logit=number(answer.end), nothing=number(answer.start))  # fmt: skip
    if answer.attribution.ndim == 3:
        return _beside(answer.attribution.sum(0), about, said, t("views.integrated.map"))
    if about.words:
        return word_bars(answer.attribution, about, said, t("views.integrated.logit"))
    figure = new_figure(1.2 + 0.3 * len(answer.attribution), width=6.4)
    bars(figure.subplots(), [f"x{place + 1}" for place in range(len(answer.attribution))], answer.attribution)
    line(figure, said)
    return figure


@house()
def grad_cam(answer: Any, about: About) -> Figure:
    said = t("views.grad_cam.line", target=about.label(answer.target), layer=answer.layer)
    return _beside(answer.map, about, said, t("views.grad_cam.map"), bright=True)


@house()
def occlusion(answer: Any, about: About) -> Figure:
    key = "views.occlusion.words" if answer.drops.ndim == 1 else "views.occlusion.line"
    said = t(key, target=about.label(answer.target), size=answer.size, probability=f"{answer.probability:.1%}")
    if answer.drops.ndim == 1:
        return word_bars(answer.drops, about, said, t("views.occlusion.fall"))
    return _beside(answer.drops, about, said, t("views.occlusion.fall"))


def _beside(values: np.ndarray, about: About, said: str, title: str, bright: bool = False) -> Figure:
    """The picture, the map, and the map over the picture."""
    figure = new_figure(3.3)
    has = about.image is not None
    grid = figure.subplots(1, 3 if has else 1, squeeze=False)[0]
    drawn = heat(grid[1 if has else 0], values, bright=bright)
    grid[1 if has else 0].set_title(title, fontsize=9.5)
    if about.image is not None:
        seen = pixels(about.image[None])[0]
        grid[0].imshow(seen)
        grid[0].set_title(t("views.picture"), fontsize=9.5)
        height, width = seen.shape[:2]
        grid[2].imshow(0.65 + 0.35 * seen.mean(2), cmap="gray", vmin=0, vmax=1)
        top = reach(values)
        part = values if bright else np.abs(values)
        layer = drawn.cmap(values / top if bright else 0.5 + 0.5 * values / top)  # (h, w, 4)
        layer[..., 3] = np.clip(part / top, 0, 1) ** 0.7 * 0.85
        grid[2].imshow(layer, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        grid[2].set_title(t("views.both"), fontsize=9.5)
        for axes in (grid[0], grid[2]):
            bare(axes)
    figure.colorbar(drawn, ax=grid[1 if has else 0], shrink=0.75, pad=0.02)
    line(figure, said)
    return figure


@house()
def deletion(answer: Any, about: About) -> Figure:
    figure = new_figure(3.1, width=6.4)
    axes = figure.subplots()
    axes.plot(answer.removed, answer.probabilities, color=RIGHT,
              label=t("views.deletion.ranked", area=number(answer.area)))  # fmt: skip
    axes.fill_between(answer.removed, answer.probabilities, color=RIGHT, alpha=0.12)
    axes.plot(answer.removed, answer.random, color=MUTED, linestyle=(0, (4, 3)),
              label=t("views.deletion.chance", area=number(answer.random_area)))  # fmt: skip
    axes.set(xlabel=t("views.deletion.deleted"), ylabel=t("views.probability"), xlim=(0, 1), ylim=(0, 1.03))
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.grid(True)
    figure.legend(loc="outside lower center", ncols=1)
    line(figure, t("views.deletion.line", target=about.label(answer.target), method=t(f"views.method.{answer.method}")))
    return figure


