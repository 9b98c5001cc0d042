"""A built-in data set, looked through as a person's own data are; its parts are given.

Letters used in shapes: N examples.
"""

from __future__ import annotations

import hashlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tongsu.data import alike
from tongsu.data.check import Examination, Shown, about_counts, counted, joined, same
from tongsu.data.check_tables import examined
from tongsu.data.dataset import Dataset
from tongsu.data.sentences import PARTS

MOST = 2_000  # pictures that are compared with each other: evenly chosen ones


def check(dataset: Dataset) -> Examination:
    splits = [(part, getattr(dataset, part)) for part in PARTS]
    labels = [dataset.labels[target] for _, split in splits for target in split.targets.tolist()]
    parts: list[str | None] = [part for part, split in splits for _ in range(len(split))]
    texts = [text for _, split in splits for text in split.texts]
    if texts:
        saved = dataset.preprocessing.to_dict()
        numbers = range(1, len(texts) + 1)
        return examined(dataset.name, numbers, texts, labels, parts, saved["length"], saved.get("level", "word"))
    counts = counted(labels, parts)
    findings = about_counts(counts)
    names = [f"{part} {at}" for part, split in splits for at in range(len(split))]
    keys = [hashlib.sha256(one.numpy().tobytes()).hexdigest() for _, split in splits for one in split.inputs]
    findings += same(keys).findings(names, labels, parts, near=False)
    facts: dict[str, object] = {}
    if dataset.preprocessing.kind == "images":
        chosen = list(range(0, len(keys), -(-len(keys) // MOST)))
        images = torch.cat([split.inputs[:] for _, split in splits])[chosen]
        pairs = alike.near_pictures(thumbnails(images).reshape(len(chosen), -1))
        fresh = [(chosen[a], chosen[b]) for a, b in pairs if keys[chosen[a]] != keys[chosen[b]]]
        findings += joined(fresh).findings(names, labels, parts, near=True)
        facts["compared"] = len(chosen)
    return Examination(dataset.name, dataset.preprocessing.kind, counts, facts, tuple(findings), Shown("", np.empty(0)))


def thumbnails(images: Tensor) -> np.ndarray:
    """(N, C, H, W) uint8 -> (N, C, 16, 16), 0 to 255."""
    return F.adaptive_avg_pool2d(images.float(), alike.SIDE).numpy()
