"""Measuring: figures against definitions written out in NumPy, the worst errors, the pictures, and the model card."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tongsu import card, evaluate
from tongsu.evaluate import Judgement, examine
from tongsu.illustrate import draw, illustrate
from tongsu.learned import Learned
from tongsu.locale import set_language
from tongsu.session import Session, prepare

LABELS = ("ant", "bee", "cow")


def judgement(count: int = 400, seed: int = 0) -> Judgement:
    """Three classes, right more often than not."""
    chance = np.random.default_rng(seed)
    targets = chance.integers(0, 3, count)
    logits = chance.normal(0, 1.5, (count, 3))
    logits[np.arange(count), targets] += 1.5
    return Judgement(torch.from_numpy(logits).float(), torch.from_numpy(targets), LABELS)


def shares(logits: torch.Tensor) -> np.ndarray:
    e = np.exp(logits.double().numpy())
    return e / e.sum(1, keepdims=True)


def test_figures_follow_from_their_definitions() -> None:
    verdict = judgement()
    p, truth = shares(verdict.logits), verdict.targets.numpy()
    said = p.argmax(1)
    assert verdict.metrics()["loss"] == pytest.approx(-np.log(p[np.arange(len(p)), truth]).mean(), rel=1e-5)
    assert verdict.metrics()["accuracy"] == (said == truth).mean()
    matrix = [[int(((truth == row) & (said == column)).sum()) for column in range(3)] for row in range(3)]
    assert verdict.confusion().tolist() == matrix
    for at, (label, row) in enumerate(verdict.per_class().items()):
        hits = ((said == at) & (truth == at)).sum()
        precision, recall = hits / (said == at).sum(), hits / (truth == at).sum()
        assert label == LABELS[at] and row["examples"] == (truth == at).sum()
        assert (row["precision"], row["recall"]) == (pytest.approx(precision), pytest.approx(recall))
        assert row["f1"] == pytest.approx(2 / (1 / precision + 1 / recall))


def test_calibration_follows_from_its_definition() -> None:
    verdict = judgement()
    p, truth = shares(verdict.logits), verdict.targets.numpy()
    sure, right = p.max(1), p.argmax(1) == truth
    found = verdict.calibration()
    error = 0.0
    for low in np.arange(0, 1, 0.1):
        inside = (sure >= low - 1e-12) & (sure < low + 0.1 - 1e-12)
        if inside.any():
            error += inside.mean() * abs(sure[inside].mean() - right[inside].mean())
            (told,) = [one for one in found["bins"] if one["from"] == pytest.approx(low)]
            assert told["examples"] == inside.sum() and told["sure"] == pytest.approx(sure[inside].mean(), rel=1e-5)
            assert told["right"] == pytest.approx(right[inside].mean())
    assert found["expected_error"] == pytest.approx(error, rel=1e-5)


def test_a_model_that_knows_what_it_knows_is_calibrated() -> None:
    """Answers drawn with exactly the probabilities that are stated: the error is what chance leaves of nothing."""
    chance = np.random.default_rng(1)
    sure = chance.uniform(0.5, 1, 20_000)
    logits = torch.from_numpy(np.log(sure / (1 - sure)))[:, None]  # one logit: the second of two classes
    targets = torch.from_numpy((chance.random(20_000) < sure).astype(np.int64))
    assert Judgement(logits, targets, ("no", "yes")).calibration()["expected_error"] < 0.01
    boastful = Judgement(logits * 4, targets, ("no", "yes")).calibration()
    assert boastful["expected_error"] > 0.1


def test_the_worst_errors_come_first() -> None:
    logits = torch.tensor([[9.0, 0, 0], [0, 3.0, 0], [0, 0, 6.0], [5.0, 0, 0], [0, 4.0, 0]])
    targets = torch.tensor([1, 0, 0, 0, 2])  # the fourth is right
    verdict = Judgement(logits, targets, LABELS)
    assert verdict.worst() == [0, 2, 4, 1] and verdict.worst(2) == [0, 2]


def test_nobody_answered_a_class() -> None:
    verdict = Judgement(torch.tensor([[2.0, 1, 0], [2, 1, 0]]), torch.tensor([0, 1]), LABELS)
    assert verdict.per_class()["bee"] == {"precision": 0, "recall": 0, "f1": 0, "examples": 1}
    assert verdict.per_class()["cow"]["examples"] == 0


def test_the_interval_of_an_accuracy() -> None:
    """Wilson's bounds solve |p̂ - p| = z √(p (1 - p) / n)."""
    for right, count in ((95, 100), (3, 4), (0, 7), (50, 50)):
        for bound in card.wilson(right, count):
            assert abs(right / count - bound) == pytest.approx(1.96 * (bound * (1 - bound) / count) ** 0.5, abs=1e-9)


# Whole runs ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("measured")
    patch = pytest.MonkeyPatch()
    patch.setenv("TONGSU_HOME", str(folder / "home"))
    patch.setenv("TONGSU_RUNS", str(folder / "runs"))
    patch.setenv("TONGSU_LANG", "en")
    yield folder
    patch.undo()


def trained(*arguments: Any) -> Session:
    session = prepare(*arguments)
    list(session.events("cpu"))
    return session


@pytest.fixture(scope="module")
def digits(place: Path) -> Session:
    return trained("mlp", "quick", "digits", ["examples=400", "epochs=3", "frames=0", "hidden=32"])


@pytest.fixture(scope="module")
def opinions(place: Path) -> Session:
    words = (("splendid", "fine", "lovely"), ("awful", "dull", "stale"))
    rows = [f"meal {n} was {words[n % 2][n // 2 % 3]},{('good', 'bad')[n % 2]}" for n in range(60)]
    # Two whose label is wrong, to have something to err on.
    rows += [f"number {n} was {word},{label}" for n, (word, label) in
             enumerate([("splendid", "bad"), ("awful", "good")] * 6)]  # fmt: skip
    (place / "meals.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    changes = ["epochs=6", "frames=0", "hidden=8", "embedding=8", "lr=0.02"]
    return trained("rnn", "quick", f"table:{place / 'meals.csv'}?text=text&label=label", changes)


def test_one_look_gives_what_the_training_measured(digits: Session) -> None:
    learned = Learned.load(digits.run)
    calls: list[int] = []
    learned.model.register_forward_hook(lambda *_: calls.append(1))
    found = examine(learned, "test")
    assert len(calls) == 1  # one batch, once
    metrics = digits.run.results()["metrics"]
    assert found.metrics == pytest.approx({name: metrics[f"test_{name}"] for name in found.metrics}, rel=1e-5)
    told = found.to_dict()
    assert json.loads(json.dumps(told)) == told == evaluate.report(learned, "test")
    assert all(error["truth"] != error["answer"] for error in told["worst"])


def test_pictures_of_an_evaluation(digits: Session, opinions: Session, tmp_path: Path) -> None:
    images = draw(examine(Learned.load(digits.run), "test"), tmp_path / "images")
    assert {path.name for path in images} == {"confusion.png", "calibration.png", "worst.png"}
    found = examine(Learned.load(opinions.run), "train")
    texts = {path.name: path for path in draw(found, tmp_path / "texts")}
    errors = found.to_dict()["worst"]
    assert errors and {"confusion.png", "calibration.png", "worst.md", "worst-1.png"} <= set(texts)
    listed = texts["worst.md"].read_text(encoding="utf-8")
    assert all(error["text"] in listed for error in errors)
    assert all(path.stat().st_size > 1_000 for path in texts.values() if path.suffix == ".png")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_card_tells_data_figures_and_limits(language: str, opinions: Session) -> None:
    set_language(language)
    try:
        illustrate(Learned.load(opinions.run), opinions.dataset)
    finally:
        set_language(None)
    text = opinions.run.card.read_text(encoding="utf-8")
    assert ("模型" in text) == (language == "zh")
    results, saved = opinions.run.results(), opinions.run.preprocessing()
    for value in (saved["fingerprint"], saved["data"], f"{results['parameters']:,}", torch.__version__):
        assert value in text
    for name in ("test_loss", "test_accuracy", "val_accuracy"):
        assert f"| {results['metrics'][name]:.4f} |" in text
    assert all(f"| {label} |" in text for label in opinions.dataset.labels)
    assert f"tongsu predict {opinions.run.name}" in text


def test_the_card_names_what_is_uneven(opinions: Session) -> None:
    learned = Learned.load(opinions.run)
    train = opinions.dataset.train
    few = torch.cat([(train.targets == 0).nonzero()[:20, 0], (train.targets == 1).nonzero()[:3, 0]])
    uneven = replace(opinions.dataset, train=replace(train, inputs=train.inputs[few], targets=train.targets[few]))
    set_language("en")
    try:
        verdict = examine(learned, "test").judgement
        assert "uneven: 3 examples of “good” and 20 of “bad”" in card.text(learned, uneven, verdict)
        assert "uneven" not in card.text(learned, opinions.dataset, verdict)
    finally:
        set_language(None)
