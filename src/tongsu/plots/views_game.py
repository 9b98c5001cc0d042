"""The adversarial game in pictures: drawings and their scores, between two noises, a round, and where it would end.

Letters used in shapes: N images, Z noise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tongsu.locale import t
from tongsu.plots.images import pixels
from tongsu.plots.style import INK, RIGHT, WRONG, bare, house, new_figure
from tongsu.plots.views_parts import About, heat, line, number

MOST_IMAGES = 16


def _image(axes: Axes, image: np.ndarray, text: str = "") -> None:
    """image (H, W) from 0 to 1."""
    axes.imshow(pixels(image[None])[0])
    bare(axes)
    if text:
        axes.set_xlabel(text, fontsize=8.5, labelpad=3)


@house()
def drawings(answer: Any, about: About) -> Figure:
    """Images with D's probability of "real" below each."""
    images, scores = answer.images[:MOST_IMAGES], answer.scores[:MOST_IMAGES]
    columns = len(images) if len(images) <= 10 else 8
    rows = -(-len(images) // columns)
    figure = new_figure(0.6 + rows * (7.6 / columns + 0.25))
    for at, axes in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
        if at < len(images):
            _image(axes, images[at], f"{scores[at]:.0%}")
        else:
            axes.set_axis_off()
    line(figure, t("views.drawings.line"))
    return figure


@house()
def latent_arithmetic(answer: Any, about: About) -> Figure:
    figure = new_figure(2.3)
    grid = figure.subplots(1, 7, width_ratios=(1, 0.22, 1, 0.22, 1, 0.22, 1))
    for axes, image, score in zip(grid[::2], answer.images, answer.scores, strict=True):
        _image(axes, image, f"{score:.0%}")
    for axes, sign in zip(grid[1::2], ("−", "+", "="), strict=True):
        axes.set_axis_off()
        axes.text(0.5, 0.5, sign, ha="center", va="center", fontsize=20, transform=axes.transAxes)
    line(figure, t("views.arithmetic.line"))
    return figure


@house()
def scores(answer: Any, about: About) -> Figure:
    """Shares of real pictures and drawings by D's score, and what the best D would answer in each bin."""
    figure = new_figure(3.6, width=6.8)
    axes = figure.subplots()
    for name, colour in (("real", RIGHT), ("fake", WRONG)):
        counts = getattr(answer, f"{name}_counts")
        axes.stairs(counts / max(counts.sum(), 1), answer.edges, color=colour, fill=True, alpha=0.3)
        axes.stairs(counts / max(counts.sum(), 1), answer.edges, color=colour, linewidth=1.6,
                    label=t(f"views.scores.{name}", mean=f"{getattr(answer, name).mean():.2f}"))  # fmt: skip
    axes.plot(answer.centres, answer.optimum, "o", color=INK, markersize=4, label=t("views.scores.best"))
    axes.axvline(0.5, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set(xlabel=t("views.scores.score"), ylabel=t("views.scores.share"), xlim=(0, 1), ylim=(0, 1.04))
    figure.legend(loc="outside lower center", ncols=2)
    line(figure, t("views.scores.line", loss=number(answer.discriminator_loss), end=number(answer.equilibrium_loss)))
    return figure


@house()
def adversarial_round(answer: Any, about: About) -> Figure:
    """Five rows, the five stages."""
    count = min(8, len(answer.fakes))
    figure = new_figure(7.9)
    stages: Any = figure.subfigures(5, 1, height_ratios=(0.75, 1, 1.12, 1.12, 1))
    grid = np.array([stage.subplots(1, count, squeeze=False)[0] for stage in stages])
    side = int(np.ceil(np.sqrt(answer.noise.shape[1])))
    top = float(np.abs(answer.pixel_gradient[:count]).max()) or 1.0
    for at in range(count):
        cells = np.full(side * side, np.nan)
        cells[: answer.noise.shape[1]] = answer.noise[at]
        heat(grid[0, at], cells.reshape(side, side), 3.0)
        _image(grid[1, at], answer.fakes[at])
        _image(grid[2, at], answer.fakes[at], f"{answer.fake_scores[at]:.0%} → {answer.fake_scores_after[at]:.0%}")
        _image(grid[3, at], answer.real[at], f"{answer.real_scores[at]:.0%}")
        heat(grid[4, at], answer.pixel_gradient[at], top)
    told = {
        "discriminator_loss": number(answer.discriminator_loss), "generator_loss": number(answer.generator_loss),
        "discriminator_gradient": number(float(np.linalg.norm(answer.discriminator_gradient))),
        "generator_gradient": number(float(np.linalg.norm(answer.generator_gradient))),
    }  # fmt: skip
    for number_of, stage in enumerate(stages, 1):
        stage.suptitle(t(f"views.round.stage{number_of}", **told), x=0.012, ha="left", fontsize=10)
    return figure
