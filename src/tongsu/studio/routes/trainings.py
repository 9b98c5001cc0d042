"""Trainings: begun, asked, watched."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field

from tongsu.errors import Problem
from tongsu.studio.live import messages
from tongsu.studio.studio import Studio

Value = str | bool | int | float | list[Any]


class Begin(BaseModel):
    model_config = ConfigDict(extra="forbid")
    chapter: str
    preset: str = "fast"
    data: str | None = None
    changes: dict[str, Value] = {}
    device: str = "auto"
    name: str | None = None


class Resume(BaseModel):
    model_config = ConfigDict(extra="forbid")
    changes: dict[str, Value] = {}
    force: bool = False
    device: str = "auto"


class Plain(BaseModel):
    model_config = ConfigDict(extra="forbid")
    do: Literal["pause", "continue", "stop"]


class Steps(BaseModel):
    model_config = ConfigDict(extra="forbid")
    do: Literal["step"]
    count: Annotated[int, Field(ge=1, le=1000)] = 1


class Change(BaseModel):
    """Only what is named changes; null goes back to the recipe."""

    model_config = ConfigDict(extra="forbid")
    do: Literal["set"]
    lr: float | None = None
    parts: list[str] | None = None


Command = Annotated[Plain | Steps | Change, Field(discriminator="do")]


def router(studio: Studio) -> APIRouter:
    api = APIRouter()
    jobs = studio.jobs

    @api.get("/trainings")
    def living() -> dict[str, Any]:
        return {"trainings": [{"run": run.name, "state": jobs.state(run)} for run in jobs.living()]}

    @api.post("/trainings", status_code=201)
    def begin(asked: Begin) -> dict[str, Any]:
        run = jobs.start(
            asked.chapter, asked.preset, asked.data, asked.changes, name=asked.name, device=asked.device
        )  # fmt: skip
        return {"run": run.name, "state": jobs.state(run)}

    @api.post("/runs/{run}/resume", status_code=201)
    def resume(run: str, asked: Resume) -> dict[str, Any]:
        found = jobs.find(run)
        jobs.resume(found, asked.changes, force=asked.force, device=asked.device)
        return {"run": found.name, "state": jobs.state(found)}

    @api.post("/runs/{run}/commands")
    def command(run: str, asked: Command, response: Response) -> dict[str, Any]:
        found = jobs.watched(run)
        fields = {"do", "count"} | asked.model_fields_set
        state, obeyed = jobs.command(found, asked.model_dump(include=fields))
        response.status_code = 200 if obeyed else 202
        return {"state": state}

    @api.websocket("/runs/{run}/live")
    async def live(socket: WebSocket, run: str, after: int = 0) -> None:
        await socket.accept()
        try:
            found = jobs.watched(run)
        except Problem as problem:
            await socket.close(4404, problem.message[:100])
            return

        async def send() -> None:
            async for message in messages(found, jobs, max(after, 0)):
                await socket.send_json(message)

        # A page says nothing; what comes is that it is gone. The training does not care.
        both = {asyncio.create_task(send()), asyncio.create_task(socket.receive())}
        done, left = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        for outcome in await asyncio.gather(*done, *left, return_exceptions=True):
            if isinstance(outcome, Exception) and not isinstance(outcome, WebSocketDisconnect | RuntimeError):
                raise outcome

    return api
