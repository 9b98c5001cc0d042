"""Measuring a run on a split of its data: the task's figures, and for classifiers where it goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from tongsu.data import Dataset, Split
from tongsu.errors import Problem
from tongsu.learned import Learned
from tongsu.training.batches import AT_ONCE, plain_batches
from tongsu.training.build import build_task, dataset_of

SPLITS = ("train", "validation", "test")


def split_of(learned: Learned, name: str, dataset: Dataset | None = None) -> Split:
    if name not in SPLITS:
        raise Problem("predict.unknown_split", split=name, known=", ".join(SPLITS))
    dataset = dataset or dataset_of(learned.recipe)
    split: Split = getattr(dataset, name)
    known = learned.run.preprocessing()["fingerprint"]
    if known is None:  # an imported model: the data are ours, the way of reading them is the model's own
        own = [learned.preprocessing.read(text) for text in split.texts]
        return replace(split, inputs=torch.stack(own)) if own else split
    if dataset.fingerprint != known:
        raise Problem("predict.data_changed", run=learned.run.name, data=dataset.name)
    return split


def evaluate(learned: Learned, split: Split) -> dict[str, float]:
    """The task's own measures of a split: loss and accuracy, or the Fréchet distance and coverage."""
    inputs = learned.preprocessing.scale(split.inputs)
    batches = plain_batches(inputs, split.targets, getattr(learned.model, "at_once", AT_ONCE))
    return build_task(learned.recipe).evaluate(learned.model, batches)


@dataclass(frozen=True)
class Judgement:
    """Every answer of a classifier on a split. probabilities (N, K); predicted, targets (N,)."""

    probabilities: Tensor
    targets: Tensor
    labels: tuple[str, ...]

    @property
    def predicted(self) -> Tensor:
        return self.probabilities.argmax(1)

    def confusion(self) -> Tensor:
        """Counts (K, K): row the true class, column the predicted one."""
        classes = len(self.labels)
        return torch.bincount(self.targets * classes + self.predicted, minlength=classes**2).view(classes, classes)

    def per_class(self) -> dict[str, dict[str, float]]:
        """Precision, recall and F1 by label; 0 where a class was never predicted."""
        counts = self.confusion().double()
        right, said, there = counts.diagonal(), counts.sum(0), counts.sum(1)
        table: dict[str, dict[str, float]] = {}
        for at, label in enumerate(self.labels):
            precision = float(right[at] / said[at].clamp(min=1))
            recall = float(right[at] / there[at].clamp(min=1))
            f1 = 2 * precision * recall / max(precision + recall, 1e-12)
            table[label] = {"precision": precision, "recall": recall, "f1": f1, "examples": int(there[at])}
        return table


def judge(learned: Learned, split: Split) -> Judgement:
    inputs = learned.preprocessing.scale(split.inputs)
    return Judgement(learned.probabilities(inputs), split.targets, learned.labels)


def report(learned: Learned, split_name: str) -> dict[str, Any]:
    """What `evaluate --json` answers."""
    split = split_of(learned, split_name)
    answer: dict[str, Any] = {
        "run": str(learned.run.path),
        "split": split_name,
        "examples": len(split),
        "metrics": evaluate(learned, split),
    }
    if learned.recipe.task == "classify":
        judgement = judge(learned, split)
        answer |= {"per_class": judgement.per_class(), "confusion": judgement.confusion().tolist()}
    return answer
