"""`tongsu train` from the first word to the last, and what one does with the run afterwards."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from program import Answer, Program, World
from safetensors.torch import load_file


def fields(answer: Answer) -> dict[str, Any]:
    assert answer.code == 0, answer.err
    return answer.json


# Training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "chapter", "model", "parameters"),
    [("digits", "mlp", "mlp", 109_386), ("glad", "rnn", "rnn", None), ("shapes", "cnn", "cnn", None),
     ("forger", "gan", "gan", None)],
)  # fmt: skip
def test_answer(name: str, chapter: str, model: str, parameters: int | None, world: World) -> None:
    """The fields of DESIGN.md, no more and no fewer; text for people goes to stderr."""
    answer = world.answers[name]
    told = fields(answer)
    assert list(told) == [
        "run", "chapter", "preset", "model", "seed", "parameters", "train_seconds", "metrics", "test_split",
    ]  # fmt: skip
    assert told["run"] == str(world.program.runs / name)
    assert (told["chapter"], told["preset"], told["model"], told["seed"]) == (chapter, "quick", model, 0)
    assert told["parameters"] == (parameters or told["parameters"]) > 0 and told["train_seconds"] > 0
    wanted = {"test_frechet_distance"} if chapter == "gan" else {"test_accuracy", "test_loss", "val_accuracy"}
    assert wanted <= set(told["metrics"]) and told["test_split"]
    assert answer.out.count("\n") == 1 and "Training in" in answer.err and "tongsu" in answer.lines[-1]


@pytest.mark.parametrize(("name", "least"), [("digits", 0.8), ("glad", 1.0), ("shapes", 0.75)])
def test_something_is_learned(name: str, least: float, world: World) -> None:
    assert world.answers[name].json["metrics"]["test_accuracy"] >= least


@pytest.mark.parametrize("name", ["digits", "glad", "shapes", "forger"])
def test_run_folder(name: str, world: World) -> None:
    """Everything that DESIGN.md promises; JSON and safetensors only; pictures that open."""
    folder = world.program.runs / name
    assert {path.name for path in folder.iterdir()} == {
        "recipe.json", "environment.json", "preprocessing.json", "events.jsonl", "checkpoints", "frames",
        "weights.safetensors", "results.json", "pictures", "card.md",
    }  # fmt: skip
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".jsonl", ".safetensors", ".png", ".md"}
    for path in folder.rglob("*.json"):
        assert isinstance(json.loads(path.read_text(encoding="utf-8")), dict)
    told = [json.loads(line)["event"] for line in (folder / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    assert told[0] == "Started" and told[-1] == "Finished" and "Evaluated" in told
    pictures = list((folder / "pictures").glob("*.png"))
    assert {path.stem for path in pictures} >= ({"curves"} if name != "forger" else set()) and len(pictures) >= 2
    for path in pictures:
        with Image.open(path) as image:
            image.load()
            assert min(image.size) >= 100 and len(image.convert("L").getextrema()) == 2
            assert image.convert("L").getextrema()[0] < image.convert("L").getextrema()[1]
    assert load_file(folder / "weights.safetensors")
    card = (folder / "card.md").read_text(encoding="utf-8")
    answer = world.answers[name].json
    assert card.startswith(f"# {name}\n") and f"{answer['parameters']:,}" in card and answer["test_split"] in card
    assert all(f" | {value:.4f} |" in card for value in answer["metrics"].values())
    assert json.loads((folder / "preprocessing.json").read_text(encoding="utf-8"))["fingerprint"] in card


def test_film(world: World) -> None:
    """The first frame is the untrained model, the last one what the run ends with."""
    frames = sorted((world.program.runs / "digits" / "frames").glob("*.safetensors"))
    first, last = load_file(frames[0]), load_file(frames[-1])
    assert len(frames) >= 4 and any(not torch.equal(first[name], last[name]) for name in first)
    steps = [int(path.stem.removeprefix("step-")) for path in frames]
    assert steps[0] == 0 and steps[-1] == 3 * 480 // 16
    early = fields(world.program("evaluate", "digits", "--frame", "0", "--json"))["metrics"]["accuracy"]
    late = fields(world.program("evaluate", "digits", "--frame", steps[-1], "--json"))["metrics"]["accuracy"]
    assert early < 0.4 < late


def test_same_seed_same_weights(program: Program) -> None:
    words = ("train", "mlp", "--data", "digits", "examples=100", "epochs=1", "frames=0", "--json")
    runs = [Path(fields(program(*words, "--seed", seed))["run"]) for seed in (3, 3, 4)]
    first, again, other = (load_file(run / "weights.safetensors") for run in runs)
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)
    assert len({run.name for run in runs}) == 3


def test_small_data_do_not_blow_up(world: World, program: Program) -> None:
    """The default preset on three dozen pictures: the rate of its large batches must not go to small ones."""
    told = fields(program("train", "mlp", "--data", f"images:{world.pictures}", "epochs=8", "--json"))
    assert told["metrics"]["val_loss"] < 5


# What one does with a run ----------------------------------------------------------------------------------------


def test_predict_text(world: World) -> None:
    told = fields(world.program("predict", "glad", "So Wonderful!", "很难看", "--json"))
    assert list(told) == ["run", "predictions", "answered_by"] and told["run"] == str(world.program.runs / "glad")
    for answer, text, label in zip(told["predictions"], ("So Wonderful!", "很难看"), ("glad", "sad"), strict=True):
        assert list(answer) == ["input", "label", "probability", "probabilities"]
        assert answer["input"] == text and answer["label"] == label
        assert answer["probability"] == answer["probabilities"][label] > 0.9
        assert sum(answer["probabilities"].values()) == pytest.approx(1) and set(answer["probabilities"]) == {
            "glad",
            "sad",
        }


def test_predict_text_file(world: World, tmp_path: Path) -> None:
    (tmp_path / "review.txt").write_text("It is dreadful.", encoding="utf-8")
    assert (
        fields(world.program("predict", "glad", tmp_path / "review.txt", "--json"))["predictions"][0]["label"] == "sad"
    )


def test_predict_pictures(world: World) -> None:
    files = [world.pictures / name / f"{at}.jpg" for name in ("bar", "cross", "disc") for at in (1, 4)]
    told = fields(world.program("predict", "shapes", *files, "--json"))["predictions"]
    right = [answer["label"] == file.parent.name for answer, file in zip(told, files, strict=True)]
    assert sum(right) >= 5 and [answer["input"] for answer in told] == list(map(str, files))


def test_evaluate(world: World) -> None:
    for name in ("digits", "glad", "shapes"):
        told = fields(world.program("evaluate", name, "--json"))
        assert list(told)[:2] == ["run", "split"] and told["split"] == "test"
        trained = world.answers[name].json["metrics"]
        for measure, value in told["metrics"].items():
            assert value == pytest.approx(trained[f"test_{measure}"], rel=1e-4)
        counted = sum(sum(row) for row in told["confusion"])
        right = sum(row[at] for at, row in enumerate(told["confusion"]))
        assert counted == told["examples"] == sum(row["examples"] for row in told["per_class"].values())
        assert right / counted == pytest.approx(told["metrics"]["accuracy"])
    assert fields(world.program("evaluate", "digits", "--split", "train", "--json"))["examples"] == 480


def test_generate(world: World, tmp_path: Path) -> None:
    told = fields(world.program("generate", "forger", "-n", 4, "-o", tmp_path / "four.png", "--json"))
    assert list(told) == ["run", "count", "seed", "picture"]
    again = fields(world.program("generate", "forger", "-n", 4, "-o", tmp_path / "again.png", "--json"))
    other = fields(world.program("generate", "forger", "-n", 4, "--seed", 1, "-o", tmp_path / "other.png", "--json"))
    first, second, third = (Image.open(answer["picture"]).convert("L").tobytes() for answer in (told, again, other))
    assert first == second != third


def test_list_show_compare(world: World) -> None:
    listed = fields(world.program("runs", "ls", "--json"))
    assert {"digits", "glad", "shapes", "forger"} <= {run["name"] for run in listed["runs"]}
    shown = fields(world.program("runs", "show", "glad", "--json"))
    assert shown["status"] == "finished" and shown["recipe"]["model_args"]["hidden"] == 8
    assert shown["results"]["metrics"] == world.answers["glad"].json["metrics"]
    compared = fields(world.program("compare", "digits", "shapes", "--json"))
    assert compared["differences"]["model"] == ["mlp", "cnn"] and len(compared["runs"]) == 2
    assert fields(world.program("evaluate", "best:cnn", "--json"))["run"].endswith("shapes")


# Interrupted, and gone on with -----------------------------------------------------------------------------------

LONG = (
    "train", "mlp", "--data", "digits", "examples=1000", "batch_size=8", "epochs=4", "hidden=1024,1024", "lr=0.01",
    "frames=0", "--deterministic",
)  # fmt: skip


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    program = Program(tmp_path_factory.mktemp("whole"))
    answer = program.alone(*LONG, "--name", "whole", "--json")
    assert answer.code == 0, answer.err
    return load_file(program.runs / "whole" / "weights.safetensors")


@pytest.mark.long
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_and_resumed(
    number: signal.Signals, code: int, program: Program, uninterrupted: dict[str, torch.Tensor]
) -> None:
    """In the middle of an epoch: saved, told how to go on, and at the end not one bit differs."""
    process = program.start(*LONG, "--name", "half", "--json")
    events = program.runs / "half" / "events.jsonl"
    waited = time.monotonic() + 60
    while not (events.exists() and '"Step"' in events.read_text(encoding="utf-8")):
        assert time.monotonic() < waited and process.poll() is None, "no step was told"
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    answer = Answer(process.returncode, out, err)
    assert answer.code == code and "Traceback" not in err, err
    assert answer.json == {"run": str(program.runs / "half"), "interrupted": True}
    assert answer.lines[-1].endswith("tongsu train --resume half")
    status = fields(program("runs", "show", "half", "--json"))
    assert status["status"] == "interrupted" and 0 < status["checkpoints"][-1] < 400
    assert not (program.runs / "half" / "weights.safetensors").exists()

    told = fields(program.alone("train", "--resume", "half", "--json"))
    assert told["run"] == str(program.runs / "half") and told["chapter"] == "mlp"
    resumed = load_file(program.runs / "half" / "weights.safetensors")
    assert resumed.keys() == uninterrupted.keys()
    assert all(torch.equal(resumed[name], uninterrupted[name]) for name in resumed)
    started = [json.loads(line) for line in events.read_text(encoding="utf-8").splitlines() if '"Started"' in line]
    assert [event["step"] for event in started] == [0, status["checkpoints"][-1]]


def test_longer_by_force(program: Program) -> None:
    words = (
        "train",
        "mlp",
        "--data",
        "digits",
        "examples=100",
        "batch_size=20",
        "lr=0.01",
        "frames=0",
        "--name",
        "run",
    )
    fields(program(*words, "epochs=2", "--json"))
    assert program("train", "--resume", "run", "epochs=3").code == 2
    fields(program("train", "--resume", "run", "epochs=3", "--force", "--json"))
    shown = fields(program("runs", "show", "run", "--json"))
    assert shown["recipe"]["epochs"] == 3 and shown["results"]["epochs"] == 3 and shown["status"] == "finished"
