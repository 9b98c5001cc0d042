"""Data sets: what is here, what it looks like, and a person's own on the way in."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from tongsu.check import check as look
from tongsu.data import DATASETS, FILES, load
from tongsu.data.sources import cached, home
from tongsu.errors import Problem
from tongsu.recipes import CHAPTERS
from tongsu.studio.form import data_for, kind_of
from tongsu.studio.routes.asking import shown
from tongsu.studio.studio import Studio
from tongsu.studio.uploads import MOST_POINTS, Kind

Coordinate = Annotated[float, Field(allow_inf_nan=False)]
Label = Annotated[str, Field(min_length=1, max_length=40)]


class Begin(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Kind
    points: Annotated[list[tuple[Coordinate, Coordinate, Label]], Field(max_length=MOST_POINTS)] = []


class Check(BaseModel):
    model_config = ConfigDict(extra="forbid")
    spec: str


def router(studio: Studio) -> APIRouter:
    api = APIRouter()
    uploads = studio.uploads

    @api.get("/data")
    def every_set() -> dict[str, Any]:
        fitting = {chapter: data_for(chapter) for chapter in CHAPTERS}
        sets = []
        for name in DATASETS:
            here = any(cached(asset).is_file() for asset in FILES.get(name, ()))
            sets.append({
                "name": name,
                "state": "drawn" if name not in FILES else "here" if here else "missing",
                "size": FILES[name][0].size if name in FILES else 0,
                "kind": kind_of(name),
                "chapters": [chapter for chapter, names in fitting.items() if name in names],
            })  # fmt: skip
        return {"folder": str(home()), "data": sets, "own": uploads.list()}

    @api.get("/data/preview")
    def preview(spec: str, count: Annotated[int, Field(ge=1, le=2000)] = 24) -> dict[str, Any]:
        """Loads the data. Pictures and texts at most a hundred."""
        dataset = load(allowed(spec))
        part = dataset.train
        most = count if dataset.preprocessing.kind == "points" else min(count, 100)
        numbers = torch.bincount(part.targets, minlength=len(dataset.labels)).tolist()
        return {
            "name": dataset.name,
            "kind": dataset.preprocessing.kind,
            "labels": list(dataset.labels),
            "splits": {name: len(getattr(dataset, name)) for name in ("train", "validation", "test")},
            "counts": dict(zip(dataset.labels, numbers, strict=True)),
            "examples": [shown(part, at, dataset.labels) for at in range(min(most, len(part)))],
        }

    @api.post("/data/check")
    def check(asked: Check) -> dict[str, Any]:
        return look(allowed(asked.spec)).to_dict()

    @api.post("/uploads", status_code=201)
    def begin(asked: Begin) -> dict[str, Any]:
        return uploads.describe(uploads.create(asked.kind, asked.points))

    @api.post("/uploads/{upload}/files")
    async def add(upload: str, request: Request, label: str | None = None, name: str | None = None) -> dict[str, Any]:
        return {"files": await uploads.add(upload, request.stream(), label=label, file=name)}

    @api.get("/uploads/{upload}")
    def show(upload: str) -> dict[str, Any]:
        return uploads.describe(upload)

    @api.delete("/uploads/{upload}")
    def remove(upload: str) -> dict[str, Any]:
        uploads.remove(upload)
        return {"removed": upload}

    def allowed(spec: str) -> str:
        """A named set, or what a person named or brought: whoever holds the cookie may read files here anyway."""
        if not spec.strip():
            raise Problem("studio.no_data")
        return spec

    return api
