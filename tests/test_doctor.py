"""`tongsu doctor` examines the real machine, and says what to mend when something is made to be wrong."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from tongsu import doctor
from tongsu.cli.doctor import doctor as command
from tongsu.doctor import Finding, examine
from tongsu.locale import LANGUAGES, set_language


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path / "runs"))
    for name in doctor.OFFLINE:
        monkeypatch.delenv(name, raising=False)
    set_language("en")
    yield
    set_language(None)


def findings(*, network: bool = False) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(network=network)}


def test_what_is_found_is_true(tmp_path: Path) -> None:
    found = findings()
    assert found["torch"].value == torch.__version__ and found["torch"].ok
    assert found["python"].ok and found["font"].ok
    assert found["cores"].value.endswith(str(torch.get_num_threads()))
    assert 0.1 < float(found["speed"].value.split()[0]) < 1e6
    assert str(tmp_path / "cache") in found["cache"].value and str(tmp_path / "runs") in found["runs"].value
    assert not (tmp_path / "cache").exists() and not (tmp_path / "runs").exists()  # looking leaves no traces
    assert "index" not in found


def test_the_cache_is_weighed(tmp_path: Path) -> None:
    assert findings()["data"].ok is None
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "mnist").write_bytes(b"x" * 1500)
    assert findings()["data"].value == "1 files, 1.5 KB"


def test_a_folder_where_nothing_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_RUNS", "/proc/runs")
    found = findings()["runs"]
    assert found.ok is False and "TONGSU_RUNS" in found.advice


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_small_disk(tmp_path: Path) -> None:
    disk = tmp_path / "runs"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no mounting here")
    try:
        found = findings()["runs"]
        assert found.ok is False and "Less than 2 GB" in found.advice
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_offline_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert findings()["offline"].value == "no"
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("TONGSU_OFFLINE", "0")
    found = findings()["offline"]
    assert found.value == "HF_HUB_OFFLINE" and found.advice


class Index(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/simple/pip/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Index) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running.server_port
        running.shutdown()
        thread.join()


def test_the_package_index_is_asked(server: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://me:secret@127.0.0.1:{server}/simple")
    found = findings(network=True)["index"]
    assert found.ok and found.value == f"http://127.0.0.1:{server}/simple"
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server}/elsewhere")
    found = findings(network=True)["index"]
    assert found.ok is False and "index-url" in found.advice


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_command(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_language(language)
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["--json"])
    answer = json.loads(result.stdout)
    assert result.exit_code == (0 if answer["ok"] else 1)
    assert {"name", "value", "ok", "advice"} == set(answer["findings"][0])
    assert ("计算设备" if language == "zh" else "device") in result.stderr
    monkeypatch.setenv("TONGSU_RUNS", "/proc/runs")
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 1 and "✗" in result.stderr and "→" in result.stderr
