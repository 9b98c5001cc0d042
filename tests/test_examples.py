"""The scripts of `examples/` in their small form: real commands, a real server, real curl."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tongsu.cli.studio import PORT as STUDIO

EXAMPLES = Path(__file__).parents[1] / "examples"
SCRIPTS = sorted(EXAMPLES.glob("*/*.sh"))


@pytest.mark.parametrize(("language", "columns", "labels"), [
    ("en", ("review", "label"), {"good", "bad"}), ("zh", ("评论", "评价"), {"好评", "差评"}),
])  # fmt: skip
def test_the_tables_are_sound(language: str, columns: tuple[str, str], labels: set[str], tmp_path: Path,
                              monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path))
    path = EXAMPLES / language / "reviews.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 120 and {row[columns[1]] for row in rows} == labels
    from tongsu.check import check

    found = check(f"table:{path}?text={columns[0]}&label={columns[1]}")
    assert [finding.kind for finding in found.examination.findings] == []
    assert list(found.examination.facts["languages"])[0] == ("zh" if language == "zh" else "latin")


def photographs(folder: Path) -> Path:
    """Not photographs, but files as cameras name them: suns and moons."""
    chance = np.random.default_rng(0)
    for name, ink in (("moon", (230, 230, 240)), ("sun", (250, 210, 60))):
        (folder / name).mkdir(parents=True)
        for at in range(16):
            sky = tuple(int(v) + (120 if name == "sun" else 0) for v in chance.integers(0, 70, 3))
            image = Image.new("RGB", (96, 64), sky)
            x, y, r = (int(v) for v in (chance.integers(20, 76), chance.integers(18, 46), chance.integers(8, 16)))
            ImageDraw.Draw(image).ellipse((x - r, y - r, x + r, y + r), fill=ink)
            image.save(folder / name / f"IMG_{at:04}.JPG", format="JPEG")
    return folder


def test_a_script_takes_no_port_of_another_and_none_of_the_studio() -> None:
    ports = [int(re.findall(r"PORT:-(\d+)", script.read_text(encoding="utf-8"))[0]) for script in SCRIPTS]
    assert len({STUDIO, *ports}) == len(ports) + 1


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.skipif(not shutil.which("bash") or not shutil.which("curl"), reason="bash and curl are needed")
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_script_runs_to_its_end(script: Path, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = tmp_path / "bin" / "tongsu"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tongsu "$@"\n')
    program.chmod(0o755)
    environment = {
        **os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "SMALL": "1", "PORT": str(port), "NAME": "mine",
        "OUT": str(tmp_path / "out"), "TONGSU_RUNS": str(tmp_path / "runs"), "TONGSU_HOME": str(tmp_path / "home"),
        "TONGSU_OFFLINE": "1", "PYTHONIOENCODING": "utf-8", "no_proxy": "127.0.0.1",
    }  # fmt: skip
    given = [str(photographs(tmp_path / "photos"))] if script.stem == "photos" else []
    done = subprocess.run(["bash", str(script), *given], capture_output=True, text=True, encoding="utf-8",
                          env=environment, cwd=tmp_path, timeout=570)  # fmt: skip
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    (told,) = [answer for answer in answers if "predictions" in answer]
    assert len(told["predictions"]) == (1 if script.stem == "photos" else 2)
    out = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert {"look.png", "evaluation/confusion.png", "evaluation/calibration.png"} <= out
    assert any(name.endswith(".onnx") for name in out)
    assert (tmp_path / "runs" / "mine" / "card.md").is_file()
    with pytest.raises(OSError):  # the server is gone
        socket.create_connection(("127.0.0.1", port), timeout=1)
