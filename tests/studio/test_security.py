"""Nobody but the person's own page gets in: every route is knocked at, in every wrong way a browser can be made to.

The gate is called as a server calls it, so each header arrives as it was sent; `test_over_the_wire` does the same to
the real program.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from client import Page
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope, Send

from tongsu.studio.app import create_app
from tongsu.studio.security import JSON_LIMIT, Gate, kept_key, new_token

PORT, TOKEN, KEY = 8765, new_token(), new_token()
HOST, ORIGIN, COOKIE = f"127.0.0.1:{PORT}", f"http://127.0.0.1:{PORT}", f"tongsu-{PORT}={KEY}"
GOOD = {"host": HOST, "origin": ORIGIN, "sec-fetch-site": "same-origin", "cookie": COOKIE}

# What is wrong with a request: headers in place of the good ones; None: left out; a list: sent twice.
STRANGERS: dict[str, dict[str, str | None | list[str]]] = {
    "no cookie": {"cookie": None},
    "another key": {"cookie": f"tongsu-{PORT}={new_token()}"},
    "the token in place of the key": {"cookie": f"tongsu-{PORT}={TOKEN}"},
    "an empty key": {"cookie": f"tongsu-{PORT}="},
    "the key of another port's studio": {"cookie": f"tongsu-{PORT + 1}={KEY}"},
    "letters beyond ASCII": {"cookie": f"tongsu-{PORT}=ключ"},
    "DNS rebinding": {"host": f"evil.example:{PORT}", "origin": f"http://evil.example:{PORT}"},
    "DNS rebinding to a name that looks like ours": {"host": f"localhost.evil.example:{PORT}"},
    "another port in Host": {"host": f"127.0.0.1:{PORT + 1}"},
    "no port in Host": {"host": "127.0.0.1"},
    "a trailing dot": {"host": f"localhost.:{PORT}"},
    "no Host": {"host": None},
    "two Hosts": {"host": [HOST, "evil.example"]},
    "any address": {"host": f"0.0.0.0:{PORT}"},
    "a foreign page": {"origin": "https://evil.example"},
    "a page of another program on this machine": {"origin": f"http://127.0.0.1:{PORT + 1}"},
    "our other name": {"origin": f"http://localhost:{PORT}"},
    "our name, other scheme": {"origin": f"https://127.0.0.1:{PORT}"},
    "a file or a sandbox": {"origin": "null"},
    "two Origins": {"origin": [ORIGIN, "https://evil.example"]},
    "a link or a form elsewhere": {"sec-fetch-site": "cross-site"},
    "another port of the same site": {"sec-fetch-site": "same-site"},
}
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT"]
NOT_SIGNED_IN = tuple(STRANGERS)[:6]


@dataclass
class Answer:
    """Of a WebSocket: status 101 once it was accepted, 403 if not."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def kind(self) -> str:
        return json.loads(self.body)["error"]["kind"]


@dataclass
class Inside:
    """Stands in front of the application and counts who got so far."""

    app: Any
    visits: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.visits += 1
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    folder = tmp_path_factory.mktemp("gate")
    (folder / "static").mkdir()
    (folder / "static" / "index.html").write_text("<!doctype html><title>page</title>")
    app = create_app(folder / "runs", port=PORT, token=TOKEN, key=KEY, static=folder / "static")
    assert isinstance(app, Gate)
    return replace(app, app=Inside(app.app))


def routes(gate: Gate) -> list[tuple[str, str]]:
    """(method or WEBSOCKET, path) of everything that the application answers."""

    def walk(found: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
        for route in found:
            if hasattr(route, "original_router"):  # a router that was included
                yield from walk(route.original_router.routes, prefix + route.include_context.prefix)
            elif hasattr(route, "routes"):
                yield from walk(route.routes, prefix + route.path)
            else:
                for method in getattr(route, "methods", None) or ["WEBSOCKET"]:
                    yield method, re.sub(r"{[^}]*}", "x", prefix + route.path)

    inside = gate.app
    assert isinstance(inside, Inside) and isinstance(inside.app, FastAPI)
    return sorted(set(walk(inside.app.routes)))


def knock(gate: Gate, method: str, path: str, changed: dict[str, Any] | None = None, body: bytes = b"{}") -> Answer:
    """One request as a server hands it on; a body of a megabyte comes in pieces and without a length."""
    named = {**GOOD, "content-type": "application/json", **(changed or {})}
    headers = [
        (name.encode(), value.encode())
        for name, given in named.items() if given is not None
        for value in (given if isinstance(given, list) else [given])
    ]  # fmt: skip
    place = urlsplit(path)
    scope: dict[str, Any] = {
        "type": "websocket" if method == "WEBSOCKET" else "http", "http_version": "1.1",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "path": place.path, "raw_path": place.path.encode(), "query_string": place.query.encode(), "root_path": "",
        "headers": headers, "server": ("127.0.0.1", PORT), "client": ("127.0.0.1", 50000), "subprotocols": [],
        "scheme": "ws" if method == "WEBSOCKET" else "http", "state": {},
    }  # fmt: skip
    if method != "WEBSOCKET":
        scope["method"] = method
    pieces = [body[at : at + (1 << 20)] for at in range(0, max(len(body), 1), 1 << 20)]
    sent: list[Message] = []

    async def receive() -> Message:
        if method == "WEBSOCKET":
            return {"type": "websocket.connect"} if not sent else {"type": "websocket.disconnect", "code": 1001}
        if not pieces:
            return {"type": "http.disconnect"}
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(gate(scope, receive, send))
    if method == "WEBSOCKET":
        return Answer(101 if sent[0]["type"] == "websocket.accept" else 403, {}, b"")
    text = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], text, b"".join(message.get("body", b"") for message in sent[1:]))


def visits(gate: Gate) -> int:
    assert isinstance(gate.app, Inside)
    return gate.app.visits


def test_the_list_of_routes_is_all_of_them(gate: Gate) -> None:
    found = routes(gate)
    assert len(found) >= 29
    assert ("WEBSOCKET", "/api/runs/x/live") in found and ("POST", "/api/trainings") in found
    shipping = {("GET", "/api/serving"), ("GET", "/api/runs/x/shipping"), ("POST", "/api/runs/x/export")}
    assert shipping | {("POST", "/api/runs/x/serving"), ("DELETE", "/api/runs/x/serving")} <= set(found)
    for method, path in found:  # each is one that answers our own page
        before = visits(gate)
        answer = knock(gate, method, path)
        assert answer.status not in (401, 403, 405, 500) and visits(gate) == before + 1, (method, path, answer)


@pytest.mark.parametrize("wrong", STRANGERS)
def test_no_route_answers_a_stranger(gate: Gate, wrong: str) -> None:
    before = visits(gate)
    for method, path in routes(gate):
        answer = knock(gate, method, path, STRANGERS[wrong])
        assert answer.status == (401 if wrong in NOT_SIGNED_IN and method != "WEBSOCKET" else 403), (method, path)
        assert "set-cookie" not in answer.headers
        if method != "WEBSOCKET":
            assert answer.kind and answer.headers["x-content-type-options"] == "nosniff"
    assert visits(gate) == before


@pytest.mark.parametrize("method", [*METHODS, "PROPFIND"])
def test_no_method_and_no_unknown_address_is_a_way_round(gate: Gate, method: str) -> None:
    before = visits(gate)
    others = {"/", "/docs", "/openapi.json", "/assets/x.js", "//api/studio", "/api", "/%2e%2e/"}
    for path in {path for _, path in routes(gate)} | others:
        for wrong in ("no cookie", "DNS rebinding", "a foreign page", "a file or a sandbox"):
            assert knock(gate, method, path, STRANGERS[wrong]).status in (401, 403), (method, path, wrong)
    assert visits(gate) == before


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "WEBSOCKET", "OPTIONS"])
def test_what_changes_things_must_say_where_it_comes_from(gate: Gate, method: str) -> None:
    path = "/api/runs/x/live" if method == "WEBSOCKET" else "/api/trainings"
    assert knock(gate, method, path, {"origin": None}).status == 403
    assert knock(gate, "GET", "/api/studio", {"origin": None, "sec-fetch-site": "none"}).status == 200


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_each_of_our_names_is_a_door(gate: Gate, name: str) -> None:
    ours = {"host": f"{name}:{PORT}", "origin": f"http://{name.lower()}:{PORT}"}
    assert knock(gate, "GET", "/api/studio", ours).status == 200


def test_the_token_is_swapped_for_a_cookie(gate: Gate) -> None:
    fresh: dict[str, Any] = {"cookie": None, "origin": None, "sec-fetch-site": "none"}
    answer = knock(gate, "GET", f"/?token={TOKEN}&lang=zh", fresh)
    assert (answer.status, answer.headers["location"]) == (303, "/?lang=zh")
    value, *flags = answer.headers["set-cookie"].split("; ")
    assert value == COOKIE
    assert {flag.lower() for flag in flags} >= {"httponly", "samesite=strict", "path=/"}
    assert answer.headers["cache-control"] == "no-store" and answer.headers["referrer-policy"] == "no-referrer"
    for wrong in ("", "x", TOKEN[:-1], TOKEN + "x", KEY, "%D0%BA", TOKEN.swapcase()):
        refused = knock(gate, "GET", f"/?token={wrong}", fresh)
        assert refused.status == 401 and "set-cookie" not in refused.headers
    for method, path in (("POST", "/"), ("GET", "/api/studio"), ("GET", "/index.html")):  # the token opens one door
        assert knock(gate, method, f"{path}?token={TOKEN}", {**fresh, "origin": ORIGIN}).status == 401
    elsewhere = knock(gate, "GET", f"/?token={TOKEN}", {**fresh, "host": f"evil.example:{PORT}"})
    assert elsewhere.status == 403 and "set-cookie" not in elsewhere.headers


def test_token_and_key_are_256_random_bits_and_the_key_is_ours_alone(tmp_path: Path) -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert all(len(new_token()) == 43 for _ in range(10))  # 32 bytes in base64
    key = kept_key(tmp_path / "home" / "studio.key")
    assert kept_key(tmp_path / "home" / "studio.key") == key and len(key) == 43
    assert stat.S_IMODE((tmp_path / "home" / "studio.key").stat().st_mode) == 0o600
    assert kept_key(tmp_path / "other" / "studio.key") != key
    (tmp_path / "home" / "studio.key").write_text("torn")
    assert len(kept_key(tmp_path / "home" / "studio.key")) == 43


def test_too_much_is_refused_while_it_comes(gate: Gate) -> None:
    large = b'{"chapter": "' + b"x" * (JSON_LIMIT + (1 << 20)) + b'"}'
    streamed = knock(gate, "POST", "/api/trainings", body=large)
    assert (streamed.status, streamed.kind) == (413, "too-large")
    announced = knock(gate, "POST", "/api/trainings", {"content-length": str(JSON_LIMIT + 1)})
    assert (announced.status, announced.kind) == (413, "too-large")
    lying = knock(gate, "POST", "/api/trainings", {"content-length": "2"}, body=large)
    assert lying.status == 413


def test_every_answer_keeps_the_browser_strict(gate: Gate) -> None:
    for path in ("/", "/runs", "/api/studio", "/api/runs/x", "/missing.js"):
        headers = knock(gate, "GET", path).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'" and policy["connect-src"] == "'self'"
        assert headers["x-content-type-options"] == "nosniff"
        assert "access-control-allow-origin" not in headers


def test_the_page_comes_from_its_folder_and_from_nowhere_above(gate: Gate) -> None:
    assert b"<title>page" in knock(gate, "GET", "/").body
    for path in ("/../app.py", "/..%2fapp.py", "//etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/assets/../../x.py"):
        assert b"import" not in knock(gate, "GET", path).body and b"root:" not in knock(gate, "GET", path).body


def test_a_refusal_speaks_the_readers_language(gate: Gate) -> None:
    for lang, other in (("zh", "en"), ("en", "zh")):
        answer = knock(gate, "GET", f"/api/studio?lang={lang}", {"accept-language": other, "cookie": None})
        message = json.loads(answer.body)["error"]["message"]
        assert any("\u4e00" <= letter <= "\u9fff" for letter in message) == (lang == "zh")


def test_over_the_wire(page: Page) -> None:
    """The real program, spoken to byte by byte."""
    port = int(page.origin.rpartition(":")[2])
    cookie = "; ".join(f"{name}={value}" for name, value in page.http.cookies.items())

    def say(*lines: str) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=20) as wire:
            wire.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            return b"".join(iter(lambda: wire.recv(1 << 16), b""))

    ours = (f"Host: 127.0.0.1:{port}", f"Cookie: {cookie}")
    assert say("GET /api/studio HTTP/1.1", *ours).startswith(b"HTTP/1.1 200")
    assert say("GET /api/studio HTTP/1.1", ours[0]).startswith(b"HTTP/1.1 401")
    assert say("GET /api/studio HTTP/1.1", "Host: evil.example", ours[1]).startswith(b"HTTP/1.1 403")
    assert say("GET /api/studio HTTP/1.0", ours[1]).split(b" ")[1] in (b"400", b"403")
    key = f"Sec-WebSocket-Key: {'A' * 22}=="
    upgrade = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key)
    for path in ("/api/runs/x/live", "/"):
        assert say(f"GET {path} HTTP/1.1", *ours, "Origin: https://evil.example", *upgrade).split(b" ")[1] != b"101"
        assert say(f"GET {path} HTTP/1.1", ours[0], f"Origin: {page.origin}", *upgrade).split(b" ")[1] != b"101"
    assert b"server:" not in say("GET /api/studio HTTP/1.1", *ours).lower()
