"""A studio as a person has it: the real program in a process of its own, and somebody who speaks to it over HTTP."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

PATIENT = 60.0  # seconds after which something that should have happened has not


@dataclass
class Page:
    """What a browser does: follows the start address once, keeps the cookie, sends its Origin."""

    address: str
    http: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.http.trust_env = False  # no proxy of this machine stands between
        assert self.http.get(self.address, headers={"Accept-Language": "en"}, allow_redirects=False).status_code == 303
        self.http.headers["Origin"] = self.origin

    @property
    def origin(self) -> str:
        return self.address.partition("/?")[0]

    @cached_property
    def runs(self) -> Path:
        return Path(self.get("studio")["runs_dir"])

    def __call__(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        options.setdefault("headers", {"Accept-Language": "en"})
        answer = self.http.request(method, f"{self.origin}/api/{path}", timeout=PATIENT, **options)
        return answer.status_code, answer.json()

    def get(self, path: str) -> Any:
        status, answer = self("GET", path)
        assert status == 200, answer
        return answer

    def post(self, path: str, asked: Any = None, status: int = 200) -> Any:
        found, answer = self("POST", path, json=asked or {})
        assert found == status, answer
        return answer

    def command(self, run: str, do: str, **values: Any) -> dict[str, Any]:
        return self.post(f"runs/{run}/commands", {"do": do, **values})["state"]

    def state(self, run: str) -> dict[str, Any]:
        for training in self.get("trainings")["trainings"]:
            if training["run"] == run:
                return training["state"]
        return self.get(f"runs/{run}")["state"]

    def until(self, run: str, right: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The state of a training as soon as it is as wanted."""
        with self.live(run) as socket:
            last = hear(socket, lambda message: message["kind"] == "state" and right(message["state"]))[-1]
        return last["state"]

    def over(self, run: str) -> dict[str, Any]:
        return self.until(run, lambda state: not state["alive"])

    def reached(self, run: str, step: int) -> int:
        """Where a training is, once it has come so far."""
        with self.live(run) as socket:
            far = hear(socket, lambda message: any(event["step"] >= step for event in message.get("events", [])))[-1]
        return max(event["step"] for event in far["events"])

    @contextmanager
    def live(self, run: str, after: int = 0) -> Iterator[ClientConnection]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        address = f"ws{self.origin.removeprefix('http')}/api/runs/{run}/live?after={after}&lang=en"
        with connect(address, additional_headers={"Cookie": cookie}, origin=self.origin, proxy=None) as socket:  # type: ignore[arg-type]
            yield socket


@dataclass
class Studio:
    """`tongsu studio` with folders of its own; it can be killed and started again."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    address: str = ""

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def surroundings(self) -> dict[str, str]:
        own = {"TONGSU_RUNS": str(self.runs), "TONGSU_HOME": str(self.folder / "home"), "TONGSU_LANG": "en"}
        return {**os.environ, **own, "TONGSU_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    def start(self, port: int = 0) -> Page:
        with (self.folder / "stderr.txt").open("a") as told:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tongsu", "studio", "--port", str(port), "--no-browser", "--json"],
                stdout=subprocess.PIPE, stderr=told, text=True, env=self.surroundings, cwd=self.folder,
            )  # fmt: skip
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said, (self.folder / "stderr.txt").read_text()
        self.address = json.loads(said)["address"]
        return Page(self.address)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None and self.process.stdout is not None
        self.process.send_signal(how)
        with self.process.stdout:
            return self.process.wait(PATIENT)

    def close(self) -> None:
        """Nothing of ours goes on: neither the studio nor a training, an export or a server."""
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)
        for pid in [*workers(self.runs), *shippers(self.runs)]:
            os.kill(pid, signal.SIGKILL)


def workers(runs: Path, run: str = "") -> list[int]:
    """The processes that train in this folder, or this run of it."""
    return processes("worker", f"{runs.absolute()}/.studio/{run}", whole=bool(run))


def shippers(runs: Path) -> list[int]:
    """The processes that export or serve runs of this folder."""
    return processes("shipper", f"{runs.absolute()}/.shipping/", whole=False)


def processes(module: str, folder: str, whole: bool) -> list[int]:
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    words = [line.split() for line in listed.splitlines() if f"-m tongsu.studio.{module} " in line]
    return [int(line[0]) for line in words if line[-1] == folder or (not whole and line[-1].startswith(folder))]


def hear(socket: ClientConnection, right: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """All messages up to the first that is as wanted."""
    heard: list[dict[str, Any]] = []
    while not heard or not right(heard[-1]):
        heard.append(json.loads(socket.recv(timeout=PATIENT)))
        state = heard[-1].get("state") or {}
        assert state.get("state") != "failed" or right(heard[-1]), state
    return heard
