"""`tongsu evaluate`, `card`, `predict` and `generate`: what one does with a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.start import start_torch
from tongsu.errors import COMMANDS, Problem
from tongsu.locale import t

RunName = Annotated[str, typer.Argument(help=t("cli.help.run"), metavar="RUN")]
Frame = Annotated[int | None, typer.Option(help=t("cli.help.frame"))]


def evaluate(
    run: RunName,
    split: Annotated[str, typer.Option(help=t("cli.help.split"))] = "test",
    frame: Frame = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=t("cli.help.pictures"))] = None,
    as_json: AsJson = False,
) -> None:
    start_torch()
    from rich.table import Table

    from tongsu.cli.progress import measures
    from tongsu.evaluate import examine
    from tongsu.illustrate import draw
    from tongsu.learned import Learned
    from tongsu.pretrained.built_in import find

    learned = Learned.load(find(run), frame)
    evaluation = examine(learned, split)
    answer = evaluation.to_dict()
    told = {"split": t(f"check.column.{split}"), "examples": f"{answer['examples']:,}"}
    console.print(t("predict.evaluated", run=answer["run"], **told), markup=False)
    console.print(measures(answer["metrics"]), markup=False)
    if evaluation.judgement is not None:
        table = Table(*(t(f"predict.column.{name}") for name in ("label", "precision", "recall", "f1", "examples")))
        for label, row in answer["per_class"].items():
            table.add_row(label, *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1")), str(row["examples"]))
        console.print(table)
        error = f"{answer['calibration']['expected_error']:.1%}"
        console.print(t("predict.calibration", error=error), markup=False)
        _tell_errors(answer["worst"])
    if output is None:
        output = learned.run.pictures / (split if frame is None else f"{split}-step-{frame}")
    if output is not None and (pictures := draw(evaluation, output)):
        console.print(t("predict.pictures", folder=output), markup=False)
        answer["pictures"] = [str(path) for path in pictures]
    emit(answer, as_json)


def _tell_errors(errors: list[dict[str, Any]]) -> None:
    if errors:
        console.print(t("predict.worst"))
    for error in errors[:5]:
        sure = f"{error['probability']:.0%}"
        told = t("predict.worst_one", truth=error["truth"], answer=error["answer"], sure=sure)
        shown = COMMANDS.sub(" ", " ".join(str(error.get("text", error.get("file", ""))).split()))
        shown = shown if len(shown) <= 100 else f"{shown[:60]} … {shown[-36:]}"
        console.print(f"  {told}  {shown}".rstrip(), markup=False)


def card(run: RunName, as_json: AsJson = False) -> None:
    start_torch()
    from tongsu import card as cards
    from tongsu.evaluate import judge, split_of
    from tongsu.learned import Learned
    from tongsu.pretrained.built_in import find
    from tongsu.training.build import dataset_of

    learned = Learned.load(find(run))
    if not learned.run.results():
        raise Problem("predict.not_finished", run=learned.run.name)
    dataset = dataset_of(learned.recipe)
    split = split_of(learned, "test", dataset)
    cards.write(learned, dataset, judge(learned, split) if learned.recipe.task == "classify" else None)
    console.print(t("card.written", path=learned.run.card), markup=False)
    emit({"run": str(learned.run.path), "card": str(learned.run.card)}, as_json)


def predict(
    run: RunName,
    inputs: Annotated[list[str], typer.Argument(help=t("cli.help.inputs"), metavar="INPUT...")],
    frame: Frame = None,
    as_json: AsJson = False,
) -> None:
    start_torch()
    from tongsu.pretrained.asking import ask

    predictions, answered_by = ask(run, inputs, frame)
    for answer in predictions:
        console.print(f"{answer.input}", markup=False)
        for line in bars(answer.probabilities):
            console.print(line, markup=False)
    emit({"run": answered_by[0], "predictions": [dataclasses.asdict(p) for p in predictions],
          "answered_by": answered_by}, as_json)  # fmt: skip


def bars(probabilities: dict[str, float]) -> list[str]:
    """The five likeliest labels, one below the other; a Han character is two columns wide."""
    from rich.cells import cell_len

    likely = sorted(probabilities.items(), key=lambda pair: -pair[1])[:5]
    width = max(12, *(cell_len(label) for label, _ in likely))
    return [
        f"  {' ' * (width - cell_len(label))}{label}  {probability:7.2%}  {'█' * round(30 * probability)}".rstrip()
        for label, probability in likely
    ]


def generate(
    run: RunName,
    count: Annotated[int, typer.Option("-n", "--count", help=t("cli.help.count"))] = 10,
    seed: Annotated[int, typer.Option(help=t("cli.help.noise_seed"))] = 0,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=t("cli.help.output"))] = None,
    frame: Frame = None,
    as_json: AsJson = False,
) -> None:
    start_torch()
    from tongsu.learned import Learned
    from tongsu.plots import samples, save
    from tongsu.predict import generate as draw
    from tongsu.pretrained.built_in import find

    learned = Learned.load(find(run), frame)
    images = draw(learned, count, seed)
    path = output or learned.run.pictures / f"generated-{seed}.png"
    save(samples(images.numpy()), path)
    console.print(t("predict.drawn", count=count, path=path), markup=False)
    emit({"run": str(learned.run.path), "count": count, "seed": seed, "picture": str(path)}, as_json)
