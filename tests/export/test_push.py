"""`push` against a server on this machine that speaks the hub's protocol, and what it received."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from small_runs import Make

from tongsu.errors import Failure
from tongsu.export.folder import import_folder
from tongsu.export.hub import push
from tongsu.learned import Learned
from tongsu.predict import predict
from tongsu.runs.store import RunStore

# The hub's client uses its own HTTP library in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
TOKEN = "hf_" + "a" * 34


@dataclass
class Hub:
    """What the server holds. Names ending in .safetensors go the way of large files (LFS), as on the real hub."""

    address: str = ""
    private: dict[str, bool] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def say(self, value: Any, status: int = 200) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def do_GET(self) -> None:
            if self.path.startswith("/api/models/me/"):
                self.say({"id": "me/reviews", "sha": "0" * 40, "siblings": [], "private": True, "tags": []})
            else:
                self.say({"error": "nothing here"}, 404)

        def do_PUT(self) -> None:
            oid, data = self.path.rpartition("/")[2], self.body()
            good = hashlib.sha256(data).hexdigest() == oid
            if good:
                hub.objects[oid] = data
            self.say({}, 200 if good else 400)

        def do_POST(self) -> None:
            body = self.body()
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self.say({"error": "Invalid credentials"}, 401)
            elif self.path == "/api/repos/create":
                told = json.loads(body)
                name = f"{told.get('organization') or 'me'}/{told['name']}"
                hub.private[name] = told.get("private", told.get("visibility") == "private")
                self.say({"url": f"{hub.address}/{name}", "name": name, "id": name})
            elif self.path == "/api/validate-yaml":  # the card's head
                good = json.loads(body)["content"].startswith("---\nlibrary_name: tongsu")
                self.say({"errors": [] if good else [{"message": "no head"}], "warnings": []}, 200 if good else 400)
            elif "/preupload/" in self.path:
                asked = json.loads(body)["files"]
                self.say({"files": [{"path": one["path"], "shouldIgnore": False, "oid": None,
                          "uploadMode": "lfs" if one["path"].endswith(".safetensors") else "regular"}
                         for one in asked]})  # fmt: skip
            elif self.path.endswith("/info/lfs/objects/batch"):
                asked = json.loads(body)["objects"]
                objects = [{**one, "actions": {"upload": {"href": f"{hub.address}/lfs/{one['oid']}", "header": {}}}}
                           for one in asked]  # fmt: skip
                self.say({"transfer": "basic", "objects": objects})
            elif "/commit/" in self.path:
                for line in body.splitlines():
                    told = json.loads(line)
                    value = told["value"]
                    if told["key"] == "file":
                        hub.files[value["path"]] = base64.b64decode(value["content"])
                    elif told["key"] == "lfsFile":
                        hub.files[value["path"]] = hub.objects[value["oid"]]
                self.say({"commitUrl": f"{hub.address}/me/reviews/commit/abc", "commitOid": "c" * 40,
                          "pullRequestUrl": None, "success": True})  # fmt: skip
            else:
                self.say({"error": self.path}, 404)

    return Handler


@pytest.fixture
def hub() -> Iterator[Hub]:
    found = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(found))
    found.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()


@pytest.fixture
def learned(make: Make, reviews: str) -> Learned:
    return make("rnn", reviews, "embedding=6", "hidden=5", "cell=lstm")


def test_what_arrives_is_a_model_that_answers_alike(learned: Learned, hub: Hub, tmp_path: Path) -> None:
    answer = push(learned, "me/reviews", hub.address, TOKEN)
    assert answer["commit"] == "c" * 40 and hub.private == {"me/reviews": True}
    assert set(hub.files) >= {"model.safetensors", "config.json", "README.md", "tongsu.json"}
    assert hub.files["model.safetensors"] in hub.objects.values()  # by way of LFS
    for name, data in hub.files.items():
        (tmp_path / "down").mkdir(exist_ok=True)
        (tmp_path / "down" / name).write_bytes(data)
    again = Learned.load(import_folder(tmp_path / "down", RunStore(tmp_path / "runs")))
    texts = ["a lovely film"]
    assert predict(again, texts)[0].probabilities == predict(learned, texts)[0].probabilities


@pytest.mark.parametrize("what", ["token", "name", "address"])
def test_what_goes_wrong_is_said(what: str, learned: Learned, hub: Hub) -> None:
    token = "hf_" + "b" * 34 if what == "token" else TOKEN
    repo = "me/re views" if what == "name" else "me/reviews"
    address = "http://127.0.0.1:9" if what == "address" else hub.address
    with pytest.raises(Failure) as error:
        push(learned, repo, address, token)
    assert error.value.kind == "not-pushed" and address in error.value.message and hub.files == {}
