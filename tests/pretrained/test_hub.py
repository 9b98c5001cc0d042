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
from tongsu.pretrained.asking import DISTILBERT

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PATH = "/timm/resnet18.tv_in1k/resolve/main/model.safetensors"


@contextmanager
def hub(files: dict[str, bytes], promised: str = "") -> Iterator[tuple[str, list[str]]]:
    """It answers HEAD with the commit and the sha256 (or what is `promised`), as hubs do, and GET with the file."""
    asked: list[str] = []

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def head(self) -> bool:
            asked.append(f"{self.command} {self.path}")
            content = files.get(self.path.replace(f"/{COMMIT}/", "/main/"))
            self.send_response(404 if content is None else 200)
            self.send_header("X-Repo-Commit", COMMIT)
            if content is None:
                self.send_header("X-Error-Code", "EntryNotFound")
            else:
                self.send_header("ETag", f'"{promised or hashlib.sha256(content).hexdigest()}"')
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.content = content or b""
            return content is not None

        def do_HEAD(self) -> None:
            self.head()

        def do_GET(self) -> None:
            if self.head():
                self.wfile.write(self.content)

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
    with hub({PATH: content}) as (endpoint, asked):
        code, answer = tongsu(tmp_path, endpoint, "pretrained", "get", "resnet18")
        assert code == 0 and Path(answer["files"][0]).read_bytes() == content
        assert any(line.startswith("GET") for line in asked)
    code, answer = tongsu(tmp_path, "http://127.0.0.1:9", "pretrained", "get", "resnet18", "--offline")
    assert code == 0 and Path(answer["files"][0]).is_file()


def test_wrong_bytes_are_deleted(content: bytes, tmp_path: Path) -> None:
    flipped = bytes([content[-1] ^ 1])
    with hub({PATH: content[:-1] + flipped}, hashlib.sha256(content).hexdigest()) as (endpoint, _):
        code, answer = tongsu(tmp_path, endpoint, "pretrained", "get", "resnet18")
    assert code == 1 and answer["error"]["kind"] == "hub-bytes"
    assert not [file for file in (tmp_path / "hf").rglob("*") if file.is_file() and file.stat().st_size == len(content)]


@pytest.mark.long  # the hub's client tries again a few times
def test_nobody_there_and_not_allowed(tmp_path: Path) -> None:
    code, answer = tongsu(tmp_path, "http://127.0.0.1:9", "pretrained", "get", "resnet18")
    assert code == 1 and answer["error"]["kind"] == "hub" and "127.0.0.1:9" in answer["error"]["message"]
    code, answer = tongsu(tmp_path, "http://127.0.0.1:9", "pretrained", "get", "resnet18", TONGSU_OFFLINE="1")
    assert code == 2 and answer["error"]["kind"] == "hub-offline"


def distilbert(folder: Path) -> dict[str, bytes]:
    """A very small DistilBERT with the hub's name, in the hub's files."""
    from transformers import DistilBertConfig, DistilBertForSequenceClassification

    torch.manual_seed(0)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]
    config = DistilBertConfig(
        vocab_size=len(words), dim=16, n_layers=1, n_heads=2, hidden_dim=16, max_position_embeddings=32,
        id2label={0: "NEGATIVE", 1: "POSITIVE"}, label2id={"NEGATIVE": 0, "POSITIVE": 1},
    )  # fmt: skip
    model = DistilBertForSequenceClassification(config)
    with torch.no_grad():
        model.classifier.weight.mul_(50)
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "DistilBertTokenizer", "do_lower_case": true}')
    return {f"/{DISTILBERT}/resolve/main/{file.name}": file.read_bytes() for file in folder.iterdir()}


@pytest.mark.long
def test_distilbert_answers_where_the_hub_is_reached_and_later_by_itself(tmp_path: Path) -> None:
    """Asked for by name it comes from the hub; from then on `sentiment` prefers it, also without a network."""
    (tmp_path / "made").mkdir()
    with hub(distilbert(tmp_path / "made")) as (endpoint, _):
        code, answer = tongsu(tmp_path, endpoint, "predict", "sentiment-hub", "good film")
    assert code == 0 and answer["answered_by"] == [DISTILBERT]
    (first,) = answer["predictions"]
    assert set(first["probabilities"]) == {"negative", "positive"}
    assert sum(first["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    words = ("predict", "sentiment", "good film", "这是一个不错的服务")
    code, answer = tongsu(tmp_path, "http://127.0.0.1:9", *words, TONGSU_OFFLINE="1")
    assert code == 0 and answer["answered_by"][0] == DISTILBERT and answer["answered_by"][1].endswith("sentiment-zh")
    assert answer["predictions"][0] == first and answer["predictions"][1]["label"] == "positive"


def test_distilbert_cannot_be_had(tmp_path: Path) -> None:
    code, answer = tongsu(tmp_path, "http://127.0.0.1:9", "predict", "sentiment-hub", "good", TONGSU_OFFLINE="1")
    assert code == 2 and answer["error"]["kind"] == "hub-offline"
