"""The whole road map in one go: every chapter trained on real data, one table, one report in both languages."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tongsu import report
from tongsu.card import conclude
from tongsu.data import Dataset, load
from tongsu.evaluate import judge
from tongsu.explain.trajectory import running_prediction
from tongsu.illustrate import pictures
from tongsu.learned import Learned
from tongsu.locale import LANGUAGES, language, set_language, t
from tongsu.models.logits import probabilities
from tongsu.plots import History
from tongsu.report import ColouredText, Report, Row, sections
from tongsu.runs.store import Run
from tongsu.session import Session, environment, prepare


@dataclass(frozen=True)
class Stop:
    """One stop of the road map: a chapter with changes, and what the road map's own Keras script gives
    (TensorFlow 2.21, 2 cores; the Fréchet distance of the GAN is that of our `reference` preset)."""

    chapter: str
    title: str
    changes: tuple[str, ...] = ()
    # What keeps the whole road map short; `tongsu train` without it takes longer and gets further.
    budget: tuple[str, ...] = ()
    reference_metric: float | None = None
    reference_seconds: float | None = None


PLAN = (
    Stop("mlp", "MLP", reference_metric=0.975, reference_seconds=30),
    Stop("cnn", "CNN", reference_metric=0.990, reference_seconds=90),
    Stop("rnn", "SimpleRNN", ("cell=simple",), reference_metric=0.737, reference_seconds=103),
    Stop("rnn", "LSTM", ("cell=lstm",), reference_metric=0.867, reference_seconds=101),
    Stop("rnn", "GRU", ("cell=gru",)),
    Stop("rnn", "BiLSTM", ("cell=lstm", "bidirectional=true")),
    Stop("gan", "GAN", budget=("examples=24000", "epochs=1"), reference_metric=50.0, reference_seconds=2043),
    Stop("transformer", "Transformer"),
    Stop("resnet", "ResNet"),
)



@dataclass(frozen=True)
class Trained:
    stop: Stop
    run: Run
    dataset: Dataset


def session_for(stop: Stop, preset: str, seed: int) -> Session:
    budget = stop.budget if preset == "fast" else ()
    return prepare(stop.chapter, preset, changes=[*stop.changes, *budget, f"seed={seed}"])


def row(trained: Trained) -> Row:
    """In the language of the moment: the sentence about the test data is asked for anew."""
    results, recipe = trained.run.results(), trained.run.recipe()
    metrics = results["metrics"]
    name = "test_accuracy" if "test_accuracy" in metrics else "test_frechet_distance"
    return Row(
        chapter=trained.stop.chapter,
        title=t(f"report.chapter.{trained.stop.chapter}.title"),
        model=trained.stop.title,
        parameters=results["parameters"],
        metric_name=name,
        metric=metrics[name],
        split=load(recipe["data"], **recipe["data_args"]).test_split,
        seconds=results["train_seconds"],
        reference_metric=trained.stop.reference_metric,
        reference_seconds=trained.stop.reference_seconds,
        run=trained.run.name,
        data=recipe["data"],
    )


def table(done: Sequence[Trained]) -> list[dict[str, Any]]:
    """The rows as `roadmap --json` answers them."""
    return [vars(row(trained)) for trained in done]


def write_reports(done: Sequence[Trained], folder: Path, *, preset: str, seed: int) -> Path:
    """`report.zh.html` and `report.en.html`; returns the one in the reader's language."""
    here, paths = language(), {}
    gathered = [(trained, Learned.load(trained.run)) for trained in done]
    for trained in done:
        conclude(trained.run, trained.dataset)
    created = time.strftime("%Y-%m-%d %H:%M")
    facts = environment()
    shown = {key: facts[key] for key in ("device", "threads", "torch", "python", "tongsu")}
    try:
        for lang in LANGUAGES:
            set_language(lang)
            rows = [row(trained) for trained in done]
            seconds = t("report.seconds", seconds=f"{sum(r.seconds for r in rows):.0f}")
            page = Report(
                language=lang,
                created=created,
                environment={**shown, "seed": seed, "preset": preset, "seconds": seconds},
                rows=rows,
                sections=_sections(gathered),
                pictures=sections.overview(rows),
            )
            paths[lang] = report.write(page, folder)
    finally:
        set_language(here)
    return paths[here]


def _sections(gathered: Sequence[tuple[Trained, Learned]]) -> list[report.Section]:
    chapters = list(dict.fromkeys(trained.stop.chapter for trained, _ in gathered))
    return [
        _section(chapter, [(trained, learned) for trained, learned in gathered if trained.stop.chapter == chapter])
        for chapter in chapters
    ]


def _section(chapter: str, members: Sequence[tuple[Trained, Learned]]) -> report.Section:
    histories = [History(trained.stop.title, *trained.run.history()) for trained, _ in members]
    trained, learned = members[0]
    if learned.preprocessing.kind != "text":
        return sections.section(chapter, pictures(learned, trained.dataset, trained.stop.title))
    matrices = [(one.stop.title, judge(model, one.dataset.test).confusion().numpy()) for one, model in members]
    return sections.section(
        chapter, sections.text_pictures(histories, matrices, learned.labels), _coloured(members)
    )


def _coloured(members: Sequence[tuple[Trained, Learned]]) -> list[ColouredText]:
    """The first short review of either kind in the test data, as each net reads it."""
    test = members[0][0].dataset.test
    lengths = (test.inputs != 0).sum(1)  # (N,)
    short = [at for at in range(len(test)) if 25 <= int(lengths[at]) <= 60]
    firsts = [next((at for at in short if int(test.targets[at]) == label), None) for label in (1, 0)]
    texts = []
    for at in firsts:
        if at is None:
            continue
        for trained, learned in members:
            words, tokens = learned.preprocessing.words(test.texts[at])  # type: ignore[attr-defined]
            running = running_prediction(learned.model, tokens, probabilities).probabilities[-len(words) :, 1]
            truth, names = learned.labels[int(test.targets[at])], (learned.labels[0], learned.labels[1])
            texts.append(ColouredText(trained.stop.title, words, running, truth, names))
    return texts

