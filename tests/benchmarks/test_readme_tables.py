"""The tables of speed and serving say what their files say, in both languages; and the picture is one."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import arithmetic
import pytest
from test_arithmetic import FAST, KERAS, run

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import serving_table
import speed_table


def measured() -> dict:
    plain = [run("pytorch", 0, (9, 0.93), (18, 0.949), flops=100), run("pytorch", 1, (9, 0.93), (18, 0.949), flops=100)]
    runs = [{**one, "flops": 3300} for one in KERAS] + plain + [{**one, "flops": 2500} for one in FAST]
    conditions = {"processor": "Some CPU", "threads": 2, "versions": {"torch": "2.13.0", "keras": "3.15.1"}}
    return {"made": "2026-01-02", "conditions": conditions, "peak": 1000.0, "runs": runs,
            "summary": arithmetic.summary(runs, {}, 1000.0)}  # fmt: skip


def test_the_row_of_a_net() -> None:
    english, chinese = speed_table.tables(measured(), "en"), speed_table.tables(measured(), "zh")
    # 33 s for the whole script, 18 s in brackets for who did not get there, 5 s for us: 6.6 times, 4.4 of its best.
    row = "| CNN | 95.00 % | 33.0 s | (18.0 s) | 5.0 s | **6.6×** (4.4×) | **3.6×** | 10%, 52% |"
    assert row in english.splitlines(), english
    row = "| CNN | 95.00% | 33.0 秒 | （18.0 秒） | 5.0 秒 | **6.6×**（4.4×） | **3.6×** | 10%、52% |"
    assert row in chinese.splitlines(), chinese
    assert "did not quite get there" in english and "projected" not in english
    assert len(english.splitlines()) == len(chinese.splitlines())
    assert speed_table.scripts(measured(), "en") == {"CNN": "33.0 s"}


def test_what_make_bench_ends_with(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    file, drawn = tmp_path / "speed.json", tmp_path / "speed.png"
    file.write_text(json.dumps(measured()))
    monkeypatch.setattr(sys, "argv", ["speed_table.py", str(file), "--language", "zh"])
    speed_table.main()
    assert capsys.readouterr().out.strip() == speed_table.tables(measured(), "zh", str(drawn)).strip()
    assert drawn.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_projection_is_marked(language: str) -> None:
    file = measured()
    short = run("keras", 0, net="gan", projected_seconds=2000.0, epochs_planned=10, flops=1)
    game = run("fast", 0, (100, 70.0), (200, 45.0), net="gan", flops=1)
    file["summary"] = arithmetic.summary([short, game], {"gan": 50.0}, 1000.0)
    text = speed_table.tables(file, language)
    assert "~2,000" in text and "**10.0×**" in text and "“~”" in text
    assert speed_table.scripts(file, language) == {"GAN": {"en": "~2,000 s", "zh": "~2,000 秒"}[language]}


def test_on_a_gpu_there_is_no_keras() -> None:
    file = measured()
    runs = [one for one in file["runs"] if one["system"] != "keras"]
    file["summary"] = arithmetic.summary(runs, {"cnn": 0.95}, 1000.0)
    file["conditions"]["device"] = "Some GPU"
    head, rule, row, *rest = speed_table.to_quality(file, "en").strip().splitlines()
    assert head.endswith("| PyTorch | Tongsu `fast` | against PyTorch | share of peak: PyTorch, `fast` |")
    assert row == "| CNN | 95.00 % | (18.0 s) | 5.0 s | **3.6×** | 0.56%, 52% |"
    assert any("Some GPU, 2 threads" in line for line in rest) and not any("Keras: " in line for line in rest)
    assert rule.count("|") == row.count("|") == head.count("|")


def served(languages: tuple[str, ...] = ("en", "zh")) -> list[str]:
    def row(mean: float, times: float) -> dict:
        return {"mean": mean, "spread": 12.3, "times_plain": times}

    rates = {"tongsu": 1000, "tongsu-onnx": 1600, "tongsu-onnx-2": 2000, "plain": 300, "plain-1": 500, "litserve": 400}
    rows = {system: row(rate, rate / 500) for system, rate in rates.items()}
    overload = {"clients": 256, "asked": 3000.4, "seconds": 600.0, "answers": 1_500_000,
                "good": 720_001, "statuses": [200, 429], "p99": 512.6,
                "deadline_ms": 1000, "memory_drift": -0.004}  # fmt: skip
    file = {"models": {"cnn": rows, "lstm": rows}, "limit_ms": 50.0, "rounds": 3, "made": "2026-01-02", "cores": 2,
            "versions": {"torch": "2.13.0"}, "overload": overload}  # fmt: skip
    return [serving_table.table(file, language) for language in languages]


def test_serving_shows_the_better_setting_of_each_server_and_the_overload() -> None:
    english, chinese = served()
    assert "| `tongsu serve last --backend onnx` | 1,600 ± 12 (3.2×) | 1,600 ± 12 (3.2×) |" in english
    assert "500 ± 12 (1.0×)" in english and "300" not in english  # one thread was faster
    assert "常见的写法 | 500 ± 12（1.0×）" in chinese
    assert all("3,000" in text and "2,500" in text for text in (english, chinese))  # wanted and reached
    assert all("720,001" in text and "200" in text and "429" in text and "-0.4%" in text for text in (english, chinese))
    assert len(english.splitlines()) == len(chinese.splitlines())
