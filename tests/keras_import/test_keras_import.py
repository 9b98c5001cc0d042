"""Real Keras models, written by Keras 3, read by us: same outputs."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import inspect
import json
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from keras import layers as L
from keras_models import (
    REFERENCE,
    VARIANTS,
    cnn,
    functional_mlp,
    generator,
    inputs_for,
    keras_outputs,
    last_activation,
    our_outputs,
    reader,
    saved,
    shuffled,
)

from tongsu.errors import Problem
from tongsu.keras_import import build, import_run, read_keras, read_vocabulary, recipe_values
from tongsu.models import MODELS, keras_count, parameter_count

# Keras 3.15's own way of handing a torch tensor to NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


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
