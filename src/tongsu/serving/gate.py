"""What every request passes first: its language, the names we answer to, and headers that keep browsers careful."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tongsu.errors import Problem
from tongsu.locale import preferred, speaking
from tongsu.serving.settings import Settings

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

CAREFUL = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
     b" connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]  # fmt: skip
LOCAL = {b"localhost", b"127.0.0.1", b"[::1]"}


class Gate:
    """A server that is for this computer alone answers only to its own names, whatever name a web page has pointed
    at 127.0.0.1 (DNS rebinding), and to no page of another site."""

    def __init__(self, app: App, settings: Settings) -> None:
        self.app, self.local = app, settings.is_local

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        with speaking(preferred(headers.get(b"accept-language", b"").decode("latin-1"))):
            if scope["type"] != "http":
                await send({"type": "websocket.close", "code": 1008})
            elif self.local and not allowed(headers):
                await refuse(send)
            else:
                await self.app(scope, receive, careful(send))


def allowed(headers: dict[bytes, bytes]) -> bool:
    host = headers.get(b"host", b"")
    name = host if host.endswith(b"]") else host.rpartition(b":")[0] or host
    origin = headers.get(b"origin")
    return name in LOCAL and (origin is None or origin.partition(b"://")[2] == host)


def careful(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *CAREFUL]
        await send(message)

    return sending


async def refuse(send: Send) -> None:
    problem = Problem("serving.foreign")
    body = {"error": {"kind": problem.kind, "message": problem.message, "hint": problem.hint}}
    headers = [(b"content-type", b"application/json"), *CAREFUL]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(body, ensure_ascii=False).encode()})
