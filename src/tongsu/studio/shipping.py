"""Runs that leave home: exports and servers, each a process of its own, begun here and found again by the next studio.

    runs/.shipping/NAME/export/    the channel of an export
    runs/.shipping/NAME/serving/   the channel of a server, which goes on until somebody stops it

A channel is that of `channel.py`. What was exported is read from the run's folder, whoever exported it.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from tongsu.errors import Problem
from tongsu.export import FORMATS
from tongsu.export.folder import DESCRIPTION
from tongsu.runs.store import Run
from tongsu.studio.channel import BUSY, Channel
from tongsu.studio.jobs import PATIENCE, Jobs, begin

FOLDER = ".shipping"  # inside the runs' folder; names that begin with a dot are no runs
HOST = "127.0.0.1"
What = Literal["export", "serving"]


@dataclass
class Shipping:
    jobs: Jobs
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def folder(self, run: Run) -> Path:
        return run.path.parent / FOLDER / run.name

    def channel(self, run: Run, what: What) -> Channel:
        return Channel(self.folder(run) / what)

    def export(self, run: Run, to: str, quantize: str | None = None) -> None:
        """Begin an export like `tongsu export`. Raises Problem for what is no export, or not at this moment."""
        if to not in FORMATS:
            raise Problem("export.unknown_format", format=to, known=", ".join(FORMATS))
        if quantize not in (None, "int8") or (quantize and to != "onnx"):
            raise Problem("export.unknown_quantization", asked=quantize)
        self.begin(run, "export", {"to": to, "quantize": quantize})

    def serve(self, run: Run, port: int = 0) -> None:
        """Begin `tongsu serve`, for this computer alone; port 0: any free one. Raises Problem."""
        if taken(port):
            raise Problem("studio.serve_port", port=port)
        self.begin(run, "serving", {"port": port})

    def begin(self, run: Run, what: What, request: dict[str, Any]) -> None:
        channel = self.channel(run, what)
        with self.lock:  # a second click
            if self.jobs.status(run) == "training" or not run.weights.exists():
                raise Problem("studio.not_finished", run=run.name)
            if channel.alive():
                raise Problem(f"studio.busy_{what}", run=run.name)
            begin(channel, "tongsu.studio.shipper", {"run": str(run.path.absolute()), **request}, self.children)

    def state(self, run: Run, what: What) -> dict[str, Any] | None:
        """What was asked for and how it stands; None: nothing was. `ready`: whether a server takes requests now."""
        channel = self.channel(run, what)
        alive = channel.alive()  # asked before the state that is shown, as Jobs.state does
        said = channel.state()
        if said is None or said.state == "stopped":
            return None
        try:
            asked = channel.request()
        except OSError:  # closed a moment ago
            return None
        state, error, told = said.state, said.error, said.result or {}
        if state in BUSY and not alive:
            problem = Problem("studio.ship_died", run=run.name, log=channel.log)
            state, error = "failed", {"kind": problem.kind, "message": problem.message, "hint": problem.hint}
        address = told.get("address") if state == "running" else None
        shown = {name: value for name, value in asked.items() if name in ("to", "quantize", "port")}
        more = {} if what == "export" else {"address": address, "ready": address is not None and answers(address)}
        return {"state": state, "error": error, **shown, **more}

    def stop(self, run: Run) -> bool:
        """Ask a server to end, as SIGTERM does: what it has accepted is answered. Whether it has ended yet."""
        channel = self.channel(run, "serving")
        said = channel.state()
        if said is None:
            raise Problem("studio.not_served", run=run.name)
        if channel.alive() and said.result:
            with suppress(ProcessLookupError):
                os.kill(said.result["pid"], signal.SIGTERM)
        end = time.monotonic() + PATIENCE
        while channel.alive() and time.monotonic() < end:
            time.sleep(0.02)
        with self.lock:
            if channel.alive():
                return False
            channel.close()
        return True

    def served(self) -> list[dict[str, Any]]:
        """The runs that have a server now, whichever studio began it."""
        root = self.jobs.store.root
        runs = [Run(root / path.parent.name) for path in sorted((root / FOLDER).glob("*/serving"))]
        states = [(run.name, self.state(run, "serving")) for run in runs]
        return [{"run": name, **state} for name, state in states if state and state["state"] in BUSY]

    def remove(self, run: Run) -> None:
        """Delete a run. Raises Problem while it is trained, exported or served."""
        with self.lock:
            for what in ("export", "serving"):
                if self.channel(run, what).alive():
                    raise Problem(f"studio.busy_{what}", run=run.name)
            self.jobs.remove(run)
            shutil.rmtree(self.folder(run), ignore_errors=True)


def exports(run: Run) -> list[dict[str, Any]]:
    """What stands in the run's `export` folder, as its descriptions say. `current`: of the weights it has now."""
    found = []
    for to in FORMATS:
        folder = run.path / "export" / to
        with suppress(OSError, ValueError, KeyError, TypeError):  # not there, not whole, or being replaced
            described = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
            found.append({
                "to": to,
                "folder": str(folder.absolute()),
                "files": {path.name: path.stat().st_size for path in sorted(folder.iterdir())},
                "check": described["check"],
                "quantized": described.get("quantized"),
                "current": (folder / DESCRIPTION).stat().st_mtime >= run.weights.stat().st_mtime,
            })  # fmt: skip
    return found


def taken(port: int) -> bool:
    """Whether another program has this port of this computer; 0 never is."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        if os.name != "nt":  # as the server itself will: a port whose last program has just ended is free
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind((HOST, port))
        except OSError:
            return True
    return False


def answers(address: str) -> bool:
    """Whether the server there says that it takes requests."""
    place = urlsplit(address)
    with closing(http.client.HTTPConnection(str(place.hostname), place.port, timeout=1.0)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
