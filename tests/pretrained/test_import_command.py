"""`tongsu pretrained import`: a file in hand becomes a run that answers, and one that does not fit says why."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from tongsu.data.preprocessing import Images
from tongsu.models import MiniLM, ResNet
from tongsu.pretrained.networks import IMAGENET_MEAN, IMAGENET_STD


def tongsu(*words: str) -> tuple[int, dict[str, object], str]:
    command = [sys.executable, "-m", "tongsu", *words, "--json", "--lang", "en"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=100)
    return done.returncode, json.loads(done.stdout.splitlines()[-1]), done.stderr


@pytest.fixture
def net(tmp_path: Path) -> tuple[Path, ResNet]:
    model = ResNet(outputs=3).eval()
    file = tmp_path / "net.safetensors"
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, file)
    return file, model


def test_a_file_becomes_a_run_that_answers_as_the_net_does(
    net: tuple[Path, ResNet], runs: Path, tmp_path: Path
) -> None:
    file, model = net
    (tmp_path / "labels.txt").write_text("cat\ndog\n鸟\n", encoding="utf-8")
    code, answer, told = tongsu("pretrained", "import", str(file), "--labels", str(tmp_path / "labels.txt"),
                                "--name", "mine")  # fmt: skip
    assert code == 0 and answer["model_args"] == {"depth": 18, "outputs": 3, "channels": 3} and "11,178,051" in told
    assert answer["run"] == str(runs / "mine") and answer["writer"] == "torchvision"

    chance = np.random.default_rng(0)
    picture = Image.fromarray(chance.integers(0, 256, (90, 120, 3), dtype=np.uint8))
    picture.save(tmp_path / "noise.png")
    code, said, _ = tongsu("predict", "mine", str(tmp_path / "noise.png"))
    (prediction,) = said["predictions"]
    reader = Images(3, 224, 224, IMAGENET_MEAN, IMAGENET_STD)
    with torch.no_grad():
        expected = model(reader.scale(reader.read(picture)[None])).softmax(1)[0]
    assert list(prediction["probabilities"]) == ["cat", "dog", "鸟"]
    np.testing.assert_allclose(list(prediction["probabilities"].values()), expected.numpy(), atol=1e-5)

    code, said, _ = tongsu("evaluate", "mine")
    assert code == 2 and said["error"]["kind"] == "no-data"


@pytest.mark.parametrize("names", ["one\ntwo\n", "a\nb\nb\n", None])
def test_labels_must_fit(names: str | None, net: tuple[Path, ResNet], runs: Path, tmp_path: Path) -> None:
    if names is not None:
        (tmp_path / "labels.txt").write_text(names, encoding="utf-8")
    code, said, _ = tongsu("pretrained", "import", str(net[0]), "--labels", str(tmp_path / "labels.txt"))
    assert code == 2 and said["error"]["kind"] == "labels" and not runs.exists()


def test_a_network_without_classes_is_refused(runs: Path, tmp_path: Path) -> None:
    from tongsu.pretrained.names import BERT

    weights = MiniLM(words=20, width=32, heads=1, layers=1, feedforward=8, positions=9).state_dict()
    theirs = {"embeddings.token_type_embeddings.weight": torch.zeros(2, 32)}
    for name, value in weights.items():
        for pattern, ours in BERT:
            plain, place = pattern.replace("\\", "").replace("(d+)", "0"), ours.replace(r"\1", "0")
            if r"\2" in place:
                for part in ("query", "key", "value"):
                    if name.startswith(place.replace(r"\2", part)):
                        theirs[plain.replace("(query|key|value)", part) + name.rpartition(".")[2]] = value
            elif name.startswith(place):
                theirs[plain + name.rpartition(".")[2]] = value
    save_file(theirs, tmp_path / "bert.safetensors")
    code, said, _ = tongsu("pretrained", "import", str(tmp_path / "bert.safetensors"))
    assert code == 2 and said["error"]["kind"] == "not-a-classifier" and not runs.exists()


def test_ls_says_what_is_where() -> None:
    code, answer, _ = tongsu("pretrained", "ls")
    assert code == 0 and {"efficientnet-lite0", "resnet50", "minilm"} <= {row["name"] for row in answer["networks"]}
    assert {row["state"] for row in answer["networks"]} <= {"here", "missing"}
    code, answer, _ = tongsu("pretrained", "get", "resnet5")
    assert code == 2 and answer["error"]["kind"] == "unknown" and "resnet50" in answer["error"]["hint"]
