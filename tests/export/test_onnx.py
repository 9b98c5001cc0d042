"""Every kind of net as ONNX, run by ONNX Runtime: against our own model, in batches and lengths of all sorts."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from small_runs import Make

from tongsu.errors import Failure, Problem
from tongsu.export import export, onnx_file
from tongsu.export.samples import test_split as split_for
from tongsu.learned import Learned

IMAGES = {
    "mlp": ("mlp", "hidden=16"),
    "cnn": ("cnn", "filters=4,8", "dense=16"),
    "lenet5": ("cnn", "model=lenet5"),
    "resnet": ("resnet", "model=resnet", "depth=18"),
    "small-resnet": ("resnet", "blocks=1,1", "width=4"),
}
TEXTS = {
    "simple": ("rnn", "cell=simple"),
    "lstm": ("rnn", "cell=lstm"),
    "gru": ("rnn", "cell=gru"),
    "bi-lstm": ("rnn", "cell=lstm", "bidirectional=true"),
    "stacked-gru": ("rnn", "cell=gru", "layers=2"),
    "skipping-bi-gru": ("rnn", "cell=gru", "bidirectional=true", "padding=skip", "layers=2"),
    "skipping-simple": ("rnn", "cell=simple", "padding=skip"),
    "transformer": ("transformer", "width=8", "heads=2", "layers=1", "feedforward=8"),
}
SMALL = ("embedding=6", "hidden=5", "dense=4")


def run_file(folder: Path, inputs: torch.Tensor, output: str = "logits") -> np.ndarray:
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return session.run([output], {"input": inputs.numpy()})[0]


@pytest.mark.parametrize("name", IMAGES)
def test_image_nets(name: str, make: Make, tmp_path: Path) -> None:
    chapter, *changes = IMAGES[name]
    learned = make(chapter, "digits", "examples=200", *changes)
    answer = export(learned, "onnx", tmp_path / "out")
    assert answer["check"]["inputs"] == [[1, 1, 28, 28], [8, 1, 28, 28]]
    for count in (1, 3, 17):
        inputs = torch.randn(count, 1, 28, 28)
        with torch.no_grad():
            wanted = learned.model(inputs).numpy()
        assert np.abs(wanted).max() > 0.05
        np.testing.assert_allclose(run_file(tmp_path / "out", inputs), wanted, atol=1e-4)


@pytest.mark.parametrize("name", TEXTS)
def test_text_nets_in_any_length(name: str, make: Make, reviews: str, tmp_path: Path) -> None:
    chapter, *changes = TEXTS[name]
    small = SMALL if chapter == "rnn" else ()
    learned = make(chapter, reviews, *small, *changes)
    length = learned.preprocessing.to_dict()["length"]
    answer = export(learned, "onnx", tmp_path / "out")
    assert len({tuple(shape) for shape in answer["check"]["inputs"]}) == 4  # two sizes, two lengths
    for count, words in ((1, length), (5, 2), (17, length // 2 + 1)):
        inputs = torch.randint(3, learned.recipe.model_args["words"], (count, words))
        for row in range(count):
            inputs[row, : row % words] = 0  # padded at the front, each text differently
        with torch.no_grad():
            wanted = learned.model(inputs).numpy()
        assert np.abs(wanted).max() > 0.01 and (count == 1 or wanted.std() > 1e-3)
        np.testing.assert_allclose(run_file(tmp_path / "out", inputs), wanted, atol=1e-4)


def test_the_generator_and_what_eight_bits_do_to_it(make: Make, tmp_path: Path) -> None:
    learned = make("gan", "digits", "examples=200", "width=4", "samples=20")
    answer = export(learned, "onnx", tmp_path / "out", "int8")
    noise = torch.randn(6, 100)
    with torch.no_grad():
        wanted = learned.model(noise).numpy()
    np.testing.assert_allclose(run_file(tmp_path / "out", noise, "pictures"), wanted, atol=1e-4)
    assert 0 < answer["quantized"]["mean_difference"] < 0.5


def test_vgg_on_pictures_of_32_pixels(make: Make, tmp_path: Path) -> None:
    from PIL import Image

    chance = np.random.default_rng(0)
    for label in ("dark", "light"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            low = 0 if label == "dark" else 128
            pixels = chance.integers(low, low + 127, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    data = f"images:{tmp_path / 'photos'}"
    learned = make("cnn", data, "model=vgg", "depth=11", "dense=16")
    answer = export(learned, "onnx", tmp_path / "out")
    assert answer["check"]["largest_difference"] <= 1e-4 and answer["check"]["inputs"][0][1:] == [3, 32, 32]


NUMPY_ONLY = """
import json, sys
import numpy as np, onnxruntime
folder, inputs = sys.argv[1:]
told = json.load(open(f"{folder}/tongsu.json", encoding="utf-8"))
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
how, answers = told["preprocessing"], []
index = {word: number for number, word in enumerate(how.get("vocabulary", ()))}
for raw in json.loads(inputs):
    if how["kind"] == "text":
        row = [index.get(word, 2) for word in raw.lower().split()][-how["length"]:]
        row = [1, *row] if len(row) < how["length"] else row
        x = np.array([[0] * (how["length"] - len(row)) + row], dtype=np.int64)
    else:
        x = ((np.array(raw, dtype=np.float32) / 255 - how["mean"][0]) / how["std"][0]).astype(np.float32)[None, None]
    (p,) = session.run(["probabilities"], {told["input"]["name"]: x})
    answers.append(dict(zip(told["labels"], p[0].tolist(), strict=True)))
print(json.dumps({"answers": answers, "loaded": [n for n in ("torch", "tongsu") if n in sys.modules]}))
"""


def outside(folder: Path, inputs: list[object]) -> list[dict[str, float]]:
    """What a program answers that knows the folder, NumPy and ONNX Runtime, and neither us nor PyTorch."""
    words = [sys.executable, "-I", "-c", NUMPY_ONLY, str(folder), json.dumps(inputs)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["loaded"] == []
    return told["answers"]


def test_the_folder_is_enough_without_us(make: Make, reviews: str, tmp_path: Path) -> None:
    texts = make("rnn", reviews, *SMALL, "cell=gru")
    export(texts, "onnx", tmp_path / "texts")
    sentences = ["a lovely film", "The plot the ending the camera THE PEOPLE awful music"]
    digits = make("mlp", "digits", "examples=200", "hidden=8")
    export(digits, "onnx", tmp_path / "digits")
    pixels = split_for(digits).inputs[:2, 0]  # type: ignore[union-attr]
    for learned, folder, raws in ((texts, "texts", sentences), (digits, "digits", list(pixels.numpy()))):
        wanted = learned.probabilities(learned.read(raws))
        given = [raw if isinstance(raw, str) else raw.tolist() for raw in raws]
        found = outside(tmp_path / folder, given)
        assert [list(row) for row in found] == [list(learned.labels)] * 2
        np.testing.assert_allclose([list(row.values()) for row in found], wanted.numpy(), atol=1e-5)


def test_eight_bits_and_what_they_cost(make: Make, tmp_path: Path) -> None:
    learned = make("mlp", "digits", "examples=600", "hidden=256")
    answer = export(learned, "onnx", tmp_path / "out", "int8")["quantized"]
    split = split_for(learned)
    assert split is not None
    inputs = learned.preprocessing.scale(split.inputs)
    before, after = answer["bytes"].values()
    assert after < 0.4 * before
    for file, key in (("model.onnx", "accuracy_before"), ("model.int8.onnx", "accuracy")):
        session = onnxruntime.InferenceSession(tmp_path / "out" / file, providers=["CPUExecutionProvider"])
        said = session.run(["logits"], {"input": inputs.numpy()})[0].argmax(1)
        assert answer[key] == pytest.approx((said == split.targets.numpy()).mean(), abs=2 / len(split))
    assert answer["examples"] == len(split) and answer["cost"] == answer["accuracy_before"] - answer["accuracy"]
    told = json.loads((tmp_path / "out" / "tongsu.json").read_text(encoding="utf-8"))
    assert told["quantized"] == answer


def test_a_file_that_answers_otherwise_is_refused_and_nothing_is_left(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wrong weights get into the file; the check, which runs it, finds out."""
    learned, other = (make("mlp", "digits", "examples=200", f"hidden={width}") for width in (8, 9))
    convert = onnx_file.convert
    monkeypatch.setattr(onnx_file, "convert", lambda _, *rest: convert(other, *rest))
    with pytest.raises(Failure) as error:
        export(learned, "onnx", tmp_path / "out")
    assert error.value.kind == "differs" and list(tmp_path.iterdir()) == []


def test_what_cannot_be_asked_for(make: Make, tmp_path: Path) -> None:
    learned = make("mlp", "moons", "hidden=8")
    for to, quantize, kind in (("pickle", None, "unknown-format"), ("hf", "int8", "unknown-quantization"),
                               ("onnx", "int4", "unknown-quantization")):  # fmt: skip
        with pytest.raises(Problem) as error:
            export(learned, to, tmp_path / "out", quantize)
        assert error.value.kind == kind
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "diary.txt").write_text("mine")
    with pytest.raises(Problem) as error:
        export(learned, "onnx", tmp_path / "out")
    assert error.value.kind == "folder-taken"
    assert [path.name for path in tmp_path.rglob("*")] == ["out", "diary.txt"]


def test_an_earlier_export_is_replaced(make: Make, tmp_path: Path) -> None:
    learned: Learned = make("mlp", "moons", "hidden=8")
    export(learned, "safetensors", tmp_path / "out")
    export(learned, "onnx", tmp_path / "out")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["model.onnx", "tongsu.json"]
