"""Built-in names stand where a run can: exported, served and pushed like one, and refused where they cannot answer."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnxruntime
import pytest
import requests
import torch
from PIL import Image

from tongsu.export import export, samples
from tongsu.export.folder import import_folder
from tongsu.learned import Learned
from tongsu.models import ResNet
from tongsu.predict import predict
from tongsu.pretrained import imagenet
from tongsu.pretrained.as_runs import SHIPPED, write_run
from tongsu.pretrained.built_in import find
from tongsu.pretrained.names import Found
from tongsu.runs.store import Run, RunStore

CATS = {"tabby cat", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}
GLAD, SAD = "这是一个不错的服务", "房间很脏，服务员态度恶劣"


def tongsu(folder: Path, *words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, answer, and what people read; in this process, which is fast."""
    from tongsu.cli.app import run

    out, err = io.StringIO(), io.StringIO()
    code: Any = None
    with (
        mock.patch.dict(os.environ, {"TONGSU_RUNS": str(folder / "runs"), "TONGSU_LANG": "en"}),
        mock.patch.object(sys, "argv", ["tongsu", *words, "--json"]),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        try:
            run()
        except SystemExit as end:
            code = end.code
    return code or 0, json.loads(out.getvalue().splitlines()[-1]), err.getvalue()


def photograph() -> bytes:
    """The cat that we ship, as a camera's file."""
    return samples.PHOTO.read_bytes()


# A network whose data nobody has, of chance weights: no download needed ------------------------------------------


@pytest.fixture(scope="module")
def unknown(tmp_path_factory: pytest.TempPathFactory) -> Learned:
    """As `tongsu pretrained import` leaves it."""
    torch.manual_seed(0)
    model = ResNet(depth=18, outputs=5)
    found = Found("resnet", {"depth": 18, "outputs": 5}, model.state_dict(), "torchvision")
    prepare = {"kind": "images", "channels": 3, "height": 64, "width": 64, "mean": [0.5] * 3, "std": [0.5] * 3,
               "digits": False, "fit": "crop"}  # fmt: skip
    run = Run(tmp_path_factory.mktemp("imported") / "resnet")
    run.path.mkdir()
    write_run(run, found, prepare, tuple("abcde"), "net.pt")
    return Learned.load(run)


def test_cutouts_are_different_pictures_and_always_the_same() -> None:
    first, again = samples.cutouts(20), samples.cutouts(20)
    assert len({cut.tobytes() for cut in first}) == 20
    assert [cut.tobytes() for cut in first] == [cut.tobytes() for cut in again]
    assert all(min(cut.size) >= 80 and np.asarray(cut).std() > 10 for cut in first)


def test_without_its_data_a_network_is_checked_on_cutouts(unknown: Learned, tmp_path: Path) -> None:
    out = str(tmp_path / "onnx")
    code, answer, said = tongsu(tmp_path, "export", str(unknown.run.path), "-o", out, "--quantize", "int8")
    assert code == 0 and "cut-outs of a photograph" in said and "convolutions, which stay as they are" in said
    assert answer["check"]["source"] == "photograph" and 0 < answer["check"]["largest_difference"] < 1e-4
    assert answer["check"]["inputs"] == [[1, 3, 64, 64], [8, 3, 64, 64]]
    small = answer["quantized"]
    assert small["same_answers"] <= small["examples"] == 64 and 0 < small["mean_difference"] < 0.1
    assert "accuracy" not in small
    # What was said is so: the same cut-outs through both files, by hand.
    pixels = np.stack([np.asarray(cut.resize((64, 64), Image.Resampling.BICUBIC)) for cut in samples.cutouts(64)])
    batch = {"input": ((pixels / 255 - 0.5) / 0.5).astype(np.float32).transpose(0, 3, 1, 2)}
    before, after = (
        onnxruntime.InferenceSession(tmp_path / "onnx" / name).run(["probabilities"], batch)[0]
        for name in ("model.onnx", "model.int8.onnx")
    )
    assert small["same_answers"] == pytest.approx((before.argmax(1) == after.argmax(1)).sum(), abs=2)


def test_its_folder_says_whose_weights_they_are(unknown: Learned, tmp_path: Path) -> None:
    answer = export(unknown, "hf", tmp_path / "hf")
    assert answer["check"]["source"] == "photograph" and answer["check"]["largest_difference"] == 0
    card = (tmp_path / "hf" / "README.md").read_text(encoding="utf-8")
    assert "Others have trained this model" in card and "net.pt" in card and "trained with Tongsu" not in card
    assert json.loads((tmp_path / "hf" / "tongsu.json").read_text())["origin"] == {"name": "net.pt", "licence": ""}
    again = Learned.load(import_folder(tmp_path / "hf", RunStore(tmp_path / "runs"), "again"))
    assert predict(again, [samples.PHOTO]) == predict(unknown, [samples.PHOTO])


# Names ------------------------------------------------------------------------------------------------------------


def test_what_a_name_cannot_do_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TONGSU_OFFLINE", "1")
    cases = [
        *((words, "hub-only") for words in (("export", "sentiment-hub"), ("serve", "sentiment-hub"),
          ("evaluate", "sentiment-hub"), ("card", "sentiment-hub"), ("explain", "sentiment-hub"))),
        (("generate", "sentiment-zh"), "not-a-generator"), (("generate", "情感"), "not-a-generator"),
        (("evaluate", "sentiment-zh"), "offline"), (("export", "imagenet"), "offline"),
    ]  # fmt: skip
    for words, kind in cases:
        code, answer, said = tongsu(tmp_path, *words)
        assert (code, answer["error"]["kind"]) == (2, kind), (words, said)
        assert "Traceback" not in said and len(said.splitlines()) == 2


def test_nothing_is_written_beside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "home"))
    before = sorted(SHIPPED.rglob("*"))
    code, answer, said = tongsu(tmp_path, "explain", "sentiment-zh", "integrated-gradients", GLAD)
    assert code == 0 and Path(answer["file"]).is_relative_to(tmp_path / "home"), said
    assert sorted(SHIPPED.rglob("*")) == before and not (tmp_path / "runs").exists()


@pytest.mark.data
def test_imagenet_as_onnx_knows_the_cat(tmp_path: Path) -> None:
    code, answer, said = tongsu(tmp_path, "export", "imagenet", "-o", str(tmp_path / "out"), "--quantize", "int8")
    assert code == 0 and "cut-outs of a photograph" in said and "imagenet is now onnx" in said, said
    assert answer["check"]["source"] == "photograph" and answer["check"]["largest_difference"] < 1e-4
    assert answer["quantized"]["same_answers"] >= 56  # of 64
    told = json.loads((tmp_path / "out" / "tongsu.json").read_text(encoding="utf-8"))
    assert told["labels"] == list(imagenet.classes("en")) and told["run"] == "imagenet"
    assert told["origin"] == {"name": "efficientnet-lite0", "licence": "Apache-2.0"}
    # As somebody without Tongsu would: the JSON says how, Pillow and NumPy do it.
    how = told["preprocessing"]
    with Image.open(samples.PHOTO) as photo:
        side = min(photo.size)
        left, top = (photo.width - side) // 2, (photo.height - side) // 2
        square = photo.crop((left, top, left + side, top + side))
        square = square.resize((how["width"], how["height"]), Image.Resampling.BICUBIC)
        pixels = np.asarray(square, np.float32) / 255
    batch = ((pixels - how["mean"]) / how["std"]).astype(np.float32).transpose(2, 0, 1)[None]
    session = onnxruntime.InferenceSession(tmp_path / "out" / "model.onnx")
    (row,) = session.run(["probabilities"], {"input": batch})[0]
    assert told["labels"][row.argmax()] in CATS
    (ours,) = predict(Learned.load(find("imagenet")), [samples.PHOTO])
    np.testing.assert_allclose(row, list(ours.probabilities.values()), atol=1e-2)  # another cut by a pixel


@pytest.mark.data
@pytest.mark.parametrize("words", [("evaluate", "imagenet"), ("card", "imagenet"), ("explain", "imagenet", "errors")])
def test_imagenet_has_no_data_to_be_measured_on(words: tuple[str, ...], tmp_path: Path) -> None:
    code, answer, said = tongsu(tmp_path, *words)
    assert code == 2 and "Traceback" not in said and answer["error"]["hint"], said


@pytest.mark.data
@pytest.mark.long
@pytest.mark.parametrize("to", ["onnx", "safetensors", "hf"])
@pytest.mark.parametrize(("name", "examples"), [("imagenet", 0), ("sentiment", 853), ("sentiment-zh", 2000)])
def test_each_name_in_each_form(name: str, examples: int, to: str, tmp_path: Path) -> None:
    learned = Learned.load(find(name))
    answer = export(learned, to, tmp_path / "out")
    check = answer["check"]
    assert check["largest_difference"] < 1e-4
    assert {shape[0] for shape in check["inputs"]} == {1, 8}
    assert len({shape[1] for shape in check["inputs"]}) == (2 if examples else 1)  # lengths of text
    assert check["source"] == ("test" if examples else "photograph")
    if to != "onnx":
        raws: list[Any] = [GLAD, SAD] if name == "sentiment-zh" else ["I love this movie!", "terrible service"]
        raws = [samples.PHOTO] if name == "imagenet" else raws
        again = Learned.load(import_folder(tmp_path / "out", RunStore(tmp_path / "runs"), "again"))
        assert predict(again, raws) == predict(learned, raws)
    if to == "hf":
        card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
        assert ("license: apache-2.0" in card) == (name == "imagenet")
        assert ("Apache-2.0" in card) == (name != "sentiment-zh")


@pytest.mark.data
@pytest.mark.long
@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_names_are_served(backend: str, tmp_path: Path) -> None:
    names = ("imagenet", "sentiment", "情感")
    command = [sys.executable, "-m", "tongsu", "serve", *names, "--port", "0", "--backend", backend, "--json"]
    around = {**os.environ, "TONGSU_LANG": "en", "TONGSU_RUNS": str(tmp_path / "runs")}
    process = subprocess.Popen(command, env=around, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["models"] == ["imagenet", "sentiment", "sentiment-zh"]
        address = told["address"]
        sent = requests.post(f"{address}/predict", files={"file": ("cat.jpg", photograph())}, timeout=60).json()
        assert sent["model"] == "imagenet" and sent["predictions"][0]["label"] in CATS
        assert len(sent["predictions"][0]["probabilities"]) == 10  # of a thousand
        for name, texts in (("sentiment", ["I love this movie!", "terrible service"]), ("sentiment-zh", [GLAD, SAD])):
            answer = requests.post(f"{address}/models/{name}/predict", json={"inputs": texts}, timeout=60).json()
            assert [one["label"] for one in answer["predictions"]] == ["positive", "negative"]
            found = np.array([list(one["probabilities"].values()) for one in answer["predictions"]])
            ours = predict(Learned.load(find(name)), texts)
            np.testing.assert_allclose(found, [list(one.probabilities.values()) for one in ours], atol=1e-5)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)
    assert not (tmp_path / "runs").exists()


def test_answers_stand_in_columns() -> None:
    """Names of ImageNet are long, and Chinese ones wide."""
    from rich.cells import cell_len

    from tongsu.cli.use import bars

    told = bars({"埃及猫": 0.5, "West Highland white terrier": 0.3, "虎斑猫": 0.1, "a": 0.06, "b": 0.03, "c": 0.01})
    assert len(told) == 5 and len({cell_len(line[: line.index("%")]) for line in told}) == 1
    assert told[0].endswith("50.00%  " + "█" * 15) and told[4].endswith("3.00%  █")


def test_the_photograph_is_small_and_can_be_read() -> None:
    with Image.open(io.BytesIO(photograph())) as photo:
        assert photo.size == (360, 240) and photo.mode == "RGB"
    assert samples.PHOTO.stat().st_size < 30_000
