"""Numbers of a run by NumPy in float64, from its own files and by the definition: what a page shows must be these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

UNKNOWN = 2  # the number of a word that the vocabulary has not


def weights_of(run: Path) -> dict[str, np.ndarray]:
    return {name: value.astype(np.float64) for name, value in load_file(run / "weights.safetensors").items()}


def preprocessing_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "preprocessing.json").read_text())["preprocessing"]


def model_of(run: Path) -> dict[str, Any]:
    return json.loads((run / "recipe.json").read_text())["model_args"]


def normalised(run: Path, seen: np.ndarray) -> np.ndarray:
    """Grey levels from 0 to 255 as the net reads them."""
    how = preprocessing_of(run)
    return (seen.astype(np.float64) / 255 - how["mean"][0]) / how["std"][0]


def hidden_unit(run: Path, seen: np.ndarray, unit: int) -> float:
    """The pre-activation of a first-layer unit of an MLP."""
    weights = weights_of(run)
    return float(normalised(run, seen).ravel() @ weights["hidden.0.weight"][unit] + weights["hidden.0.bias"][unit])


def convolved(x: np.ndarray, kernels: np.ndarray, bias: np.ndarray | float = 0.0) -> np.ndarray:
    """(C, S, S) with kernels (F, C, 3, 3) to (F, S - 2, S - 2)."""
    side = x.shape[1] - 2
    windows = np.stack([x[:, u : u + side, v : v + side] for u in range(3) for v in range(3)], axis=1)  # (C, 9, S, S)
    return np.einsum("fck,ckij->fij", kernels.reshape(*kernels.shape[:2], 9), windows) + np.reshape(bias, (-1, 1, 1))


def second_convolution(run: Path, seen: np.ndarray) -> np.ndarray:
    """The road map's CNN: what its second convolution makes of a 28 x 28 picture, before the bend."""
    weights = weights_of(run)
    x = convolved(normalised(run, seen), weights["convolutions.0.weight"], weights["convolutions.0.bias"])
    x = np.maximum(x.reshape(len(x), 13, 2, 13, 2).max((2, 4)), 0)
    return convolved(x, weights["convolutions.1.weight"], weights["convolutions.1.bias"])


def first_convolution(run: Path, seen: np.ndarray) -> np.ndarray:
    """The small ResNet's first convolution, which has a border of zeros and no bias."""
    return convolved(np.pad(normalised(run, seen), ((0, 0), (1, 1), (1, 1))), weights_of(run)["conv.weight"])


def tokens_of(run: Path, words: list[str]) -> list[int]:
    vocabulary = preprocessing_of(run)["vocabulary"]
    return [vocabulary.index(word) if word in vocabulary else UNKNOWN for word in words]


def lstm_state(run: Path, words: list[str], word: int) -> np.ndarray:
    """The state h (H,) of an LSTM after `word`, by its equations."""
    weights = weights_of(run)
    tokens = tokens_of(run, words)
    if model_of(run).get("padding", "read") == "read":
        tokens = [0] * (preprocessing_of(run)["length"] - len(words)) + tokens
    h = c = np.zeros(weights["recurrent.weight_hh_l0"].shape[1])
    for token in tokens[: len(tokens) - len(words) + word + 1]:
        x = weights["embed.weight"][token]
        sums = weights["recurrent.weight_ih_l0"] @ x + weights["recurrent.weight_hh_l0"] @ h
        sums = sums + weights["recurrent.bias_ih_l0"] + weights["recurrent.bias_hh_l0"]
        i, f, g, o = np.split(sums, 4)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def first_head(run: Path, words: list[str]) -> np.ndarray:
    """softmax(Q Kᵀ / √d) of the first head of a Transformer's first layer: (T, T)."""
    weights = weights_of(run)
    x = weights["embed.weight"][tokens_of(run, words)] + weights["positions.weight"][: len(words)]
    x = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    x = x * weights["blocks.0.norm1.weight"] + weights["blocks.0.norm1.bias"]
    qkv = x @ weights["blocks.0.attention.qkv.weight"].T + weights["blocks.0.attention.qkv.bias"]  # (T, 3 W)
    width = x.shape[1]
    d = width // model_of(run).get("heads", 4)  # unless told otherwise, four heads
    q, k = qkv[:, :d], qkv[:, width : width + d]
    scores = np.exp(q @ k.T / np.sqrt(d))
    return scores / scores.sum(1, keepdims=True)
