"""A run is asked: what is this, what would it draw, and how good is it; at any frame of its film."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

import torch
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from tongsu.data import Split
from tongsu.errors import Problem
from tongsu.evaluate import examine, judge
from tongsu.learned import Learned
from tongsu.predict import generate
from tongsu.runs.store import Run
from tongsu.studio.arrays import pack
from tongsu.studio.inputs import Input
from tongsu.studio.studio import Studio
from tongsu.views import START

SPLIT = Literal["train", "validation", "test"]


class Ask(BaseModel):
    model_config = ConfigDict(extra="forbid")
    frame: int | None = None
    input: Input


class AskDrawings(BaseModel):
    model_config = ConfigDict(extra="forbid")
    frame: int | None = None
    count: Annotated[int, Field(ge=1, le=400)] = 10
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0


def router(studio: Studio) -> APIRouter:
    api = APIRouter()
    answers = studio.answers

    @contextmanager
    def model(run: str, frame: int | None) -> Iterator[tuple[Run, Learned, int | None]]:
        found = studio.jobs.find(run)
        with answers.model(found, frame) as (learned, at):
            yield found, learned, at

    @api.post("/runs/{run}/predict")
    def predict(run: str, asked: Ask) -> dict[str, Any]:
        with model(run, asked.frame) as (_, learned, frame):
            if learned.recipe.task != "classify":
                raise Problem("predict.not_a_classifier", run=learned.run.name)
            one = answers.read(asked.input, learned)
            row = learned.probabilities(one.x)[0]
            best = int(row.argmax())
            return {
                "frame": frame,
                "label": learned.labels[best],
                "probability": float(row[best]),
                "probabilities": [list(pair) for pair in zip(learned.labels, row.tolist(), strict=True)],
                "seen": pack(one.compact.numpy()) if learned.preprocessing.kind == "images" else None,
                "words": None if one.words is None else [word for word in one.words if word != START],
                "target": None if one.target is None else learned.labels[one.target],
            }

    @api.post("/runs/{run}/generate")
    def drawings(run: str, asked: AskDrawings) -> dict[str, Any]:
        with model(run, asked.frame) as (_, learned, frame):
            images = generate(learned, asked.count, asked.seed)[:, 0]  # (count, 28, 28)
        return {"frame": frame, "images": pack((images.clamp(0, 1) * 255).round().to(torch.uint8).numpy())}

    @api.get("/runs/{run}/examples")
    def examples(
        run: str, split: SPLIT = "test", start: Annotated[int, Field(ge=0)] = 0,
        count: Annotated[int, Field(ge=1, le=200)] = 20, wrong: bool = False, frame: int | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        with model(run, frame) as (_, learned, _frame):
            part: Split = getattr(answers.dataset(learned), split)
            if not wrong:
                chosen = range(start, min(start + count, len(part)))
                return {"total": len(part), "examples": [shown(part, at, learned.labels) for at in chosen]}
            judged = judge(learned, part)
            order = judged.worst(len(part))
            return {
                "total": len(order),
                "examples": [
                    shown(part, at, learned.labels)
                    | {"predicted": learned.labels[int(judged.predicted[at])],
                       "probability": float(judged.probabilities[at].max())}
                    for at in order[start : start + count]
                ],
            }  # fmt: skip

    @api.get("/runs/{run}/evaluation")
    def evaluation(run: str, split: SPLIT = "test", frame: int | None = None) -> dict[str, Any]:
        with model(run, frame) as (_, learned, at):
            answer = examine(learned, split, answers.dataset(learned)).to_dict()
            return {**answer, "frame": at, "labels": list(learned.labels)}

    return api


def shown(part: Split, at: int, labels: tuple[str, ...]) -> dict[str, Any]:
    """One example as a page shows it: a picture, a text, or a point."""
    about: dict[str, Any] = {"index": at, "target": labels[int(part.targets[at])] if labels else None}
    if part.texts:
        return {**about, "text": part.texts[at]}
    inputs = part.inputs[at]
    if inputs.dim() == 3:
        return {**about, "image": pack(inputs.numpy())}
    return {**about, "point": inputs.tolist()}
