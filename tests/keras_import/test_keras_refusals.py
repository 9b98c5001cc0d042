"""Keras files that must be refused: code in them, traps, damage, nets that are not ours."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import io
import json
import marshal
import stat
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers as L
from keras_models import mlp, reader, saved, shuffled

from tongsu.errors import Problem
from tongsu.keras_import import read_keras

# Keras 3.15's own way of handing a torch tensor to NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    model = keras.Sequential(
        [keras.Input((4,)), L.Dense(3, "relu", name="dense"), L.Dense(2, "softmax", name="dense_1")]
    )
    return saved(shuffled(model), tmp_path_factory.mktemp("keras") / "good.keras")


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, content: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in content.items():
            archive.writestr(name, value)
    return path


def with_config(good: Path, path: Path, change: Callable[[dict], None]) -> Path:
    content = members(good)
    config = json.loads(content["config.json"])
    change(config)
    return packed(path, {**content, "config.json": json.dumps(config).encode()})


def with_weights(good: Path, path: Path, change: Callable[[h5py.File], None]) -> Path:
    content = members(good)
    buffer = io.BytesIO(content["model.weights.h5"])
    with h5py.File(buffer, "r+") as weights:
        change(weights)
    return packed(path, {**content, "model.weights.h5": buffer.getvalue()})


def refused(path: Path, *words: str) -> None:
    with pytest.raises(Problem) as raised:
        read_keras(path)
    text = str(raised.value)
    assert raised.value.exit_code == 2 and path.name in text and "\n" not in text
    for word in words:
        assert word in text, text


def test_the_unchanged_file_is_fine(good: Path, tmp_path: Path) -> None:
    assert read_keras(packed(tmp_path / "again.keras", members(good))).model_args["hidden"] == [3]


def test_lambda_with_code_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    code = marshal.dumps(compile(f"open({str(mark)!r}, 'w')", "x", "eval"))
    model = keras.Sequential([keras.Input((4,)), L.Lambda(lambda x: x * 2, name="trap"), L.Dense(2)])
    for ending in ("keras", "h5"):
        path = saved(model, tmp_path / f"lambda.{ending}")
        refused(path, "trap", "code")

    def poison(config: dict) -> None:
        layer = next(layer for layer in config["config"]["layers"] if layer["class_name"] == "Lambda")
        layer["config"]["function"] = {"class_name": "__lambda__", "config": {"code": code.hex()}}

    refused(with_config(tmp_path / "lambda.keras", tmp_path / "poison.keras", poison), "trap")
    assert not mark.exists()


def test_custom_and_unknown_layers(tmp_path: Path, good: Path) -> None:
    @keras.saving.register_keras_serializable("mine")
    class Twice(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    model = keras.Sequential([keras.Input((4,)), Twice(name="double"), L.Dense(2)])
    refused(saved(model, tmp_path / "custom.keras"), "double", "mine>Twice")
    refused(saved(model, tmp_path / "custom.h5"), "double", "Twice")

    model = keras.Sequential([keras.Input((4, 4)), L.LSTM(2), L.Dense(2)])
    refused(saved(model, tmp_path / "other.keras"), "none of the road map's nets", "LSTM")
    model = keras.Sequential([keras.Input((4,)), L.LayerNormalization(name="level"), L.Dense(2)])
    refused(saved(model, tmp_path / "unknown.keras"), "level", "LayerNormalization")

    def foreign_module(config: dict) -> None:
        config["config"]["layers"][1]["module"] = "os"

    refused(with_config(good, tmp_path / "module.keras", foreign_module), "dense")

    def own_activation(config: dict) -> None:
        config["config"]["layers"][1]["config"]["activation"] = {
            "module": "os",
            "class_name": "function",
            "config": "system",
        }

    refused(with_config(good, tmp_path / "activation.keras", own_activation), "activation")

    def subclassed(config: dict) -> None:
        config["class_name"] = "MyModel"

    refused(with_config(good, tmp_path / "subclassed.keras", subclassed), "MyModel")


def test_nets_that_are_not_ours(tmp_path: Path) -> None:
    start = keras.Input((4,))
    left, right = L.Dense(3, activation="relu")(start), L.Dense(3, activation="relu")(start)
    both = keras.Model(start, L.Dense(2)(L.Add()([left, right])))
    refused(saved(both, tmp_path / "add.keras"), "Add")
    shared = L.Dense(4, activation="relu", name="again")
    refused(saved(keras.Model(start, L.Dense(2)(shared(shared(start)))), tmp_path / "shared.keras"), "again")
    wide_windows = keras.Sequential([
        keras.Input((28, 28, 1)), L.Conv2D(4, 5, activation="relu"), L.MaxPooling2D(),
        L.Flatten(), L.Dense(5, activation="relu"), L.Dense(2),
    ])  # fmt: skip
    steep = keras.Sequential([keras.Input((4,)), L.Dense(3), L.LeakyReLU(), L.Dense(2)])
    for name, model, words in (
        ("conv", wide_windows, ["conv2d", "kernel_size"]),
        ("gru", reader(L.GRU(3, reset_after=False), words=9, width=4), ["gru", "reset_after"]),
        ("sizes", reader(L.LSTM(3, return_sequences=True), L.LSTM(4), words=9, width=4), ["lstm", "units"]),
        ("relu", reader(L.LSTM(3, activation="relu"), words=9, width=4), ["lstm", "activation"]),
        ("slope", steep, ["negative_slope"]),
    ):  # fmt: skip
        refused(saved(model, tmp_path / f"{name}.keras"), *words)


def test_damaged_files(tmp_path: Path, good: Path) -> None:
    refused(tmp_path / "nowhere.keras", "not there")
    path = tmp_path / "text.keras"
    path.write_text("hello")
    refused(path, "neither")
    content = good.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    refused(path)
    legacy = saved(mlp(), tmp_path / "whole.h5")
    path = tmp_path / "half.h5"
    path.write_bytes(legacy.read_bytes()[: legacy.stat().st_size // 2])
    refused(path)
    weights = tmp_path / "only.weights.h5"
    mlp().save_weights(weights)
    refused(weights, "without an architecture")
    parts = members(good)
    for member in ("config.json", "model.weights.h5"):
        rest = {name: value for name, value in parts.items() if name != member}
        refused(packed(tmp_path / "lacks.keras", rest), member)
    for config in (b"[" * 100_000, b"{}", b"[1]", b"\xff\xfe", b'{"class_name": "Sequential", "config": 3}'):
        refused(packed(tmp_path / "config.keras", {**parts, "config.json": config}))


def test_weights_that_do_not_fit(tmp_path: Path, good: Path) -> None:
    def lacking(weights: h5py.File) -> None:
        del weights["layers/dense_1/vars/1"]

    refused(with_weights(good, tmp_path / "a.keras", lacking), "dense_1", "vars/1")

    def misshapen(weights: h5py.File) -> None:
        del weights["layers/dense/vars/0"]
        weights["layers/dense/vars/0"] = np.zeros((4, 5), "float32")

    refused(with_weights(good, tmp_path / "b.keras", misshapen), "dense", "(4, 5)")

    def mismatched(weights: h5py.File) -> None:
        del weights["layers/dense_1/vars/0"]
        weights["layers/dense_1/vars/0"] = np.zeros((7, 2), "float32")

    refused(with_weights(good, tmp_path / "c.keras", mismatched), "dense_1", "(7, 2)")

    def not_finite(weights: h5py.File) -> None:
        weights["layers/dense/vars/0"][0, 0] = np.nan

    refused(with_weights(good, tmp_path / "d.keras", not_finite), "dense", "finite")


def test_weights_that_reach_outside(tmp_path: Path, good: Path) -> None:
    secret = tmp_path / "secret.h5"
    with h5py.File(secret, "w") as other:
        other["x"] = np.ones((4, 3), "float32")
    (tmp_path / "raw").write_bytes(np.ones((4, 3), "float32").tobytes())
    place = "layers/dense/vars/0"

    def link(weights: h5py.File) -> None:
        weights[place] = h5py.ExternalLink(str(secret), "x")

    def soft_link(weights: h5py.File) -> None:
        weights[place] = h5py.SoftLink("/layers/dense_1/vars/0")

    def virtual(weights: h5py.File) -> None:
        layout = h5py.VirtualLayout((4, 3), "float32")
        layout[:] = h5py.VirtualSource(str(secret), "x", (4, 3))
        weights.create_virtual_dataset(place, layout)

    def external(weights: h5py.File) -> None:
        weights.create_dataset(place, (4, 3), "float32", external=[(str(tmp_path / "raw"), 0, 48)])

    def huge(weights: h5py.File) -> None:
        weights.create_dataset(place, (40_000, 10_000), "float32", chunks=(1000, 1000))

    def bomb(weights: h5py.File) -> None:
        weights.create_dataset(place, data=np.zeros((4_000, 1_000), "float32"), compression="gzip")

    def strings(weights: h5py.File) -> None:
        weights.create_dataset(place, data=[["x"] * 3] * 4, dtype=h5py.string_dtype())

    for change in (link, soft_link, virtual, external, huge, bomb, strings):

        def replaced(weights: h5py.File, change: Callable[[h5py.File], None] = change) -> None:
            del weights[place]
            change(weights)

        refused(with_weights(good, tmp_path / f"{change.__name__}.keras", replaced), "dense", "plain arrays")


def test_legacy_files_that_reach_outside(tmp_path: Path) -> None:
    other = saved(mlp(), tmp_path / "other.h5")
    for place, name in (("model_weights", "all"), ("model_weights/first", "layer")):
        model = keras.Sequential([keras.Input((784,)), L.Dense(10, "softmax", name="first")])
        path = saved(model, tmp_path / f"{name}.h5")
        with h5py.File(path, "r+") as whole:
            del whole[place]
            whole[place] = h5py.ExternalLink(str(other), "model_weights")
        refused(path, "first", "link")


def test_command(tmp_path: Path, good: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path / "runs"))
    from tongsu.cli.keras import import_keras

    import_keras(good, as_json=True)
    answer = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert answer["model"] == "mlp" and answer["parameters"] == 4 * 3 + 3 + 3 * 2 + 2
    assert (Path(answer["run"]) / "recipe.json").is_file()


def test_archives_that_are_traps(tmp_path: Path, good: Path) -> None:
    parts = members(good)
    for number, name in enumerate(("../evil.txt", "/evil.txt", "a/../../evil", "..\\evil", "C:\\evil")):
        refused(packed(tmp_path / f"path{number}.keras", {**parts, name: b"x"}), "evil")
    assert not list(tmp_path.parent.glob("evil*"))

    path = packed(tmp_path / "link.keras", parts)
    with zipfile.ZipFile(path, "a") as archive:
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    refused(path, "assets/link")

    path = packed(tmp_path / "twice.keras", parts)
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("config.json", b"{}")
    refused(path, "config.json")

    bomb = {**parts, "config.json": parts["config.json"] + b" " * 10_000_000}
    refused(packed(tmp_path / "bomb.keras", bomb), "config.json")
    refused(
        packed(tmp_path / "bomb2.keras", {**parts, "model.weights.h5": bytes(30_000_000)}), "model.weights.h5"
    )
    many = {**parts, **{f"assets/{number}": b"" for number in range(10_001)}}
    refused(packed(tmp_path / "many.keras", many), "10004 files")
