"""A finished run leaves home: exported, and served to other programs of this computer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from tongsu.runs.store import Run
from tongsu.studio.shipping import exports
from tongsu.studio.studio import Studio


class AskExport(BaseModel):
    model_config = ConfigDict(extra="forbid")
    to: str = "onnx"
    quantize: str | None = None


class AskServing(BaseModel):
    """Port 0: any that is free."""

    model_config = ConfigDict(extra="forbid")
    port: Annotated[int, Field(ge=0, le=65535)] = 0


def router(studio: Studio) -> APIRouter:
    api = APIRouter()
    find, shipping = studio.jobs.find, studio.shipping

    def shown(run: Run) -> dict[str, Any]:
        now = {what: shipping.state(run, what) for what in ("export", "serving")}
        return {"run": run.name, "exports": exports(run), **now}

    @api.get("/serving")
    def every_server() -> dict[str, Any]:
        return {"servers": shipping.served()}

    @api.get("/runs/{run}/shipping")
    def show(run: str) -> dict[str, Any]:
        return shown(find(run))

    @api.post("/runs/{run}/export", status_code=202)
    def export(run: str, asked: AskExport) -> dict[str, Any]:
        found = find(run)
        shipping.export(found, asked.to, asked.quantize)
        return shown(found)

    @api.post("/runs/{run}/serving", status_code=202)
    def serve(run: str, asked: AskServing) -> dict[str, Any]:
        found = find(run)
        shipping.serve(found, asked.port)
        return shown(found)

    @api.delete("/runs/{run}/serving")
    def stop(run: str, response: Response) -> dict[str, Any]:
        found = find(run)
        response.status_code = 200 if shipping.stop(found) else 202
        return shown(found)

    return api
