"""`tongsu studio` as a command: its one line for programs, a taken port, and how it ends."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys

import pytest
from client import Studio


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_taken_port_is_said_in_one_line(studio: Studio, lang: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "tongsu", "studio", "--port", str(port), "--no-browser", "--json", "--lang", lang],
            capture_output=True, text=True, env=studio.surroundings, cwd=studio.folder,
        )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["kind"] == "port-taken" and str(port) in error["message"]
    assert any("\u4e00" <= letter <= "\u9fff" for letter in error["message"]) == (lang == "zh")


@pytest.mark.parametrize(("how", "codes"), [(signal.SIGINT, (130,)), (signal.SIGTERM, (143, -signal.SIGTERM))])
def test_it_ends_when_it_is_asked_to(studio: Studio, how: signal.Signals, codes: tuple[int, ...]) -> None:
    page = studio.start()
    assert page.get("studio")["runs_dir"] == str(studio.runs)
    assert studio.end(how) in codes
    assert "Traceback" not in (studio.folder / "stderr.txt").read_text()
