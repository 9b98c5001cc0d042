"""A file from a hub: a real server on this machine that speaks the hub's protocol, reached through HF_ENDPOINT."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from tongsu.models import ResNet

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PATH = "/timm/resnet18.tv_in1k/resolve/main/model.safetensors"


@contextmanager
def hub(content: bytes, promised: str) -> Iterator[tuple[str, list[str]]]:
    """It answers HEAD with the commit and the sha256, as hubs do, and GET with `content`."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def head(self) -> bool:
            asked.append(f"{self.command} {self.path}")
            found = self.path == PATH or self.path == PATH.replace("/main/", f"/{COMMIT}/")
            self.send_response(200 if found else 404)
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("ETag", f'"{promised}"')
            self.send_header("Content-Length", str(len(content)) if found else "0")
            self.end_headers()
            return found

        def do_HEAD(self) -> None:
            self.head()

        def do_GET(self) -> None:
            if self.head():
                self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def content() -> bytes:
    torch.manual_seed(0)
    return save({name: value.contiguous() for name, value in ResNet().state_dict().items()})


def tongsu(tmp_path: Path, endpoint: str, *words: str, **more: str) -> tuple[int, dict[str, object]]:
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    env = clean | {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "TONGSU_HOME": str(tmp_path / "home"),
                   "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "TONGSU_LANG": "en"} | more  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "tongsu", *words, "--json"], capture_output=True, encoding="utf-8", env=env, timeout=100
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


def test_fetched_once_verified_and_then_there_without_network(content: bytes, tmp_path: Path) -> None:
    with hub(content, hashlib.sha256(content).hexdigest()) as (endpoint, asked):
        code, answer = tongsu(tmp_path, endpoint, "pretrained", "get", "resnet18")
        assert code == 0 and Path(answer["files"][0]).read_bytes() == content
        assert any(line.startswith("GET") for line in asked)
    code, answer = tongsu(tmp_path, "http://127.0.0.1:9", "pretrained", "get", "resnet18", "--offline")
    assert code == 0 and Path(answer["files"][0]).is_file()


def test_wrong_bytes_are_deleted(content: bytes, tmp_path: Path) -> None:
    flipped = bytes([content[-1] ^ 1])
    with hub(content[:-1] + flipped, hashlib.sha256(content).hexdigest()) as (endpoint, _):
        code, answer = tongsu(tmp_path, endpoint, "pretrained", "get", "resnet18")
    assert code == 1 and answer["error"]["kind"] == "hub-bytes"
    assert not [file for file in (tmp_path / "hf").rglob("*") if file.is_file() and file.stat().st_size == len(content)]


@pytest.mark.long  # the hub's client tries again a few times
def test_nobody_there_and_not_allowed(tmp_path: Path) -> None:
    code, answer = tongsu(tmp_path, "http://127.0.0.1:9", "pretrained", "get", "resnet18")
    assert code == 1 and answer["error"]["kind"] == "hub" and "127.0.0.1:9" in answer["error"]["message"]
    code, answer = tongsu(tmp_path, "http://127.0.0.1:9", "pretrained", "get", "resnet18", TONGSU_OFFLINE="1")
    assert code == 2 and answer["error"]["kind"] == "hub-offline"
