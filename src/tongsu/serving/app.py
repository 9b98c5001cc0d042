"""The routes of the server. Every answer of a model is JSON; every error is {"error": {kind, message, hint}}."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.staticfiles import StaticFiles
from starlette.routing import Route

from tongsu import __version__
from tongsu.errors import Problem
from tongsu.locale import t
from tongsu.serving import documents
from tongsu.serving.answering import Answering
from tongsu.serving.batcher import MicroBatcher, Refused, Row
from tongsu.serving.gate import Gate
from tongsu.serving.inputs import raw_inputs, read_all, tensors
from tongsu.serving.metrics import Metrics
from tongsu.serving.settings import Settings

TOP = 10  # so many labels are told unless the client asks for more with ?top=
PAGE = Path(__file__).parent / "page"


class NotFound(Problem):
    status = 404


def create_app(settings: Settings, models: Mapping[str, Answering]) -> FastAPI:
    """The application of one worker. The first of `models` answers where no name is given."""
    metrics = Metrics()
    batchers: dict[str, MicroBatcher] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        for name, model in models.items():
            batchers[name] = MicroBatcher(
                model.answer, max_batch=settings.max_batch, max_wait=settings.max_wait_ms / 1000,
                queue=settings.queue, deadline=settings.deadline_ms / 1000, seen=metrics.sizes.labels(name).observe,
            )  # fmt: skip
            metrics.waiting.labels(name).set(0)
        yield
        await asyncio.gather(*(batcher.stop() for batcher in batchers.values()))
        batchers.clear()

    app = FastAPI(
        title="Tongsu", version=__version__, summary=t("serving.api.summary"), lifespan=lifespan,
        docs_url=None, redoc_url=None,  # those pages come from elsewhere; ours is /docs
    )  # fmt: skip
    app.add_middleware(Gate, settings=settings)
    app.mount("/static", StaticFiles(directory=PAGE), name="static")
    first = next(iter(models))

    def model_named(name: str) -> Answering:
        if name not in models:
            raise NotFound("serving.unknown_model", model=name, known=", ".join(models))
        return models[name]

    async def ask(name: str, inputs: list[Any]) -> list[Row]:
        batcher = batchers.get(name)
        if batcher is None:
            raise Refused("serving.stopping", 503)
        try:
            return await batcher.ask(inputs)
        finally:
            metrics.waiting.labels(name).set(batcher.waiting)

    async def counted(request: Request, name: str, work: Any) -> Response:
        model_named(name)
        start = time.perf_counter()
        status = 500
        try:
            response: Response = await work(request, models[name])
            status = response.status_code
            metrics.seconds.labels(name).observe(time.perf_counter() - start)
            return response
        except Problem as problem:
            status = getattr(problem, "status", 400)
            raise
        finally:
            metrics.requests.labels(name, str(status)).inc()

    async def predictions(request: Request, model: Answering) -> Response:
        raws = await raw_inputs(request, settings.max_body)
        if len(raws) > settings.max_batch:
            raise Problem("serving.too_many", count=len(raws), most=settings.max_batch)
        rows = await ask(model.name, await tensors(model, raws))
        top = top_of(request)
        return plain_json({"model": model.name, "predictions": [told(model, row, top) for row in rows]})

    async def many(request: Request, model: Answering) -> Response:
        """Part after part, so that a large order does not fill the line; a bad input spoils only its own answer."""
        raws = await raw_inputs(request, settings.max_body)
        top = top_of(request)
        answers: list[dict[str, Any]] = []
        part = max(1, min(settings.max_batch, settings.queue) // 2)
        for start in range(0, len(raws), part):
            inputs: list[Any] = []
            for raw in raws[start : start + part]:
                try:
                    inputs += await asyncio.to_thread(read_all, model, [raw])
                    answers.append({})
                except Problem as problem:
                    answers.append(error_of(problem))
            rows = iter(await patiently(functools.partial(ask, model.name, inputs)) if inputs else [])
            for answer in answers[start:]:
                if not answer:
                    answer |= told(model, next(rows), top)
        return plain_json({"model": model.name, "predictions": answers})

    @app.post("/predict", **documents.predict(first))
    async def predict(request: Request) -> Response:
        return await counted(request, first, predictions)

    @app.post("/models/{model}/predict", **documents.predict(None))
    async def predict_by(request: Request, model: str) -> Response:
        return await counted(request, model, predictions)

    # The same two without FastAPI's way to a function, which costs as much as a small net. Theirs are for the document.
    async def predict_directly(request: Request) -> Response:
        return await counted(request, request.path_params.get("model", first), predictions)

    app.router.routes[:0] = [
        Route(path, predict_directly, methods=["POST"]) for path in ("/predict", "/models/{model}/predict")
    ]

    @app.post("/batch", **documents.batch(first))
    async def batch(request: Request) -> Response:
        return await counted(request, first, many)

    @app.post("/models/{model}/batch", **documents.batch(None))
    async def batch_by(request: Request, model: str) -> Response:
        return await counted(request, model, many)

    @app.get("/models", summary=t("serving.api.models"))
    async def list_models() -> Response:
        return plain_json({"models": [documents.card(model) for model in models.values()]})

    @app.get("/healthz", summary=t("serving.api.health"))
    async def healthy() -> Response:
        return plain_json({"status": "ok"})

    @app.get("/readyz", summary=t("serving.api.ready"))
    async def ready() -> Response:
        if not batchers:
            raise Refused("serving.stopping", 503)
        return plain_json(
            {"status": "ready", "models": list(models), "backend": settings.backend, "worker": os.getpid()}
        )

    @app.get("/metrics", summary=t("serving.api.metrics"))
    async def measured() -> Response:
        text, kind = metrics.text()
        return Response(text, media_type=kind)

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        return HTMLResponse(documents.page("index.html.j2", models.values()))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return HTMLResponse(documents.page("docs.html.j2", models.values()))

    @app.exception_handler(Problem)
    async def refused(_: Request, problem: Problem) -> Response:
        response = plain_json(error_of(problem), getattr(problem, "status", 400))
        if isinstance(problem, Refused):
            response.headers["Retry-After"] = str(problem.retry_after)
        return response

    @app.exception_handler(HTTPException)
    @app.exception_handler(404)
    @app.exception_handler(405)
    async def unknown(request: Request, error: Any) -> Response:
        problem = NotFound("serving.unknown_route", method=request.method, path=request.url.path)
        return plain_json(error_of(problem), getattr(error, "status_code", 404))

    @app.exception_handler(Exception)
    async def broken(_: Request, __: Exception) -> Response:
        return plain_json(error_of(Problem("serving.internal")), 500)

    return app


def plain_json(value: Any, status: int = 200) -> Response:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, media_type="application/json")


def error_of(problem: Problem) -> dict[str, Any]:
    return {"error": {"kind": problem.kind, "message": problem.message, "hint": problem.hint}}


def top_of(request: Request) -> int:
    asked = request.query_params.get("top", str(TOP))
    if not asked.isdecimal() or not 0 < int(asked) <= 100_000:
        raise Problem("serving.bad_top", top=asked[:20])
    return int(asked)


def told(model: Answering, row: Row, top: int) -> dict[str, Any]:
    """The likeliest label, and the probabilities of the `top` likeliest ones (of all in order, if there are fewer)."""
    labels = model.learned.labels
    best = max(range(len(row)), key=row.__getitem__)
    shown = range(len(row)) if len(row) <= top else sorted(range(len(row)), key=lambda at: -row[at])[:top]
    return {"label": labels[best], "probability": row[best], "probabilities": {labels[at]: row[at] for at in shown}}


async def patiently(ask: Any) -> list[Row]:
    """A part of a large order waits its turn where a single request would be sent away."""
    while True:
        try:
            return await ask()
        except Refused as refused:
            if refused.status != 429:
                raise
            await asyncio.sleep(0.05)
