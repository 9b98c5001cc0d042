"""How quickly does the studio answer, and what does watching cost? The real program, asked over loopback.

    python benchmarks/studio.py

Three figures that a person feels: a drawn stroke until its prediction and all activations are there; pictures a second
while the time machine is drawn over the frames of a film (each frame one request, at first from disk, then at hand);
and the speed of a training with two pages that watch, against nobody, in turns. A browser's own work is not in it.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import datetime
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import requests
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

RESULTS = Path(__file__).parent / "results" / "studio.json"
STROKES, ROUNDS = 100, 3
CHAPTERS = {"mlp": ("activations", "first-weights"), "cnn": ("activations", "first-weights")}
CHANGES = {"mlp": {"epochs": 2}, "cnn": {"epochs": 1}}


class Page:
    """One browser, as far as the wire can tell."""

    def __init__(self, address: str) -> None:
        self.origin = address.partition("/?")[0]
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.get(address, allow_redirects=False).raise_for_status()
        self.http.headers["Origin"] = self.origin

    def __call__(self, method: str, path: str, asked: Any = None) -> Any:
        answer = self.http.request(method, f"{self.origin}/api/{path}", json=asked)
        assert answer.ok, answer.text
        return answer.json()

    def watch(self, run: str, stop: Callable[[dict[str, Any]], bool]) -> None:
        """Listen to a training until a message is as wanted."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.http.cookies.items())
        address = f"ws{self.origin.removeprefix('http')}/api/runs/{run}/live"
        with (
            contextlib.suppress(ConnectionClosed),
            connect(address, additional_headers={"Cookie": cookie}, origin=self.origin, proxy=None) as socket,  # type: ignore[arg-type]
        ):
            while not stop(json.loads(socket.recv())):
                pass


@contextlib.contextmanager
def studio(folder: Path) -> Iterator[Page]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tongsu", "studio", "--port", "0", "--no-browser", "--json"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True, env={**os.environ, "TONGSU_RUNS": str(folder)},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield Page(json.loads(process.stdout.readline())["address"])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def over(message: dict[str, Any]) -> bool:
    state = message.get("state") or {}
    assert state.get("state") != "failed", state
    return state.get("state") == "finished"


def train(page: Page, chapter: str, changes: dict[str, Any]) -> str:
    wish = {"chapter": chapter, "preset": "fast", "data": "mnist", "changes": changes}
    run = page("POST", "trainings", wish)["run"]
    page.watch(run, over)
    return run


def stroke(seed: int) -> dict[str, Any]:
    """A line somebody draws: 280 x 280 pixels, never the same twice."""
    rng = np.random.default_rng(seed)
    canvas = np.zeros((280, 280), np.uint8)
    x, y = 140.0, 60.0
    for _ in range(160):
        canvas[int(y) : int(y) + 22, int(x) : int(x) + 22] = 255
        x, y = np.clip(x + rng.normal(0, 4), 30, 230), np.clip(y + 1, 20, 240)
    return {"kind": "pixels", "shape": [280, 280], "data": base64.b64encode(canvas.tobytes()).decode()}


def milliseconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def strokes(page: Page, run: str) -> dict[str, Any]:
    def both(seed: int) -> None:
        drawn = stroke(seed)
        taken.append(milliseconds(lambda: page("POST", f"runs/{run}/predict", {"input": drawn})))
        taken[-1] += milliseconds(
            lambda: page("POST", f"runs/{run}/views/activations", {"input": drawn, "parameters": {}})
        )  # fmt: skip

    taken: list[float] = []
    for seed in range(STROKES + 5):
        both(seed)
    kept = sorted(taken[5:])
    p50, p95 = statistics.median(kept), kept[int(0.95 * STROKES)]
    return {"count": STROKES, "p50_ms": round(p50, 1), "p95_ms": round(p95, 1)}


def film(page: Page, run: str, view: str) -> dict[str, float]:
    frames = page("GET", f"runs/{run}")["frames"]
    drawn = stroke(0) if view == "activations" else None

    def through() -> float:
        began = time.perf_counter()
        for frame in frames:
            page("POST", f"runs/{run}/views/{view}", {"frame": frame, "input": drawn, "parameters": {}})
        return round(len(frames) / (time.perf_counter() - began), 1)

    first, again = through(), statistics.median(through() for _ in range(3))
    return {"frames": len(frames), "first_per_second": first, "again_per_second": again}


def watching(page: Page) -> dict[str, Any]:
    """Seconds of one and the same training with two pages that watch it, and with nobody who does, in turns."""
    seconds: dict[str, list[float]] = {"alone": [], "watched": []}
    for _ in range(ROUNDS):
        for how in seconds:
            wish = {"chapter": "mlp", "preset": "fast", "data": "mnist", "changes": {"epochs": 6}}
            run = page("POST", "trainings", wish)["run"]
            if how == "watched":
                pages = [threading.Thread(target=page.watch, args=(run, over)) for _ in range(2)]
                for one in pages:
                    one.start()
                for one in pages:
                    one.join()
            else:
                while (page("GET", f"runs/{run}")["state"] or {}).get("state") != "finished":
                    time.sleep(2)
            seconds[how].append(page("GET", f"runs/{run}")["seconds"])
    middle = {how: statistics.median(values) for how, values in seconds.items()}
    cost = middle["watched"] / middle["alone"] - 1
    return {"seconds": seconds, "cost_percent": round(100 * cost, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--busy", action="store_true", help="other work ran beside it: say so in the result")
    given = parser.parse_args()
    answer: dict[str, Any] = {"chapters": {}}
    with tempfile.TemporaryDirectory() as folder, studio(Path(folder)) as page:
        for chapter, views in CHAPTERS.items():
            run = train(page, chapter, CHANGES[chapter])
            answer["chapters"][chapter] = {
                "stroke": strokes(page, run), "time_machine": {view: film(page, run, view) for view in views}
            }  # fmt: skip
        answer["watching"] = watching(page)
    answer["made"] = {
        "date": datetime.date.today().isoformat(), "processors": os.cpu_count(), "machine": platform.machine(),
        "python": platform.python_version(), "beside_other_work": given.busy,
        **{name: version(name) for name in ("torch", "fastapi", "uvicorn")},
    }  # fmt: skip
    given.out.write_text(json.dumps(answer, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
