"""The studio's application: `create_app(runs_dir, port=..., token=..., key=...)`. No globals: a test makes many.

    /                the page (built into static/), and every address of its own
    /api/...         routes/
"""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from starlette.exceptions import HTTPException

from tongsu.errors import Failure, Problem
from tongsu.runs.store import RunStore
from tongsu.studio.routes import asking, data, home, lessons, looking, runs, shipping, trainings
from tongsu.studio.security import Gate, as_json
from tongsu.studio.studio import Studio
from tongsu.studio.uploads import TooLarge

STATIC = Path(__file__).parent / "static"
# What is not there is 404; all else that a person can mend is 422.
MISSING = {"unknown", "no-run", "not-a-run", "none", "no-frame", "no-view", "no-picture", "no-upload", "no-best",
           "no-example", "no-page", "unknown-lesson", "unknown-exercise"}  # fmt: skip


def create_app(
    runs_dir: Path | str | None = None, *, port: int, token: str, key: str, static: Path = STATIC
) -> Gate:
    """The application behind its gate. `token` opens it (`/?token=...`), `key` is the cookie's value afterwards."""
    return Gate(pages(Studio.of(RunStore(runs_dir)), static), port, token, key)


def pages(studio: Studio, static: Path = STATIC) -> FastAPI:
    """The routes, without the gate."""
    app = FastAPI(title="Tongsu", docs_url=None, redoc_url=None, openapi_url=None)
    for part in (home, runs, trainings, asking, looking, data, shipping, lessons):
        app.include_router(part.router(studio), prefix="/api")

    @app.get("/{path:path}", include_in_schema=False)
    def page(path: str) -> FileResponse:
        if path.split("/")[0] == "api":
            raise Problem("studio.no_page", path=path)
        return built(static, path)

    @app.exception_handler(Problem)
    async def problem(_: Request, found: Problem) -> JSONResponse:
        return JSONResponse(as_json(found), status_of(found))

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"][1:])) or "body"
        return JSONResponse(as_json(Problem("studio.bad_request", place=place, reason=first["msg"])), 422)

    @app.exception_handler(HTTPException)
    async def plain(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse(as_json(Problem("studio.no_page", path=request.url.path)), error.status_code)

    @app.exception_handler(Exception)
    async def broken(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse(as_json(Problem("studio.broken", reason=type(error).__name__)), 500)

    return app


def status_of(problem: Problem) -> int:
    if isinstance(problem, TooLarge):
        return 413
    if isinstance(problem, Failure):
        return 500
    return 404 if problem.kind in MISSING else 422


def built(static: Path, path: str) -> FileResponse:
    """A file of the built page; every address of the page's own is index.html."""
    if not (static / "index.html").is_file():
        raise Problem("studio.not_built", folder=static)
    file = (static / path).resolve()
    if path and file.is_relative_to(static.resolve()) and file.is_file():
        kept = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
        return FileResponse(file, headers={"cache-control": kept})
    if "." in path.rpartition("/")[2]:
        raise Problem("studio.no_page", path=path)
    return FileResponse(static / "index.html", headers={"cache-control": "no-cache"})

