"""Measuring a run on a split of its data: the task's figures, and for classifiers where it goes wrong and whether it
knows how sure it may be.

Letters used in shapes: N examples, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from tongsu.data import Dataset, Split
from tongsu.errors import Problem
from tongsu.learned import Learned
from tongsu.models.logits import predicted, probabilities
from tongsu.tasks.classify import cross_entropy
from tongsu.training.batches import AT_ONCE, Batch, plain_batches
from tongsu.training.build import build_task, dataset_of

SPLITS = ("train", "validation", "test")
BINS = 10  # of probability, in which sureness is compared with success
WORST = 10  # errors that are listed


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


def batches(learned: Learned, split: Split) -> Iterator[Batch]:
    """A split in order as the model reads it, no more of it at once than fits."""
    for inputs, targets in plain_batches(split.inputs, split.targets, getattr(learned.model, "at_once", AT_ONCE)):
        yield learned.preprocessing.scale(inputs), targets


@dataclass(frozen=True)
class Judgement:
    """Every answer of a classifier on a split: logits (N, K), or (N, 1) for two classes; targets (N,)."""

    logits: Tensor
    targets: Tensor
    labels: tuple[str, ...]

    @cached_property
    def probabilities(self) -> Tensor:
        return probabilities(self.logits)  # (N, K)

    @property
    def predicted(self) -> Tensor:
        return predicted(self.logits)  # (N,)

    def metrics(self) -> dict[str, float]:
        """What the task measures at the end of an epoch: mean loss and accuracy."""
        right = (self.predicted == self.targets).sum()
        loss = cross_entropy(self.logits, self.targets).item()
        return {"loss": loss, "accuracy": int(right) / max(len(self.targets), 1)}

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

    def calibration(self) -> dict[str, Any]:
        """How often an answer is right against how sure it was: bins of equal width, and the expected calibration
        error, the mean distance of the two over all examples (Guo et al. 2017)."""
        sure = self.probabilities.max(1).values.double()  # (N,)
        right = (self.predicted == self.targets).double()
        place = (sure * BINS).long().clamp(max=BINS - 1)  # bin k holds [k / 10, (k + 1) / 10); the last one 1 too
        count = torch.bincount(place, minlength=BINS).double()
        mean = [torch.bincount(place, value, BINS) / count.clamp(min=1) for value in (sure, right)]
        error = float(((mean[0] - mean[1]).abs() * count).sum() / count.sum().clamp(min=1))
        bins = [
            {"from": k / BINS, "to": (k + 1) / BINS, "examples": int(count[k]), "sure": float(mean[0][k]),
             "right": float(mean[1][k])}
            for k in range(BINS) if count[k]
        ]  # fmt: skip
        return {"expected_error": error, "bins": bins}

    def worst(self, count: int = WORST) -> list[int]:
        """Positions of the wrong answers that the model was surest of."""
        wrong = (self.predicted != self.targets).nonzero()[:, 0]
        sure = self.probabilities[wrong].max(1).values
        return wrong[sure.argsort(descending=True, stable=True)[:count]].tolist()


@torch.no_grad()
def judge(learned: Learned, split: Split) -> Judgement:
    logits = [learned.model(inputs).float() for inputs, _ in batches(learned, split)]
    return Judgement(torch.cat(logits), split.targets, learned.labels)


@dataclass(frozen=True)
class Evaluation:
    """A run on one split. `judgement` is None for a generator, whose `metrics` say all there is to say."""

    learned: Learned
    name: str
    split: Split
    metrics: dict[str, float]
    judgement: Judgement | None

    def to_dict(self) -> dict[str, Any]:
        """What `evaluate --json` answers."""
        answer: dict[str, Any] = {
            "run": str(self.learned.run.path), "split": self.name, "examples": len(self.split), "metrics": self.metrics
        }  # fmt: skip
        if self.judgement is not None:
            answer |= {
                "per_class": self.judgement.per_class(),
                "confusion": self.judgement.confusion().tolist(),
                "calibration": self.judgement.calibration(),
                "worst": [self._error(self.judgement, at) for at in self.judgement.worst()],
            }
        return answer

    def _error(self, judgement: Judgement, at: int) -> dict[str, Any]:
        answer, labels = int(judgement.predicted[at]), judgement.labels
        shown = {"text": self.split.texts[at]} if self.split.texts else {}
        shown |= {"file": self.split.files[at]} if self.split.files else {}
        return {
            "position": at, **shown, "truth": labels[int(judgement.targets[at])], "answer": labels[answer],
            "probability": float(judgement.probabilities[at, answer]),
        }  # fmt: skip


def examine(learned: Learned, split_name: str, dataset: Dataset | None = None) -> Evaluation:
    """One pass of the model over a split, and everything that follows from it."""
    split = split_of(learned, split_name, dataset)
    if learned.recipe.task == "classify":
        judgement = judge(learned, split)
        return Evaluation(learned, split_name, split, judgement.metrics(), judgement)
    metrics = build_task(learned.recipe).evaluate(learned.model, batches(learned, split))
    return Evaluation(learned, split_name, split, metrics, None)


def report(learned: Learned, split_name: str) -> dict[str, Any]:
    """What `evaluate --json` answers."""
    return examine(learned, split_name).to_dict()
