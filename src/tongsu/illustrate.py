"""What a run shows of itself after training: pictures in `pictures/` and a page about the model, `card.md`; and the
pictures of an evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch

from tongsu import card, plots
from tongsu.data.dataset import Dataset
from tongsu.errors import Problem
from tongsu.evaluate import Evaluation, Judgement, examine, judge
from tongsu.explain.trajectory import running_prediction
from tongsu.learned import Learned
from tongsu.locale import t
from tongsu.models.logits import probabilities
from tongsu.plots import History
from tongsu.predict import generate
from tongsu.report import Picture, sections
from tongsu.runs.atomic import write_bytes, write_text
from tongsu.tasks.judge import Judge

GROWING_FRAMES = 8
COLOURED = 5  # errors on texts that are drawn word by word


def illustrate(learned: Learned, dataset: Dataset) -> None:
    """At the end of a training: the model looks at the test data once, for the pictures and for the card."""
    classifies = learned.recipe.task == "classify"
    evaluation = examine(learned, "test", dataset) if classifies else None
    judgement = evaluation.judgement if evaluation else None
    for picture in pictures(learned, dataset, learned.run.name, judgement):
        write_bytes(learned.run.pictures / f"{picture.kind}.png", picture.png)
    card.write(learned, dataset, judgement)


def pictures(
    learned: Learned, dataset: Dataset, title: str, verdict: Judgement | None = None
) -> tuple[Picture, ...]:
    """Learning curves; for classifiers the first five test examples, the confusion matrix and the worst errors,
    for a GAN its drawings over the frames. All of the test split, with the weights that the run answers with."""
    histories = [History(title, *learned.run.history())]
    if learned.recipe.task == "gan":
        return _game(learned, histories)
    verdict = verdict or judge(learned, dataset.test)
    if learned.preprocessing.kind != "images":
        return sections.text_pictures(histories, [(title, verdict.confusion().numpy())], learned.labels)
    return sections.image_pictures(
        histories, dataset.test.inputs, verdict.targets.numpy(), verdict.probabilities.numpy(),
        verdict.confusion().numpy(), verdict.worst(), learned.labels,
    )  # fmt: skip


def _game(learned: Learned, histories: list[History]) -> tuple[Picture, ...]:
    """The same ten noises in the first frame and the last ones, and what the judge reads in a thousand drawings."""
    steps = [step for step, _ in learned.run.frames()]
    chosen = sorted({steps[0], *steps[1 - GROWING_FRAMES :]})  # most early frames show the same grey
    film = [(step, generate(Learned.load(learned.run, step), 10).numpy()) for step in chosen]
    _, digits = Judge.load(torch.device("cpu")).look(generate(learned, 1000) * 2 - 1)
    counts = digits.bincount(minlength=10).numpy()
    return sections.gan_pictures(histories, generate(learned, 10).numpy(), film, counts, list("0123456789"))


def draw(evaluation: Evaluation, folder: Path) -> list[Path]:
    """The pictures of an evaluation: confusion matrix, calibration, worst errors (pictures as they are, texts word by
    word and as a list). Nothing for a generator. Returns what was written."""
    judgement = evaluation.judgement
    if judgement is None:
        return []
    calibration = judgement.calibration()
    sure, right, counts = ([one[name] for one in calibration["bins"]] for name in ("sure", "right", "examples"))
    figures = {
        "confusion": plots.confusion(judgement.confusion().numpy(), judgement.labels),
        "calibration": plots.reliability(sure, right, counts, calibration["expected_error"]),
    }
    if evaluation.learned.preprocessing.kind == "images":
        truth, chances = judgement.targets.numpy(), judgement.probabilities.numpy()
        worst = judgement.worst()
        figures["worst"] = sections.worst_pictures(evaluation.split.inputs, truth, chances, worst, judgement.labels)
    elif evaluation.split.texts:
        figures |= _misread(evaluation, judgement)
    written = [plots.save(figure, folder / f"{name}.png") for name, figure in figures.items()]
    if evaluation.split.texts:
        write_text(folder / "worst.md", _listed(evaluation))
        written.append(folder / "worst.md")
    return written


def _misread(evaluation: Evaluation, judgement: Judgement) -> dict[str, Any]:
    """The texts that were misread most surely: where in each of them the model went astray."""
    learned, figures = evaluation.learned, {}
    for number, at in enumerate(judgement.worst(COLOURED), start=1):
        try:
            words, tokens = cast(Any, learned.preprocessing).words(evaluation.split.texts[at])
        except Problem:  # not one known word: there is nothing to colour
            continue
        truth, answer = int(judgement.targets[at]), int(judgement.predicted[at])
        running = running_prediction(learned.model, tokens, probabilities).probabilities[-len(words) :, answer]
        names = (judgement.labels[truth], judgement.labels[answer])
        figures[f"worst-{number}"] = plots.words(words, running, names)
    return figures


def _listed(evaluation: Evaluation) -> str:
    lines = [f"# {t('predict.worst_title')}", ""]
    for error in evaluation.to_dict()["worst"]:
        told = t("predict.worst_one", truth=error["truth"], answer=error["answer"], sure=f"{error['probability']:.0%}")
        quoted = error["text"].strip().replace("\n", "\n> ")
        lines += [f"**{told}**", "", f"> {quoted}", ""]
    return "\n".join(lines)
