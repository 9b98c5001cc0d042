"""The gate: what every request passes, HTTP and WebSocket alike, before anything of ours looks at it.

A page of another site can reach 127.0.0.1 too: by a form or a script (CSRF), under a name of its own that it points
here (DNS rebinding), or by a WebSocket. So nothing is answered unless

    Host             is exactly one of our names with our port,
    Origin           is that same address wherever a browser sends it, and it must be there for all that changes things
                     and for WebSockets; `null` is nobody,
    Sec-Fetch-Site   says, if it is there, that our own page or the person asks,
    the cookie       holds the key. It is swapped for the token in the address that the terminal prints.

Bodies are counted as they stream, and more than the limit is 413.
"""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tongsu.errors import Problem
from tongsu.locale import LANGUAGES, Language, preferred, speaking
from tongsu.runs.atomic import guarded, make_folder

SAFE = ("GET", "HEAD")
JSON_LIMIT = 8 << 20  # bytes of a body
UPLOAD_LIMIT = 100 << 20  # where a person's own files come in
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; "
        "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; manifest-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",  # the start address holds the token
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


def new_token() -> str:
    """256 bits."""
    return secrets.token_urlsafe(32)


def kept_key(path: Path) -> str:
    """The cookie's value, made once and readable by this person alone: pages that are open outlive the studio."""
    make_folder(path.parent)
    with guarded(path.parent):
        with contextlib.suppress(FileExistsError):
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(file, "w") as writing:
                writing.write(new_token())
        key = path.read_text(encoding="ascii").strip()
        if len(key) < 43:  # torn by a crash
            path.unlink()
            return kept_key(path)
    return key


@dataclass(frozen=True)
class Gate:
    """Wraps the application. `token` is for the start address, `key` for the cookie; both are 256 random bits."""

    app: ASGIApp
    port: int
    token: str
    key: str
    limits: Callable[[str], int] = lambda path: UPLOAD_LIMIT if path.startswith("/api/uploads/") else JSON_LIMIT

    @property
    def cookie(self) -> str:
        """Cookies know no ports, so two studios need two names."""
        return f"tongsu-{self.port}"

    @property
    def hosts(self) -> set[str]:
        ports = ["", ":80"] if self.port == 80 else [f":{self.port}"]
        return {f"{name}{port}" for name in ("localhost", "127.0.0.1", "[::1]") for port in ports}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        with speaking(language_of(scope, query.get("lang"))):
            refusal = self.refusal(scope)
            if refusal is None and "token" in query and scope["type"] == "http" and scope["path"] == "/":
                await self.sign_in(scope, query, send)
            elif refusal is None and not self.signed_in(scope):
                await refuse(scope, receive, send, 401, Problem("studio.not_signed_in"))
            elif refusal is not None:
                await refuse(scope, receive, send, 403, refusal)
            elif scope["type"] == "websocket":
                await self.app(scope, receive, send)
            else:
                await self.answer(scope, receive, send)

    def refusal(self, scope: Scope) -> Problem | None:
        """Why the request cannot be from our page; None: it may be."""
        hosts, origins, sites = (values(scope, name) for name in ("host", "origin", "sec-fetch-site"))
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return Problem("studio.wrong_host", host=", ".join(hosts) or "–")
        must = scope["type"] == "websocket" or scope["method"] not in SAFE
        own = f"http://{hosts[0].lower()}"
        if len(origins) > 1 or (must and not origins) or any(origin.lower() != own for origin in origins):
            return Problem("studio.foreign_origin", origin=", ".join(origins) or "–")
        if any(site not in ("same-origin", "none") for site in sites):
            return Problem("studio.foreign_origin", origin=", ".join(sites))
        return None

    def signed_in(self, scope: Scope) -> bool:
        for header in values(scope, "cookie"):
            with contextlib.suppress(CookieError):
                found = SimpleCookie(header).get(self.cookie)
                if found is not None and same(found.value, self.key):
                    return True
        return False

    async def sign_in(self, scope: Scope, query: dict[str, str], send: Send) -> None:
        if scope["method"] not in SAFE or not same(query["token"], self.token):
            await answer(send, 401, Problem("studio.not_signed_in"), page=True)
            return
        lang = f"/?lang={query['lang']}" if query.get("lang") in LANGUAGES else "/"
        cookie = f"{self.cookie}={self.key}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", lang.encode()), (b"set-cookie", cookie.encode()), (b"cache-control", b"no-store")]
        await send({"type": "http.response.start", "status": 303, "headers": [*headers, *COMMON]})
        await send({"type": "http.response.body", "body": b""})

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand a request on with its body counted, and its answer with our headers."""
        limit = self.limits(scope["path"])
        count, over, begun = 0, False, False
        said = values(scope, "content-length")
        if said and said[0].isdecimal() and int(said[0]) > limit:
            await answer(send, 413, Problem("studio.too_large", limit=limit >> 20))
            return

        async def counted() -> Message:
            nonlocal count, over
            message = await receive()
            count += len(message.get("body", b""))
            over = over or count > limit
            return {"type": "http.disconnect"} if over else message

        async def guarded_send(message: Message) -> None:
            nonlocal begun
            if over and not begun:
                return
            if message["type"] == "http.response.start":
                begun = True
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(pair for pair in COMMON if pair[0] not in own)]
                if scope["path"].startswith("/api/") and b"cache-control" not in own:
                    message["headers"].append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await self.app(scope, counted, guarded_send)
        except Exception:
            if not over:
                raise
        if over and not begun:
            await answer(send, 413, Problem("studio.too_large", limit=limit >> 20))


COMMON = [(name.encode(), value.encode()) for name, value in HEADERS.items()]


def same(one: str, other: str) -> bool:
    """In a time that tells nothing."""
    return hmac.compare_digest(one.encode(), other.encode())


def values(scope: Scope, name: str) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name.encode()]


def language_of(scope: Scope, asked: str | None) -> Language | None:
    if asked in LANGUAGES:
        return asked
    return preferred(",".join(values(scope, "accept-language")))


def as_json(problem: Problem) -> dict[str, Any]:
    return {"error": {"kind": problem.kind, "message": problem.message, "hint": problem.hint}}


async def refuse(scope: Scope, receive: Receive, send: Send, status: int, problem: Problem) -> None:
    if scope["type"] == "websocket":  # closing before accepting is HTTP 403
        await receive()
        await send({"type": "websocket.close", "code": 4401 if status == 401 else 4403, "reason": problem.kind})
        return
    await answer(send, status, problem, page="text/html" in ",".join(values(scope, "accept")))


async def answer(send: Send, status: int, problem: Problem, page: bool = False) -> None:
    """JSON for programs; for a person at the browser's address bar, plain text."""
    body = str(problem) if page else json.dumps(as_json(problem), ensure_ascii=False)
    kind = b"text/plain; charset=utf-8" if page else b"application/json"
    headers = [(b"content-type", kind), (b"cache-control", b"no-store"), (b"connection", b"close"), *COMMON]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
