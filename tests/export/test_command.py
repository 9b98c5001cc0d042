"""`tongsu export` and `tongsu import` as a person types them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from small_runs import Make


def tongsu(runs: Path, *words: str | Path) -> tuple[int, dict[str, object], str]:
    import os

    around = {**os.environ, "TONGSU_RUNS": str(runs), "TONGSU_LANG": "zh"}
    command = [sys.executable, "-X", "utf8", "-m", "tongsu", *map(str, words), "--json"]
    done = subprocess.run(command, env=around, capture_output=True, encoding="utf-8")
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_there_and_back(make: Make, tmp_path: Path) -> None:
    learned = make("mlp", "moons", "hidden=8")
    runs, name = learned.run.path.parent, learned.run.name
    code, answer, said = tongsu(runs, "export", name, "--quantize", "int8")
    assert code == 0 and "已导出" in said and "8 位量化" in said
    assert Path(str(answer["folder"])) == learned.run.path / "export" / "onnx"
    assert set(answer["files"]) == {"model.onnx", "model.int8.onnx", "tongsu.json"}  # type: ignore[arg-type]
    code, answer, _ = tongsu(runs, "export", name, "--to", "hf", "-o", tmp_path / "out")
    assert code == 0 and "README.md" in answer["files"]  # type: ignore[operator]
    code, answer, said = tongsu(tmp_path / "elsewhere", "import", tmp_path / "out", "--name", "again")
    assert code == 0 and "again" in said and answer["run"] == str(tmp_path / "elsewhere" / "again")
    asked = [tongsu(folder, "predict", run, "0.5,0.2")[1]["predictions"]
             for folder, run in ((runs, name), (tmp_path / "elsewhere", "again"))]  # fmt: skip
    assert asked[0] == asked[1]


def test_what_cannot_be_exported_is_said_in_one_line(make: Make, tmp_path: Path) -> None:
    learned = make("mlp", "moons", "hidden=8")
    code, answer, said = tongsu(learned.run.path.parent, "export", learned.run.name, "--to", "pickle")
    assert code == 2 and answer["error"]["kind"] == "unknown-format" and "Traceback" not in said  # type: ignore[index]
    code, answer, _ = tongsu(tmp_path, "import", tmp_path)
    assert code == 2 and answer["error"]["kind"] == "not-ours"  # type: ignore[index]


@pytest.mark.data
@pytest.mark.long
def test_a_net_that_learned_mnist_keeps_its_accuracy_in_eight_bits(tmp_path: Path) -> None:
    words = ["cnn", "filters=8,16", "dense=32", "frames=0", "--preset", "quick", "--name", "net"]
    code, answer, said = tongsu(tmp_path, "train", *words)
    assert code == 0, said
    accuracy = answer["metrics"]["test_accuracy"]  # type: ignore[index]
    code, answer, said = tongsu(tmp_path, "export", "net", "--quantize", "int8")
    assert code == 0, said
    small = answer["quantized"]
    assert small["examples"] == 10_000 and small["accuracy_before"] == pytest.approx(accuracy, abs=5e-4)  # type: ignore[index]
    assert accuracy > 0.95 and abs(small["cost"]) < 0.01  # type: ignore[index]
