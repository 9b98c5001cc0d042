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
from tongsu.plots.style import INK, MUTED, QUIET, RIGHT, WRONG, bare, house, new_figure
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


STAGES = ("before", "collapsed", "cured")


@house()
def mode_collapse(answer: Any, about: About) -> Figure:
    """A row for each stage: the shares of the ten digits and some drawings; below, the coverage round by round."""
    figure = new_figure(6.6)
    stages: Any = figure.subfigures(4, 1, height_ratios=(1, 1, 1, 1.25))
    top = float(np.nanmax(answer.shares)) * 1.08
    for stage, name in enumerate(STAGES):
        shares = answer.shares[stage]
        if not np.isfinite(shares).all():
            stages[stage].suptitle(t("views.collapse.unreached"), x=0.012, ha="left", fontsize=10, color=MUTED)
            continue
        grid = stages[stage].subplots(1, 7, width_ratios=(3.4, *[1] * 6))
        grid[0].bar(range(10), shares, color=(QUIET, WRONG, RIGHT)[stage], width=0.8)
        for axes, image in zip(grid[1:], answer.images[stage], strict=False):
            _image(axes, image)
        grid[0].axhline(0.1, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        grid[0].set(ylim=(0, top), xlim=(-0.6, 9.6), yticks=[])
        grid[0].set_xticks(range(10))
        grid[0].tick_params(axis="x", length=0)
        told = {"coverage": f"{answer.coverage[stage]:.2f}", "variety": f"{answer.variety[stage]:.2f}",
                "cause": t(f"views.cause.{answer.cause}"), "cure": t(f"views.cure.{answer.cure}"),
                "rounds": (0, answer.collapsing, answer.curing)[stage]}  # fmt: skip
        stages[stage].suptitle(t(f"views.collapse.{name}", **told), x=0.012, ha="left", fontsize=10)
    axes = stages[3].subplots()
    axes.axvspan(0, answer.collapsing, color=WRONG, alpha=0.08, linewidth=0)
    axes.plot(answer.rounds, answer.path, "o-", color=INK, markersize=3.5)
    axes.set(xlabel=t("views.collapse.rounds"), ylim=(0, 1.05), xlim=(0, max(answer.rounds[-1], 1)))
    axes.grid(True, axis="y")
    told = {"drawings": answer.drawings, "seconds": f"{answer.seconds:.0f}"}
    stages[3].suptitle(t("views.collapse.path", **told), x=0.012, ha="left", fontsize=10)
    return figure
