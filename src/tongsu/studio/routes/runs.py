"""The runs: listed, shown, compared, removed. Everything is read from their folders."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse

from tongsu.data import preprocessing
from tongsu.errors import Problem
from tongsu.runs.compare import differences
from tongsu.runs.index import Entry
from tongsu.runs.store import Run
from tongsu.studio.channel import Channel
from tongsu.studio.studio import Studio

PICTURE = re.compile(r"[\w-]{1,60}\.png")


def router(studio: Studio) -> APIRouter:
    api = APIRouter()
    find = studio.jobs.find

    def listed(entry: Entry) -> dict[str, Any]:
        run = Run(entry.path)
        names = ("name", "chapter", "preset", "model", "data", "seed", "parameters", "seconds", "metrics", "created",
                 "active")  # fmt: skip
        return {
            **{name: getattr(entry, name) for name in names},
            "status": studio.jobs.status(run, entry.status),
            "state": studio.jobs.state(run),
        }

    def entry_of(run: Run) -> dict[str, Any]:
        for entry in studio.store.list():
            if entry.name == run.name:
                return listed(entry)
        raise Problem("studio.no_run", run=run.name)

    @api.get("/runs")
    def every_run(chapter: str | None = None) -> dict[str, Any]:
        return {"runs": [listed(entry) for entry in studio.store.list(chapter)]}

    @api.get("/runs/{run}")
    def show(run: str) -> dict[str, Any]:
        found = studio.jobs.watched(run)
        if not found.exists() or not (found.path / "preprocessing.json").exists():  # written last
            return beginning(found)
        saved = found.preprocessing()
        return {
            **entry_of(found),
            "recipe": found.recipe(),
            "environment": found.environment(),
            "results": found.results(),
            "labels": saved["labels"],
            "input": input_of(saved["preprocessing"]),
            "frames": [step for step, _ in found.frames()],
            "pictures": sorted(path.name for path in found.pictures.glob("*.png")),
            "size": found.size(),
            "path": str(found.path.absolute()),
        }

    def beginning(run: Run) -> dict[str, Any]:
        """A run whose data are still being loaded, or could not be: what was asked for is all there is."""
        asked = Channel.of(run).request()
        known = {name: asked.get(name) for name in ("chapter", "preset", "data")}
        nothing = dict.fromkeys(("model", "seed", "parameters", "seconds", "created", "active", "input"))
        empty: dict[str, Any] = {name: {} for name in ("metrics", "recipe", "environment", "results")}
        none: dict[str, Any] = {name: [] for name in ("labels", "frames", "pictures")}
        return {
            "name": run.name, **known, **nothing, **empty, **none, "size": 0, "path": str(run.path.absolute()),
            "status": "new", "state": studio.jobs.state(run),
        }  # fmt: skip

    @api.get("/runs/{run}/history")
    def history(run: str) -> dict[str, Any]:
        return columns(studio.jobs.watched(run))

    @api.get("/runs/{run}/pictures/{file}")
    def picture(run: str, file: str) -> FileResponse:
        path = find(run).pictures / file
        if not PICTURE.fullmatch(file) or not path.is_file():
            raise Problem("studio.no_picture", file=file)
        return FileResponse(path, media_type="image/png")

    @api.delete("/runs/{run}")
    def remove(run: str) -> dict[str, Any]:
        found = studio.jobs.watched(run)
        studio.shipping.remove(found)
        return {"removed": found.name}

    @api.get("/compare")
    def compare(run: Annotated[list[str], Query(max_length=20)]) -> dict[str, Any]:
        found = [find(name) for name in run]
        entries = [entry_of(one) for one in found]
        names = dict.fromkeys(name for entry in entries for name in entry["metrics"])
        return {
            "runs": entries,
            "differences": differences([one.recipe() for one in found]),
            "histories": [columns(one) for one in found],
            "metrics": {name: [entry["metrics"].get(name) for entry in entries] for name in names},
        }

    return api


def columns(run: Run) -> dict[str, Any]:
    train, validation = run.history()
    return {"train": train, "validation": validation}


def input_of(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The kind of input and its shape without the batch."""
    kind = preprocessing.from_dict(dict(saved)).kind
    shape = {"images": ("channels", "height", "width"), "text": ("length",), "points": ("dimensions",)}[kind]
    return {"kind": kind, "shape": [saved.get(name) for name in shape]}
