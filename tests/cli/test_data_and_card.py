"""`tongsu data check`, `evaluate` and `card` as a person types them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from program import Program, World


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_look_at_data(language: str, world: World, tmp_path: Path) -> None:
    program = replace(world.program, language=language)
    for spec in (f"images:{world.pictures}", f"table:{world.table}?text=review&label=mood"):
        answer = program("data", "check", spec, "-o", tmp_path / "look.png", "--json")
        assert answer.code == 0, answer.err
        told = answer.json
        assert told["sound"] is True and sum(told["plan"]["split"].values()) <= told["examples"]
        assert all(finding["what"] and finding["remedy"] for finding in told["findings"])
        assert ("通俗会这样做" in answer.err) == (language == "zh")
        with Image.open(told["picture"]) as image:
            assert image.width > 1_000
        (tmp_path / "look.png").unlink()


def test_nothing_is_trained_and_nothing_written(world: World, program: Program) -> None:
    answer = program("data", "check", f"images:{world.pictures}", "size=16", "--json")
    assert answer.code == 0 and "size=16" in answer.json["plan"]["command"] and not program.runs.exists()


@pytest.mark.parametrize(
    ("spec", "kind"),
    [("images:nowhere", "folder-missing"), ("table:nowhere.csv?text=a&label=b", "file-missing"),
     ("mnits", "unknown-data"), ("images:here colour=red", "unknown-key")],
)  # fmt: skip
def test_nothing_to_look_at(spec: str, kind: str, program: Program) -> None:
    answer = program("data", "check", *spec.split(), "--json")
    assert answer.code == 2 and answer.json["error"]["kind"] == kind and answer.json["error"]["hint"]


def test_a_wrong_amount_of_memory(world: World, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_MEMORY", "plenty")
    answer = program("train", "mlp", "--preset", "quick", "--data", f"images:{world.pictures}", "--json")
    assert answer.code == 2 and answer.json["error"]["kind"] == "memory-limit" and not program.runs.exists()


@pytest.mark.parametrize("name", ["digits", "glad", "shapes"])
def test_evaluation_tells_and_draws(name: str, world: World, tmp_path: Path) -> None:
    answer = world.program("evaluate", name, "--split", "train", "-o", tmp_path / "out", "--json")
    told = answer.json
    assert answer.code == 0 and 0 <= told["calibration"]["expected_error"] <= 1
    assert sum(one["examples"] for one in told["calibration"]["bins"]) == told["examples"]
    assert {Path(path).name for path in told["pictures"]} >= {"confusion.png", "calibration.png"}
    assert all(Path(path).parent == tmp_path / "out" and Path(path).is_file() for path in told["pictures"])
    own = world.program("evaluate", name, "--json").json
    assert Path(own["pictures"][0]).parent == world.program.runs / name / "pictures" / "test"


def test_a_generator_has_no_classes(world: World) -> None:
    told = world.program("evaluate", "forger", "--json").json
    assert "calibration" not in told and "pictures" not in told


def test_the_card_in_the_other_language(world: World) -> None:
    for name in ("glad", "forger"):
        before = (world.program.runs / name / "card.md").read_text(encoding="utf-8")
        answer = replace(world.program, language="zh")("card", name, "--json")
        after = (world.program.runs / name / "card.md").read_text(encoding="utf-8")
        assert answer.code == 0 and answer.json["card"].endswith("card.md") and "模型" in after and before != after
        assert world.program("card", name).code == 0
        assert (world.program.runs / name / "card.md").read_text(encoding="utf-8") == before
