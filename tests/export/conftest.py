"""Runs of every kind of net that can be exported: recipe, data and weights are real, the training is short or none."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from small_runs import Make
from torch import nn

from tongsu.learned import Learned
from tongsu.runs.store import RunStore
from tongsu.session import prepare
from tongsu.training import checkpoint
from tongsu.training.build import build_model

GOOD = ("wonderful", "lovely", "charming", "great", "touching", "clever", "moving", "delightful")
BAD = ("dull", "awful", "boring", "clumsy", "tedious", "silly", "flat", "annoying")
REST = ("film", "story", "music", "actors", "camera", "ending", "plot", "scenes", "evening", "people")


def write_reviews(path: Path, count: int = 160) -> Path:
    chance = random.Random(0)
    lines = ["review,mood"]
    for number in range(count):
        words = [chance.choice(REST) for _ in range(chance.randint(2, 9))]
        words[number % len(words)] = chance.choice(BAD if number % 2 else GOOD)
        lines.append(f"the {' '.join(words)} number {number},{'bad' if number % 2 else 'good'}")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def reviews(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_reviews(tmp_path_factory.mktemp("reviews") / "reviews.csv")
    return f"table:{path}?text=review&label=mood"


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """An untrained run of a chapter, with weights large enough that its answers differ from each other."""
    store = RunStore(tmp_path_factory.mktemp("runs"))

    def made(chapter: str, data: str, *changes: str) -> Learned:
        session = prepare(chapter, "quick", data, changes, store=store)
        torch.manual_seed(1)
        model = build_model(session.recipe)
        for name, value in model.named_parameters():
            if "recurrent" in name or "embed" in name:
                nn.init.normal_(value, 0, 0.4 * value.requires_grad)  # what does not learn is zero
            elif name.endswith("bias"):
                nn.init.normal_(value, 0, 0.1)
        checkpoint.save_weights(session.run, model.state_dict())
        session.run.write_results({"metrics": {"test_accuracy": 0.5}, "parameters": 1, "train_seconds": 1.0})
        return Learned.load(session.run)

    return made
