"""Keras models, the road map's and others, and what they answer; for the tests of `keras_import`."""

from __future__ import annotations

import os

os.environ.setdefault("KERAS_BACKEND", "torch")

import warnings
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import torch
from keras import layers as L

from tongsu.keras_import import build, read_keras

Built = Callable[[], keras.Model]


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
