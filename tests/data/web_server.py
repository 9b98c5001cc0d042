"""A real web server on this machine that behaves as badly as asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Page:
    """content: the true bytes; stop: break the connection after so many; ranges: whether the server resumes."""

    content: bytes
    kind: str = "application/octet-stream"
    stop: int | None = None
    ranges: bool = True
    status: int = 200


@dataclass
class Web:
    address: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)  # (path, Range)


@contextmanager
def running() -> Iterator[Web]:
    site = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            ranged = self.headers.get("Range")
            site.asked.append((self.path, ranged))
            page = site.pages.get(self.path)
            if page is None:
                self.send_error(404)
                return
            start = int(ranged.removeprefix("bytes=").rstrip("-")) if ranged and page.ranges else 0
            if start >= len(page.content):
                self.send_error(416)
                return
            body = page.content[start:]
            self.send_response(206 if start else page.status)
            self.send_header("Content-Type", page.kind)
            self.send_header("Content-Length", str(len(body)))
            if start:
                last = len(page.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(page.content)}")
            self.end_headers()
            if page.stop is not None and page.stop < len(body):
                self.wfile.write(body[: page.stop])
                self.close_connection = True
            else:
                self.wfile.write(body)

        def log_message(self, format: str, *values: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    site.address = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    thread.join()
    server.server_close()
