"""One model that is served, and what runs it. Letters used in shapes: B batch, T time, K classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tongsu.errors import Problem
from tongsu.export.description import any_padding
from tongsu.learned import Learned
from tongsu.models.logits import probabilities
from tongsu.runs.run import Run
from tongsu.serving.settings import Settings

Forward = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Answering:
    """`forward` takes model input (B, ...) to probabilities (B, K). trims: padding that a whole batch shares is cut."""

    name: str
    learned: Learned
    forward: Forward
    trims: bool

    def read(self, raw: Any) -> Tensor:
        """A picture's bytes, a text or a point as the compact tensor that waits in line. Raises Problem."""
        return self.learned.read_one(raw)

    def answer(self, inputs: list[Tensor]) -> list[list[float]]:
        """Probabilities of each input, computed together."""
        batch = torch.stack(inputs)  # (B, ...)
        if self.trims:
            longest = int(batch.ne(0).sum(1).max())
            batch = batch[:, -max(longest, 1) :]  # (B, T), padded as far as the longest text needs
        return self.forward(self.learned.preprocessing.scale(batch)).tolist()


def with_torch(learned: Learned) -> Forward:
    def forward(inputs: Tensor) -> Tensor:
        with torch.inference_mode():
            return probabilities(learned.model(inputs))

    return forward


def with_onnx(path: Path, threads: int) -> Forward:
    from tongsu.export.onnx_file import load

    session = load(path, threads)

    def forward(inputs: Tensor) -> Tensor:
        return torch.from_numpy(session.run(["probabilities"], {"input": inputs.numpy()})[0])

    return forward


def prepare(settings: Settings, number: int, threads: int) -> Answering:
    """Load the run number `number` of the settings and try it once. Raises Problem."""
    run = Run(Path(settings.runs[number]))
    learned = Learned.load(run)
    if learned.recipe.task != "classify":
        raise Problem("predict.not_a_classifier", run=run.name)
    forward = with_torch(learned) if settings.backend == "torch" else with_onnx(onnx_file_of(learned), threads)
    answering = Answering(settings.names[number], learned, forward, any_padding(learned))
    shape, kind = learned.preprocessing.to_dict(), learned.preprocessing.kind
    if kind == "images":
        blank = torch.zeros(shape["channels"], shape["height"], shape["width"], dtype=torch.uint8)
    elif kind == "text":
        blank = torch.full((shape["length"],), 2, dtype=torch.int32)
    else:
        blank = torch.zeros(learned.recipe.model_args["inputs"])
    for size in (1, settings.max_batch):  # the first passes of every size are slow: memory is laid out
        answering.answer([blank] * size)
    return answering


def onnx_file_of(learned: Learned) -> Path:
    """The run's ONNX file, exported (and checked) now unless one of these very weights is there."""
    import json

    from tongsu.export import export
    from tongsu.export.description import sha256
    from tongsu.export.folder import DESCRIPTION
    from tongsu.export.onnx_file import MODEL

    folder = learned.run.path / "export" / "onnx"
    try:
        told = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if told["weights"] == sha256(learned.run.weights) and told["files"][MODEL] == sha256(folder / MODEL):
            return folder / MODEL
    except (OSError, ValueError, KeyError, TypeError):
        pass
    export(learned, "onnx")
    return folder / MODEL
