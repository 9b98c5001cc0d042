"""What a run shows of itself after training: pictures in `pictures/` and a page about the model, `card.md`."""

from __future__ import annotations

from typing import Any

import torch

from tongsu.data.dataset import Dataset
from tongsu.evaluate import judge
from tongsu.learned import Learned
from tongsu.locale import t
from tongsu.plots import History
from tongsu.predict import generate
from tongsu.report import Picture, sections
from tongsu.runs.atomic import write_bytes, write_text
from tongsu.tasks.judge import Judge

GROWING_FRAMES = 8


def illustrate(learned: Learned, dataset: Dataset) -> None:
    for picture in pictures(learned, dataset, learned.run.name):
        write_bytes(learned.run.pictures / f"{picture.kind}.png", picture.png)
    write_card(learned)


def pictures(learned: Learned, dataset: Dataset, title: str) -> tuple[Picture, ...]:
    """Learning curves; for classifiers the first five test examples, the confusion matrix and the worst errors,
    for a GAN its drawings over the frames. All of the test split, with the weights that the run answers with."""
    histories = [History(title, *learned.run.history())]
    if learned.recipe.task == "gan":
        return _game(learned, histories)
    verdict = judge(learned, dataset.test)
    if learned.preprocessing.kind != "images":
        return sections.text_pictures(histories, [(title, verdict.confusion().numpy())], learned.labels)
    return sections.image_pictures(
        histories, dataset.test.inputs.numpy(), verdict.targets.numpy(), verdict.probabilities.numpy(), learned.labels
    )


def _game(learned: Learned, histories: list[History]) -> tuple[Picture, ...]:
    """The same ten noises in the first frame and the last ones, and what the judge reads in a thousand drawings."""
    steps = [step for step, _ in learned.run.frames()]
    chosen = sorted({steps[0], *steps[1 - GROWING_FRAMES :]})  # most early frames show the same grey
    film = [(step, generate(Learned.load(learned.run, step), 10).numpy()) for step in chosen]
    _, digits = Judge.load(torch.device("cpu")).look(generate(learned, 1000) * 2 - 1)
    counts = digits.bincount(minlength=10).numpy()
    return sections.gan_pictures(histories, generate(learned, 10).numpy(), film, counts, list("0123456789"))


def write_card(learned: Learned) -> None:
    """The model card in the reader's language: what it is, what it learned from, how good it is, its limits."""
    run, recipe, results = learned.run, learned.recipe, learned.run.results()
    saved, environment = run.preprocessing(), run.environment()
    rows = {
        "model": f"{recipe.model} {_plain(recipe.model_args)}",
        "parameters": f"{results['parameters']:,}",
        "data": f"{saved['data']} (sha256 {str(saved['fingerprint'])[:16]}…)",
        "labels": ", ".join(learned.labels[:20]),
        "split": results["test_split"],
        "training": f"{recipe.preset}: {recipe.optimizer}, lr {recipe.lr:g}, {recipe.epochs} × {recipe.batch_size}",
        "seconds": f"{results['train_seconds']:.1f}",
        "seed": recipe.seed,
        "versions": f"tongsu {environment['tongsu']}, torch {environment['torch']}, Python {environment['python']}",
    }
    lines = [f"# {run.name}", "", t("card.intro"), "", f"| {t('card.what')} | {t('card.value')} |", "| --- | --- |"]
    lines += [f"| {t(f'card.row.{name}')} | {_cell(value)} |" for name, value in rows.items()]
    lines += ["", f"## {t('card.metrics')}", "", f"| {t('card.metric')} | {t('card.value')} |", "| --- | --- |"]
    lines += [f"| {name} | {value:.4f} |" for name, value in results["metrics"].items()]
    lines += ["", f"## {t('card.limits')}", "", t(f"card.limit.{learned.preprocessing.kind}"), ""]
    write_text(run.card, "\n".join(lines))


def _plain(values: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
