"""A person's own points in the plane: `points:FILE`, a CSV file with the columns x, y and label.

Letters used in shapes: N points.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from pathlib import Path

import numpy as np
import torch

from tongsu.data.dataset import Dataset, Split
from tongsu.data.prepared import fingerprint
from tongsu.data.preprocessing import Points
from tongsu.data.splitting import stratified
from tongsu.errors import Problem
from tongsu.locale import t

COLUMNS = ["x", "y", "label"]
LEAST = 5  # points of each class


def load(where: str, *, split_seed: int = 0) -> Dataset:
    """Points (N, 2) with 10 % for validation and 10 % for the test. Raises Problem, naming the row."""
    path = Path(where).expanduser()
    if not path.is_file():
        raise Problem("data.file_missing", file=path)
    raw = path.read_bytes()
    reader = csv.DictReader(io.StringIO(raw.decode("utf-8-sig", "replace")))
    if list(reader.fieldnames or ()) != COLUMNS:
        raise Problem("data.points_columns", file=path, columns=", ".join(reader.fieldnames or ()) or "–")
    points, names = [], []
    for number, row in enumerate(reader, start=2):
        try:
            point = (float(row["x"]), float(row["y"]))
        except (TypeError, ValueError):
            raise Problem("data.points_row", file=path, row=number) from None
        if not all(map(math.isfinite, point)) or not row["label"]:
            raise Problem("data.points_row", file=path, row=number)
        points.append(point)
        names.append(str(row["label"]))
    labels = tuple(sorted(set(names)))
    few = [label for label in labels if names.count(label) < LEAST]
    if len(labels) < 2 or few:
        raise Problem("data.points_few", file=path, least=LEAST, count=len(labels))
    inputs = torch.from_numpy(np.array(points, dtype=np.float32))  # (N, 2)
    targets = [labels.index(name) for name in names]
    tenth = max(len(labels), len(targets) // 10)
    parts = stratified([str(at) for at in range(len(targets))], targets, [tenth, tenth], split_seed)
    answers = torch.tensor(targets)
    validation, test, train = (Split(inputs[at], answers[at]) for at in parts)
    return Dataset(
        f"points:{where}", train, validation, test, labels, Points(2),
        test_split=t("data.split.points", count=f"{tenth:,}", file=path.name),
        fingerprint=fingerprint("points", hashlib.sha256(raw).hexdigest(), split_seed),
    )  # fmt: skip
