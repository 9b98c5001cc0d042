"""Plain folders: written, read back, imported as a run; and what a stranger's folder may not do."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from small_runs import Make

from tongsu.errors import Problem
from tongsu.evaluate import report
from tongsu.export import export
from tongsu.export.folder import import_folder
from tongsu.learned import Learned
from tongsu.predict import predict
from tongsu.runs.store import RunStore


@pytest.fixture(scope="module")
def learned(make: Make, reviews: str) -> Learned:
    return make("rnn", reviews, "embedding=6", "hidden=5", "cell=gru", "bidirectional=true")


@pytest.fixture
def folder(learned: Learned, tmp_path: Path) -> Path:
    export(learned, "hf", tmp_path / "model")
    return tmp_path / "model"


def test_a_folder_becomes_a_run_again(learned: Learned, folder: Path, tmp_path: Path) -> None:
    files = {path.name for path in folder.iterdir()}
    assert files == {"model.safetensors", "config.json", "preprocessor_config.json", "README.md", "tongsu.json"}
    run = import_folder(folder, RunStore(tmp_path / "runs"), "again")
    again = Learned.load(run)
    texts = ["a lovely film", "the dull ending"]
    assert [p.probabilities for p in predict(again, texts)] == [p.probabilities for p in predict(learned, texts)]
    assert report(again, "test")["metrics"] == report(learned, "test")["metrics"]
    assert run.name == "again" and run.status == "finished"


def test_what_others_read_of_it(learned: Learned, folder: Path) -> None:
    """NumPy's reader of safetensors, a JSON parser, and the hub's parser of cards."""
    from huggingface_hub import ModelCard

    weights = load_file(folder / "model.safetensors")
    for name, value in learned.model.state_dict().items():
        np.testing.assert_array_equal(weights[name], value.numpy())
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert config["id2label"] == {"0": "bad", "1": "good"} and config["architectures"] == ["RNN"]
    card = ModelCard.load(folder / "README.md")
    assert card.data.pipeline_tag == "text-classification" and "0.5000" in card.text


def test_safetensors_alone(learned: Learned, tmp_path: Path) -> None:
    answer = export(learned, "safetensors", tmp_path / "out")
    assert sorted(answer["files"]) == ["model.safetensors", "tongsu.json"]
    assert answer["check"]["largest_difference"] == 0


def described(**changes: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        told = json.loads((folder / "tongsu.json").read_text(encoding="utf-8"))
        told["recipe"] |= changes
        (folder / "tongsu.json").write_text(json.dumps(told), encoding="utf-8")

    return spoil


def pickled(folder: Path) -> None:
    torch.save({"a": torch.zeros(1)}, folder / "model.safetensors")


def large_header(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"{}")


def other_weights(folder: Path) -> None:
    save_file({"w": np.zeros(3, np.float32)}, folder / "model.safetensors")


def cut(folder: Path) -> None:
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[: len(data) // 2])


STRANGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "no description": (lambda folder: (folder / "tongsu.json").unlink(), "not-ours"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "not-ours"),
    "not JSON": (lambda folder: (folder / "tongsu.json").write_text("{"), "damaged"),
    "deep JSON": (lambda folder: (folder / "tongsu.json").write_text("[" * 200_000), "damaged"),
    "a list": (lambda folder: (folder / "tongsu.json").write_text("[]"), "damaged"),
    "pickle as weights": (pickled, "damaged"),
    "a header of a terabyte": (large_header, "damaged"),
    "half a file": (cut, "damaged"),
    "other weights": (other_weights, "weights-do-not-fit"),
    "an unknown model": (described(model="os.system"), "damaged"),
    "a field of its own": (described(run_this="rm -rf /"), "damaged"),
    "a billion layers": (described(model_args={"layers": 10**9}), "damaged"),
    "a terabyte of weights": (described(model_args={"hidden": 10**6, "words": 100}), "weights-do-not-fit"),
    "a strange argument": (described(model_args={"hidden": "import os"}), "model-argument"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_folders(name: str, folder: Path, tmp_path: Path) -> None:
    spoil, kind = STRANGE[name]
    spoil(folder)
    with pytest.raises(Problem) as error:
        import_folder(folder, RunStore(tmp_path / "runs"))
    assert error.value.kind == kind and error.value.hint
    assert not (tmp_path / "runs").exists()
