"""The program as a person runs it: in this process, which is fast, or in one of its own, as with `kill`."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from PIL import Image, ImageDraw


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The last line of stdout."""
        return json.loads(self.out.splitlines()[-1])

    @property
    def lines(self) -> list[str]:
        return [line for line in self.err.splitlines() if line.strip()]


@dataclass(frozen=True)
class Program:
    """`tongsu` with folders of its own, offline, in a given language."""

    folder: Path
    language: str = "en"
    online: bool = False

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def environment(self) -> dict[str, str]:
        own = {"TONGSU_RUNS": str(self.runs), "TONGSU_LANG": self.language, "OMP_NUM_THREADS": "1"}
        return own if self.online else {**own, "TONGSU_HOME": str(self.folder / "home"), "TONGSU_OFFLINE": "1"}

    def __call__(self, *words: object) -> Answer:
        from tongsu.cli.app import run

        out, err = io.StringIO(), io.StringIO()
        code: Any = None
        chance = torch.random.get_rng_state(), random.getstate()
        with (
            mock.patch.dict(os.environ, self.environment),
            mock.patch.object(sys, "argv", ["tongsu", *map(str, words)]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                run()
            except SystemExit as end:
                code = end.code
        torch.random.set_rng_state(chance[0])
        random.setstate(chance[1])
        torch.use_deterministic_algorithms(False)
        return Answer(code or 0, out.getvalue(), err.getvalue())

    def start(self, *words: object, **options: Any) -> subprocess.Popen[str]:
        """A process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "tongsu", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8", **self.environment},
            **options,
        )

    def alone(self, *words: object, **options: Any) -> Answer:
        process = self.start(*words, **options)
        out, err = process.communicate(timeout=120)
        return Answer(process.returncode, out, err)


def write_table(path: Path, rows: int = 60) -> Path:
    """Reviews in two languages, glad or sad, one word of each telling which."""
    glad = ("wonderful", "很好看", "great", "精彩")
    sad = ("dreadful", "很难看", "boring", "无聊")
    lines = ["review,mood"]
    for row in range(rows):
        words = glad if row % 2 else sad
        lines.append(f'"film {row}, so {words[row // 2 % 4]}",{"glad" if row % 2 else "sad"}')
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def write_pictures(folder: Path, count: int = 12) -> Path:
    """Discs, bars and crosses; of different sizes, some grey and some in colour."""
    for at in range(count):
        width, height = 40 + 3 * at, 52 - 2 * at
        for name in ("bar", "cross", "disc"):
            image = Image.new("RGB" if at % 2 else "L", (width, height), "white")
            draw = ImageDraw.Draw(image)
            box = (width // 5, height // 5, width - width // 5, height - height // 5)
            if name == "disc":
                draw.ellipse(box, fill="navy" if at % 2 else "black")
            else:
                draw.line((box[0], height // 2, box[2], height // 2), fill="black", width=8)
            if name == "cross":
                draw.line((width // 2, box[1], width // 2, box[3]), fill="black", width=8)
            (folder / name).mkdir(parents=True, exist_ok=True)
            image.save(folder / name / f"{at}.{'jpg' if at % 3 else 'png'}")
    return folder


@dataclass(frozen=True)
class World:
    """Four small runs, trained once for all tests of this folder: digits, glad (table), shapes (images), forger."""

    program: Program
    table: Path
    pictures: Path
    answers: dict[str, Answer]
