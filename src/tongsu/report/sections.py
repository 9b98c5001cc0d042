"""What each chapter's section shows, from arrays and plain values, in the current language.

Letters used in shapes: N test examples, K classes, F frames, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from tongsu import plots
from tongsu.locale import t
from tongsu.report import ColouredText, Picture, Row, Section

FIRST = 5


def section(chapter: str, pictures: Sequence[Picture] = (), texts: Sequence[ColouredText] = ()) -> Section:
    """The section of mlp, cnn, rnn, gan, transformer or resnet with its own words of explanation."""
    paragraphs = tuple(
        " ".join(p.split()) for p in t(f"report.chapter.{chapter}.about").strip().split("\n\n")
    )
    return Section(chapter, t(f"report.chapter.{chapter}.title"), paragraphs, tuple(pictures), tuple(texts))


def picture(kind: str, figure: Figure, of: str = "") -> Picture:
    """A figure with the title and caption that the catalogue has for its kind; `of` names the model."""
    title = t(f"report.picture.{kind}.title")
    return Picture(
        t("report.of_model", title=title, model=of) if of else title,
        t(f"report.picture.{kind}.caption"),
        plots.to_bytes(figure),
        kind,
    )


def image_pictures(
    histories: Sequence[plots.History],
    images: Any,
    targets: ArrayLike,
    probabilities: ArrayLike,
    matrix: ArrayLike,
    worst: Sequence[int],
    labels: Sequence[str],
) -> tuple[Picture, ...]:
    """Learning curves, the first five test images, confusion matrix (K, K), and the errors at the positions `worst`.

    images: (N, C, H, W) of the test data, uint8 or 0 to 1; only those that are shown are asked for. targets: (N,).
    probabilities: (N, K).
    """
    truth, chances = np.asarray(targets), np.asarray(probabilities, dtype=float)
    first = slice(0, FIRST)
    return (
        picture("curves", plots.curves(histories)),
        picture("predictions", plots.predictions(np.asarray(images[first]), truth[first], chances[first], labels)),
        picture("confusion", plots.confusion(matrix, labels)),
        picture("worst", worst_pictures(images, truth, chances, worst, labels)),
    )


def worst_pictures(
    images: Any, truth: np.ndarray, chances: np.ndarray, worst: Sequence[int], labels: Sequence[str]
) -> Figure:
    """The images at some positions, each with what it is and what it was taken for; arguments as above."""
    at = list(worst)
    answers, sure = chances[at].argmax(1), chances[at].max(1)
    return plots.worst_errors(np.asarray(images[at]), truth[at], answers, sure, labels)


def text_pictures(
    histories: Sequence[plots.History],
    matrices: Sequence[tuple[str, ArrayLike]],
    labels: Sequence[str],
) -> tuple[Picture, ...]:
    """Learning curves of all nets on the same axes; a confusion matrix (K, K) for each (model, matrix)."""
    return (
        picture("curves", plots.curves(histories)),
        *(picture("confusion", plots.confusion(matrix, labels), of=model) for model, matrix in matrices),
    )


def gan_pictures(
    histories: Sequence[plots.History],
    images: ArrayLike,
    frames: Sequence[tuple[int, ArrayLike]],
    counts: ArrayLike,
    labels: Sequence[str],
) -> tuple[Picture, ...]:
    """Ten generated images (10, C, H, W), the same noise through the frames (step, images), counts (K,).

    Images as everywhere: uint8, or float from 0 to 1 (a generator's tanh is shifted by whoever calls).
    """
    several = any(np.size(history.validation.get("step", ())) > 1 for history in histories)
    metrics = ("generator_loss", "discriminator_loss", *(("frechet_distance",) if several else ()))
    return (
        picture("samples", plots.samples(images)),
        picture("growing", plots.growing(frames)),
        picture("coverage", plots.coverage(counts, labels)),
        picture("game", plots.curves(histories, metrics)),
    )


def overview(rows: Sequence[Row]) -> tuple[Picture, ...]:
    """Our accuracies beside the road map's; nothing if no row is an accuracy."""
    rows = [row for row in rows if row.metric_name.endswith("accuracy")]
    if not rows:
        return ()
    names, ours = [row.model for row in rows], [row.metric for row in rows]
    return (picture("against", plots.against_reference(names, ours, [row.reference_metric for row in rows])),)
