"""Real servers: `tongsu serve` in a process of its own, with models that were trained for a few seconds."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import Server, Start

from tongsu.learned import Learned
from tongsu.runs.store import RunStore
from tongsu.session import prepare

GOOD = ("wonderful", "lovely", "charming", "great")
BAD = ("dull", "awful", "boring", "clumsy")
REST = ("film", "story", "music", "actors", "camera", "ending", "plot", "scenes")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Runs called digits, reviews (its texts may be padded freely) and moons."""
    folder = tmp_path_factory.mktemp("serving")
    chance = random.Random(0)
    lines = ["review,mood"]
    for number in range(160):
        words = [chance.choice(REST) for _ in range(chance.randint(2, 9))]
        words[number % len(words)] = chance.choice(BAD if number % 2 else GOOD)
        lines.append(f"the {' '.join(words)} number {number},{'bad' if number % 2 else 'good'}")
    (folder / "reviews.csv").write_text("\n".join(lines), encoding="utf-8")
    store = RunStore(folder / "runs")
    table = f"table:{folder / 'reviews.csv'}?text=review&label=mood"
    small = ["frames=0", "lr=0.02", "epochs=3"]
    for name, chapter, data, changes in (
        ("digits", "mlp", "digits", ["examples=600", "batch_size=16", *small]),
        ("reviews", "rnn", table, ["cell=lstm", "padding=skip", "embedding=8", "hidden=8", *small]),
        ("moons", "mlp", "moons", ["hidden=16", *small]),
    ):
        list(prepare(chapter, "quick", data, changes, store=store, name=name).events("cpu"))
    return store


@pytest.fixture(scope="session")
def learned(store: RunStore) -> dict[str, Learned]:
    return {name: Learned.load(store.find(name)) for name in ("digits", "reviews", "moons")}


@pytest.fixture(scope="session")
def start(store: RunStore) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def serving(*words: str, env: dict[str, str] | None = None) -> Server:
        command = [sys.executable, "-m", "tongsu", "serve", "--port", "0", *words, "--json"]
        around = {**os.environ, "TONGSU_RUNS": str(store.root), "TONGSU_LANG": "en", **(env or {})}
        process = subprocess.Popen(command, env=around, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        told = json.loads(process.stdout.readline() or "{}")
        assert "address" in told, told or process.communicate()[1]
        return Server(process, told["address"], told["workers"])

    yield serving
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in started:
        try:
            process.communicate(timeout=20)
        finally:
            process.kill()


@pytest.fixture(scope="session")
def server(start: Start) -> Server:
    return start("digits", "reviews", "moons")


@pytest.fixture
def pictures(learned: dict[str, Learned], tmp_path: Path) -> list[bytes]:
    """Twelve digits of the toy set as PNG files."""
    import io

    from PIL import Image

    from tongsu.evaluate import split_of

    found = []
    for pixels in split_of(learned["digits"], "test").inputs[:12, 0]:
        file = io.BytesIO()
        Image.fromarray(pixels.numpy()).save(file, "PNG")
        found.append(file.getvalue())
    return found
