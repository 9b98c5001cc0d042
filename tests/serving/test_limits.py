"""What the server refuses, with which status, in whose language; nothing a stranger sends is run, fetched or kept."""

from __future__ import annotations

import base64
import io
import pickle
import socket
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from struct import pack
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from PIL import Image
from servers import Server, Start, until

PNG = {"Content-Type": "image/png"}


def error(response: requests.Response) -> tuple[int, str]:
    told = response.json()["error"]
    assert set(told) == {"kind", "message", "hint"} and told["message"] and told["hint"]
    return response.status_code, told["kind"]


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few kilobytes that says it has width x height pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))

    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")
    )


def svg() -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def gif() -> bytes:
    file = io.BytesIO()
    Image.new("L", (9, 9)).save(file, "GIF")
    return file.getvalue()


class Dangerous:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("/tmp/tongsu-was-here"),)


BAD: dict[str, tuple[str, dict[str, Any], tuple[int, str]]] = {
    "not JSON": ("/predict", {"data": b"{"}, (400, "not-json")),
    "a list": ("/predict", {"json": [1]}, (400, "not-json")),
    "deep JSON": ("/predict", {"data": b'{"inputs":' + b"[" * 100_000}, (400, "not-json")),
    "no inputs": ("/predict", {"json": {"inputs": []}}, (400, "no-inputs")),
    "too many inputs": ("/models/moons/predict", {"json": {"inputs": [[0, 0]] * 65}}, (400, "too-many")),
    "an address": ("/predict", {"json": {"inputs": ["http://169.254.169.254/latest"]}}, (400, "no-addresses")),
    "a file's name": ("/predict", {"json": {"inputs": ["/etc/passwd"]}}, (400, "not-base64")),
    "a number": ("/predict", {"json": {"inputs": [7]}}, (400, "wrong-images")),
    "a broken picture": ("/predict", {"data": b"\x89PNG\r\n\x1a\n" + bytes(50), "headers": PNG}, (400, "not-an-image")),
    "a picture bomb": ("/predict", {"data": bomb(60_000, 60_000), "headers": PNG}, (400, "image-too-large")),
    "26 million pixels": ("/predict", {"data": bomb(5_200, 5_000), "headers": PNG}, (400, "image-too-large")),
    "SVG": ("/predict", {"data": svg(), "headers": {"Content-Type": "image/svg+xml"}}, (400, "not-an-image")),
    "GIF": ("/predict", {"data": gif(), "headers": {"Content-Type": "image/gif"}}, (400, "not-an-image")),
    "a pickle": ("/predict", {"data": pickle.dumps(Dangerous()), "headers": PNG}, (400, "not-an-image")),
    "a pickle by name": ("/predict", {"data": b"x", "headers": {"Content-Type": "application/x-pickle"}},
                         (415, "unsupported")),
    "an upload that is no form": ("/predict", {"data": b"x", "headers": {"Content-Type": "multipart/form-data"}},
                                  (400, "bad-form")),
    "an empty form": ("/predict", {"data": b"--b--\r\n",
                      "headers": {"Content-Type": "multipart/form-data; boundary=b"}}, (400, "no-inputs")),
    "no text": ("/models/reviews/predict", {"json": {"inputs": ["  "]}}, (400, "empty-text")),
    "a number for a text": ("/models/reviews/predict", {"json": {"inputs": [5]}}, (400, "wrong-text")),
    "unknown words": ("/models/reviews/predict", {"json": {"inputs": ["xyzzy plugh"]}}, (400, "unknown-words")),
    "a point in another space": ("/models/moons/predict", {"json": {"inputs": [[1, 2, 3]]}}, (400, "not-a-point")),
    "not a number": ("/models/moons/predict", {"data": b'{"inputs": [[NaN, 1]]}'}, (400, "not-a-point")),
    "an unknown model": ("/models/nobody/predict", {"json": {"inputs": [1]}}, (404, "unknown-model")),
    "a way out": ("/models/..%2F..%2Fetc/predict", {"json": {"inputs": [1]}}, (404, "unknown-route")),
    "a bad number": ("/models/moons/predict?top=-1", {"json": {"inputs": [[0, 0]]}}, (400, "bad-top")),
    "uploading a model": ("/models", {"data": b"x"}, (405, "unknown-route")),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_requests(name: str, server: Server) -> None:
    path, sent, wanted = BAD[name]
    start = time.monotonic()
    assert error(server.post(path, **sent)) == wanted
    assert time.monotonic() - start < 20 and not Path("/tmp/tongsu-was-here").exists()
    assert server.get("/healthz").status_code == 200


def test_errors_in_the_language_that_is_asked_for(server: Server) -> None:
    said = {
        lang: server.post("/models/moons/predict", [[1]], headers={"Accept-Language": lang}).json()["error"]["message"]
        for lang in ("zh-CN,zh;q=0.9", "en-GB", "fr, zh;q=0.2, en;q=0.1", "")
    }
    chinese = ["\u4e00" <= max(text) <= "\u9fff" for text in said.values()]
    assert chinese == [True, False, True, False]
    missing = requests.get(server.address + "/nothing", headers={"Accept-Language": "zh"}, timeout=9)
    assert missing.status_code == 404 and "没有" in missing.json()["error"]["message"]


def talk(server: Server, *lines: str, body: bytes = b"") -> bytes:
    """Bytes as a client of its own making sends them."""
    address = urlsplit(server.address)
    with socket.create_connection((address.hostname or "", address.port or 0), timeout=20) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body)
        return line.recv(65536)


def test_bodies_that_are_too_large(server: Server) -> None:
    limit = 16 * 2**20
    said = talk(server, "POST /predict HTTP/1.1", "Host: localhost", f"Content-Length: {limit + 1}")
    assert said.startswith(b"HTTP/1.1 413")  # refused by what it announces, before it is sent
    chunk = b"%x\r\n" % 2**20 + bytes(2**20) + b"\r\n"
    said = talk(server, "POST /predict HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", body=chunk * 18)
    assert said.startswith(b"HTTP/1.1 413")  # ... and by what really comes


@pytest.mark.parametrize(
    ("host", "more", "status"),
    [
        ("evil.example:{port}", "", 403),  # a name that was pointed at 127.0.0.1
        ("127.0.0.1.evil.example:{port}", "", 403),
        ("localhost:{port}", "Origin: http://evil.example", 403),
        ("localhost:{port}", "Origin: null", 403),
        ("localhost:{port}", "Origin: http://localhost:{port}", 200),
        ("127.0.0.1:{port}", "", 200),
    ],
)
def test_other_names_and_other_sites(host: str, more: str, status: int, server: Server) -> None:
    port = str(urlsplit(server.address).port)
    lines = ["GET /models HTTP/1.1", f"Host: {host}", *filter(None, [more])]
    said = talk(server, *(line.replace("{port}", port) for line in lines))
    assert said.startswith(f"HTTP/1.1 {status}".encode())


def test_headers_that_keep_browsers_careful(server: Server) -> None:
    for path in ("/", "/docs", "/models", "/nothing", "/metrics", "/static/page.js"):
        headers = server.get(path).headers
        assert (
            headers["X-Content-Type-Options"] == "nosniff" and "script-src 'self'" in headers["Content-Security-Policy"]
        )
    assert "server" not in {name.lower() for name in headers}


def test_a_line_that_is_full(start: Start) -> None:
    """One place in the line: of forty clients at once some are answered, the rest are told to come back."""
    server = start("reviews", "--queue", "1", "--max-batch", "1")
    texts = ["the film " * 60] * 40
    with ThreadPoolExecutor(40) as clients:
        answers = list(clients.map(lambda text: server.post("/predict", [text]), texts))
    counts = {status: sum(answer.status_code == status for answer in answers) for status in (200, 429)}
    assert sum(counts.values()) == 40 and counts[200] > 0 and counts[429] > 0
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert error(refused) == (429, "busy") and int(refused.headers["Retry-After"]) >= 1
    assert 'status="429"' in server.get("/metrics").text


def test_a_port_that_is_taken(server: Server, start: Start) -> None:
    port = str(urlsplit(server.address).port)
    with pytest.raises(AssertionError, match="no-port"):
        start("digits", "--port", port)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("nobody",), "unknown"), (("digits", "--backend", "tensorflow"), "unknown-backend"),
        (("digits", "digits"), "same-name"), (("digits", "--max-batch", "0"), "out-of-range"),
        (("digits", "--deadline-ms", "5", "--max-wait-ms", "9"), "out-of-range"),
    ],
)  # fmt: skip
def test_what_cannot_be_served(words: tuple[str, ...], kind: str, start: Start) -> None:
    with pytest.raises(AssertionError, match=f"\"kind\": \"{kind}\"|'kind': '{kind}'"):
        start(*words)


def test_a_run_under_another_name(start: Start, pictures: list[bytes]) -> None:
    server = start("numbers=digits")
    coded = [base64.b64encode(pictures[0]).decode()]
    assert server.post("/models/numbers/predict", coded).json()["model"] == "numbers"
    until(lambda: server.get("/readyz").status_code == 200)
