"""Real Keras models, written by Keras 3, read by us: same outputs; and every file that must be refused."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import inspect
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
import torch
from keras import layers as L

from tongsu.errors import Problem
from tongsu.keras_import import build, import_run, read_keras, read_vocabulary, recipe_values
from tongsu.locale import set_language
from tongsu.models import MODELS, keras_count, parameter_count

Built = Callable[[], keras.Model]

# Keras 3.15's own way of handing a torch tensor to NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


def mlp() -> keras.Model:
    return keras.Sequential([
        keras.Input((784,)), L.Dense(128, activation="relu"), L.Dropout(0.2),
        L.Dense(64, activation="relu"), L.Dropout(0.2), L.Dense(10, activation="softmax"),
    ])  # fmt: skip


def cnn() -> keras.Model:
    return keras.Sequential([
        keras.Input((28, 28, 1)), L.Conv2D(32, (3, 3), activation="relu"), L.MaxPooling2D((2, 2)),
        L.Conv2D(64, (3, 3), activation="relu"), L.MaxPooling2D((2, 2)), L.Flatten(),
        L.Dense(128, activation="relu"), L.Dropout(0.5), L.Dense(10, activation="softmax"),
    ])  # fmt: skip


def reader(*recurrent: keras.Layer, words: int = 10_000, width: int = 128, mask: bool = False) -> keras.Model:
    return keras.Sequential([
        keras.Input((200,), dtype="int32"), L.Embedding(words, width, mask_zero=mask), *recurrent,
        L.Dense(32, activation="relu"), L.Dropout(0.2), L.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def generator() -> keras.Model:
    return keras.Sequential([
        keras.Input((100,)), L.Dense(7 * 7 * 256, use_bias=False), L.BatchNormalization(), L.LeakyReLU(),
        L.Reshape((7, 7, 256)),
        L.Conv2DTranspose(128, (5, 5), strides=(1, 1), padding="same", use_bias=False),
        L.BatchNormalization(), L.LeakyReLU(),
        L.Conv2DTranspose(64, (5, 5), strides=(2, 2), padding="same", use_bias=False),
        L.BatchNormalization(), L.LeakyReLU(),
        L.Conv2DTranspose(1, (5, 5), strides=(2, 2), padding="same", use_bias=False, activation="tanh"),
    ])  # fmt: skip


def discriminator() -> keras.Model:
    return keras.Sequential([
        keras.Input((28, 28, 1)), L.Conv2D(64, (5, 5), strides=(2, 2), padding="same"), L.LeakyReLU(),
        L.Dropout(0.3), L.Conv2D(128, (5, 5), strides=(2, 2), padding="same"), L.LeakyReLU(), L.Dropout(0.3),
        L.Flatten(), L.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def functional_mlp() -> keras.Model:
    x = start = keras.Input((28, 28, 3))
    x = L.Flatten()(L.Rescaling(1 / 127.5, offset=-1)(x))
    x = L.Dropout(0.1)(L.ReLU()(L.Dense(12)(x)))
    x = L.Activation("relu")(L.Dense(9, use_bias=False)(x))
    return keras.Model(start, L.Softmax()(L.Dense(5)(x)))


def functional_cnn() -> keras.Model:
    x = start = keras.Input((20, 20, 3))
    x = L.ReLU()(L.MaxPooling2D()(L.Conv2D(6, 3)(x)))
    x = L.Dropout(0.3)(L.MaxPooling2D()(L.Conv2D(7, 3, activation="relu")(x)))
    x = L.Dense(11, activation="relu")(L.Flatten()(x))
    return keras.Model(start, L.Dense(4)(x))


def functional_reader() -> keras.Model:
    start = keras.Input((None,), dtype="int32")
    x = L.Embedding(30, 6)(start)
    x = L.GRU(5)(L.GRU(5, return_sequences=True)(L.SpatialDropout1D(0.2)(x)))
    x = L.Dense(4, activation="relu")(L.Dropout(0.1)(x))
    return keras.Model(start, L.Dense(3, activation="softmax")(x))


REFERENCE: dict[str, tuple[Built, str, dict[str, object], int]] = {
    "mlp": (mlp, "mlp", {}, 109_386),
    "cnn": (cnn, "cnn", {}, 225_034),
    "simple": (lambda: reader(L.SimpleRNN(64)), "rnn", {"cell": "simple"}, 1_294_465),
    "lstm": (lambda: reader(L.LSTM(64)), "rnn", {"cell": "lstm"}, 1_331_521),
    "gru": (lambda: reader(L.GRU(64)), "rnn", {"cell": "gru"}, 1_319_361),
    "bidirectional": (
        lambda: reader(L.Bidirectional(L.LSTM(64))), "rnn", {"cell": "lstm", "bidirectional": True}, 1_382_977
    ),
    "generator": (generator, "gan", {}, 2_330_944),
    "discriminator": (discriminator, "gan", {}, 212_865),
}  # fmt: skip

VARIANTS: dict[str, Built] = {
    "functional mlp": functional_mlp,
    "functional cnn": functional_cnn,
    "functional reader": functional_reader,
    "stacked": lambda: reader(
        L.Bidirectional(L.GRU(5, return_sequences=True)), L.Bidirectional(L.GRU(5)), words=30, width=6
    ),
    "masked": lambda: reader(L.LSTM(5), words=30, width=6, mask=True),
    "masked both ways": lambda: reader(L.Bidirectional(L.LSTM(5)), words=30, width=6, mask=True),
    "without bias": lambda: reader(L.SimpleRNN(5, use_bias=False), words=30, width=6),
}


@pytest.fixture(autouse=True)
def english():
    set_language("en")
    yield
    set_language(None)


def shuffled(model: keras.Model, seed: int = 0) -> keras.Model:
    """Every weight random, biases and BatchNorm's statistics too (variances positive)."""
    chance = np.random.default_rng(seed)
    for weight in model.weights:
        inputs = (
            np.prod(weight.shape[:-1]) if len(weight.shape) > 1 and "embeddings" not in weight.path else 1
        )
        value = chance.normal(0, 1 / np.sqrt(inputs), weight.shape)
        weight.assign(1 + np.abs(value) if "variance" in weight.path else value)
    return model


def saved(model: keras.Model, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    return path


def inputs_for(model: keras.Model) -> np.ndarray:
    chance = np.random.default_rng(1)
    shape = [size or 15 for size in model.input_shape[1:]]
    if any(isinstance(layer, L.Embedding) for layer in model.layers):
        tokens = chance.integers(1, 30, (4, *shape))
        for row, padding in enumerate((0, 3, 9, 14)):
            tokens[row, :padding] = 0
        return tokens.astype("int32")
    return chance.normal(size=(4, *shape)).astype("float32")


def keras_outputs(model: keras.Model, x: np.ndarray, training: bool = False) -> torch.Tensor:
    with torch.no_grad():
        return torch.from_numpy(keras.ops.convert_to_numpy(model(x, training=training)).copy())


def our_outputs(path: Path, x: np.ndarray, last: str) -> torch.Tensor:
    """Our net's answer, as probabilities where Keras gives probabilities, pictures as (B, H, W, C)."""
    imported = read_keras(path)
    net = build(imported)
    if "part" in imported.hints:
        net = net.get_submodule(imported.hints["part"])
    batch = torch.from_numpy(x)
    if imported.hints["kind"] == "text":
        batch = batch.long()
    elif batch.ndim == 4:
        batch = batch.permute(0, 3, 1, 2)
        mean, std = imported.hints["mean"][0], imported.hints["std"][0]
        if (mean, std) not in ((0.0, 1.0), (0.5, 0.5)) or imported.model == "mlp":
            batch = (batch / 255 - mean) / std
    with torch.no_grad():
        y = net(batch)
    if y.ndim == 4:
        return y.permute(0, 2, 3, 1)
    return {"softmax": y.softmax(-1), "sigmoid": y.sigmoid()}.get(last, y)


def last_activation(model: keras.Model) -> str:
    layer = model.layers[-1]
    return "softmax" if isinstance(layer, L.Softmax) else layer.activation.__name__


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", REFERENCE)
def test_reference_nets_answer_as_in_keras(name: str, ending: str, tmp_path: Path) -> None:
    make, chosen, arguments, count = REFERENCE[name]
    model = shuffled(make())
    assert model.count_params() == count
    path = saved(model, tmp_path / f"{name}.{ending}")
    imported = read_keras(path)
    defaults = {k: v.default for k, v in inspect.signature(MODELS[chosen]).parameters.items()} | arguments
    assert imported.model == chosen
    for key, value in imported.model_args.items():  # the road map's net is our default net
        assert value == (list(defaults[key]) if isinstance(defaults[key], tuple) else defaults[key]), key
    net = build(imported)
    part = net.get_submodule(imported.hints["part"]) if "part" in imported.hints else net
    assert keras_count(part) == count
    x = inputs_for(model)
    ours, theirs = our_outputs(path, x, last_activation(model)), keras_outputs(model, x)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    assert theirs.std() > 1e-3  # the comparison says something


@pytest.mark.parametrize("ending", ["keras", "h5"])
@pytest.mark.parametrize("name", VARIANTS)
def test_other_widths_and_forms(name: str, ending: str, tmp_path: Path) -> None:
    model = shuffled(VARIANTS[name]())
    path = saved(model, tmp_path / f"model.{ending}")
    x = inputs_for(model)
    ours, theirs = our_outputs(path, x, last_activation(model)), keras_outputs(model, x)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_generator_trains_as_in_keras(tmp_path: Path) -> None:
    """BatchNorm by the batch's statistics, and how it moves the running ones."""
    model = shuffled(generator())
    net = build(read_keras(saved(model, tmp_path / "generator.keras"))).generator.train()
    x = np.random.default_rng(0).normal(size=(64, 100)).astype("float32")
    theirs = keras_outputs(model, x, training=True).permute(0, 3, 1, 2)
    with torch.no_grad():
        ours = net(torch.from_numpy(x))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
    norms = [layer for layer in model.layers if isinstance(layer, L.BatchNormalization)]
    for number, layer in enumerate(norms):
        norm = net.get_submodule(f"norm{number + 1}")
        mean = torch.from_numpy(keras.ops.convert_to_numpy(layer.moving_mean).copy())
        variance = torch.from_numpy(keras.ops.convert_to_numpy(layer.moving_variance).copy())
        torch.testing.assert_close(norm.running_mean, mean, rtol=0, atol=1e-5)
        # Keras averages the batch's variance with 1/n, torch with 1/(n - 1): a hundredth of 1/63 apart.
        torch.testing.assert_close(norm.running_var, variance, rtol=1e-3, atol=1e-4)


def test_hints_say_how_inputs_are_prepared(tmp_path: Path) -> None:
    imported = read_keras(saved(functional_mlp(), tmp_path / "a.keras"))
    assert imported.hints["mean"] == [pytest.approx(0.5)] and imported.hints["std"] == [pytest.approx(0.5)]
    assert recipe_values(imported)["preprocessing"]["mean"] == [pytest.approx(0.5)] * 3
    values = recipe_values(read_keras(saved(cnn(), tmp_path / "b.keras")))
    sides = {"kind": "images", "channels": 1, "height": 28, "width": 28}
    assert values["preprocessing"].items() >= {**sides, "mean": [0.0], "std": [1.0], "digits": True}.items()
    assert values["labels"] == list("0123456789") and values["recipe"]["chapter"] == "cnn"
    text = recipe_values(read_keras(saved(reader(L.GRU(3), words=30, width=4), tmp_path / "c.keras")))
    assert text["labels"] == ["negative", "positive"]
    assert text["preprocessing"] == {"kind": "text", "vocabulary": [], "length": 200, "level": "word"}


def test_vocabulary_is_keras_numbering(tmp_path: Path) -> None:
    file = tmp_path / "imdb_word_index.json"
    file.write_text(json.dumps({"the": 1, "and": 2, "fawn": 4, "a": 3}))
    assert read_vocabulary(file, 7) == ("<pad>", "<start>", "<unknown>", "<unused>", "the", "and", "a")
    for content in ("[1, 2]", "no json", '{"the": 1}', '{"the": "x"}'):
        file.write_text(content)
        with pytest.raises(Problem, match="is no word list"):
            read_vocabulary(file, 7)


def test_becomes_a_run(tmp_path: Path) -> None:
    from tongsu.runs.store import RunStore
    from tongsu.training import checkpoint

    model = shuffled(reader(L.GRU(3), words=6, width=4))
    path = saved(model, tmp_path / "mine.keras")
    words = tmp_path / "words.json"
    words.write_text(json.dumps({"the": 1, "and": 2}))
    run = import_run(path, RunStore(tmp_path / "runs"), vocabulary=words, name="mine")
    assert run.name == "mine" and run.recipe()["model_args"]["cell"] == "gru"
    assert run.preprocessing()["preprocessing"]["vocabulary"][4:] == ["the", "and"]
    net = MODELS["rnn"](**run.recipe()["model_args"]).eval()
    net.load_state_dict(checkpoint.load_weights(run))
    assert parameter_count(net) == model.count_params()
    x = inputs_for(model) % 6
    with torch.no_grad():
        ours = net(torch.from_numpy(x).long()).sigmoid()
    torch.testing.assert_close(ours, keras_outputs(model, x), rtol=0, atol=1e-5)


# -- what must be refused ------------------------------------------------------------------------------------


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
