"""Small trained runs and the commands of the terminal: what the studio shows is compared with what they say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from client import Studio

from tongsu import session
from tongsu.runs.store import RunStore

FEW = ["examples=400", "batch_size=16", "epochs=3", "lr=0.02", "frames=2"]
FORGER = ["examples=100", "width=4", "epochs=1", "samples=20", "frames=2"]


def train(runs: Path, name: str, chapter: str, data: str, changes: list[str]) -> None:
    made = session.prepare(chapter, "quick", data, changes, store=RunStore(runs), name=name)
    for _ in made.events(device="cpu"):
        pass


def command(studio: Studio, *words: str | Path) -> tuple[dict[str, Any], str]:
    """`tongsu ...` in the studio's surroundings: its JSON, and what it says to a person."""
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "tongsu", *map(str, words), "--json"],
        env={**studio.surroundings, "COLUMNS": "400"}, capture_output=True, encoding="utf-8", cwd=studio.folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1]), done.stderr
