"""Views: how a net comes to its answer, as arrays and as pictures, at any frame of its film."""

from __future__ import annotations

import threading
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from tongsu import explain, views
from tongsu.errors import Problem
from tongsu.locale import t
from tongsu.plots import to_bytes
from tongsu.runs.store import Run
from tongsu.studio.inputs import Input
from tongsu.studio.studio import Studio

FILM = 64  # frames in one answer


class AskView(BaseModel):
    model_config = ConfigDict(extra="forbid")
    frame: int | None = None
    input: Input | None = None
    parameters: dict[str, Any] = {}


class AskFilm(BaseModel):
    model_config = ConfigDict(extra="forbid")
    view: str
    input: Input | None = None
    parameters: dict[str, Any] = {}
    frames: Annotated[list[int], Field(max_length=FILM)] | None = None


def router(studio: Studio) -> APIRouter:
    api = APIRouter()
    find, answers = studio.jobs.find, studio.answers
    drawing = threading.Lock()  # matplotlib's settings are those of the whole process

    def look(run: Run, frame: int | None, view: str, asked: AskView | AskFilm) -> tuple[int | None, views.Seen]:
        """Raises Problem for a view that does not fit this run."""
        parameters = dict(asked.parameters)
        at = parameters.pop("plane_frame", None)
        if at is not None:  # the axes of one frame for all of them, so that points move and not the plane
            plane: Any = look(run, int(at), view, asked.model_copy(update={"parameters": parameters}))[1].answer
            parameters["plane"] = plane.plane
        with answers.model(run, frame) as (learned, shown):
            fitting = views.fitting(learned)
            if view not in fitting:
                raise Problem("studio.no_view", view=view, run=run.name)
            of_many = fitting[view].input in ("batch", "real")
            given = answers.read(asked.input, learned) if asked.input else None
            return shown, views.ask(learned, view, given, parameters, answers.dataset(learned) if of_many else None)

    @api.get("/runs/{run}/views")
    def every_view(run: str) -> dict[str, Any]:
        with answers.model(find(run)) as (learned, _):
            return {
                "views": [
                    {
                        "name": name,
                        "title": t(f"explain.view.{name}.title"),
                        "about": t(f"explain.view.{name}.about"),
                        "input": view.input,
                        "parameters": [
                            {"name": p.name, "default": p.default, "schema": explain.schema(p),
                             "help": t(f"explain.parameter.{p.name}")}
                            for p in views.parameters_of(view)
                        ],
                    }
                    for name, view in views.fitting(learned).items()
                ]
            }  # fmt: skip

    @api.post("/runs/{run}/views/{view}")
    def one_view(run: str, view: str, asked: AskView) -> dict[str, Any]:
        frame, seen = look(find(run), asked.frame, view, asked)
        return {"frame": frame, **views.as_json(seen)}

    @api.post("/runs/{run}/views/{view}/picture")
    def picture(run: str, view: str, asked: AskView, format: Literal["png", "svg"] = "png") -> Response:
        _, seen = look(find(run), asked.frame, view, asked)
        kind = {"png": "image/png", "svg": "image/svg+xml"}[format]
        headers = {"content-disposition": f'attachment; filename="{view}.{format}"'}
        with drawing:
            content = to_bytes(views.picture(seen), format)
        return Response(content, media_type=kind, headers=headers)

    @api.post("/runs/{run}/film")
    def film(run: str, asked: AskFilm) -> dict[str, Any]:
        found = find(run)
        steps = [step for step, _ in found.frames()]
        chosen = asked.frames if asked.frames is not None else steps[:: max(1, -(-len(steps) // FILM))]
        seen = (look(found, step, asked.view, asked) for step in chosen)
        return {"frames": [{"frame": frame, **views.as_json(one)} for frame, one in seen]}

    return api

