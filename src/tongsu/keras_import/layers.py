"""From a Keras config to a plain chain of layers with their weights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from tongsu.errors import Problem
from tongsu.keras_import.files import Fetch

Values = dict[str, Any]

RECURRENT = ("SimpleRNN", "LSTM", "GRU")
# Every kind of layer we know, with the name that its group has in an archive.
KINDS = {
    "InputLayer": "input_layer",
    "Rescaling": "rescaling",
    "Dense": "dense",
    "Conv2D": "conv2d",
    "Conv2DTranspose": "conv2d_transpose",
    "MaxPooling2D": "max_pooling2d",
    "Flatten": "flatten",
    "Reshape": "reshape",
    "Dropout": "dropout",
    "SpatialDropout1D": "spatial_dropout1d",
    "BatchNormalization": "batch_normalization",
    "Activation": "activation",
    "ReLU": "re_lu",
    "LeakyReLU": "leaky_re_lu",
    "Softmax": "softmax",
    "Embedding": "embedding",
    "SimpleRNN": "simple_rnn",
    "LSTM": "lstm",
    "GRU": "gru",
    "Bidirectional": "bidirectional",
}


class Layer(NamedTuple):
    kind: str
    name: str
    config: Values
    weights: list[Tensor]


def chain(file: Path, whole: Values, fetch: Fetch) -> list[Layer]:
    """The layers from input to output. Whatever would need code from the file, or branches, is a Problem."""
    if whole["class_name"] not in ("Sequential", "Functional", "Model"):
        raise Problem("keras.subclassed", file=file, kind=whole["class_name"])
    config = whole["config"]
    found = config["layers"] if isinstance(config, dict) else config
    for layer in found:
        check_kind(file, layer)
    groups = archive_groups(found)
    if whole["class_name"] != "Sequential":
        found = in_order(file, found)
    return [
        Layer(kind, name, layer["config"], fetch(name, groups[name], places) if places else [])
        for layer in found
        for kind, name, places in [(layer["class_name"], layer["config"]["name"], arrays(layer))]
    ]


def check_kind(file: Path, layer: Values) -> None:
    """Only Keras's own layers; `wrapped` is what a Bidirectional holds."""
    kind, name = layer["class_name"], layer["config"].get("name", "?")
    module = str(layer.get("module") or "keras.layers")
    registered = str(layer.get("registered_name") or "")
    if kind == "Lambda":
        raise Problem("keras.code", file=file, layer=name)
    if module.split(".")[0] not in ("keras", "tf_keras", "tensorflow") or ">" in f"{registered}{kind}":
        raise Problem("keras.custom", file=file, layer=name, kind=registered or kind)
    if kind not in KINDS:
        raise Problem("keras.unknown_layer", file=file, layer=name, kind=kind)
    for wrapped in (layer["config"].get("layer"), layer["config"].get("backward_layer")):
        if wrapped is not None:
            check_kind(file, wrapped)
            if wrapped["class_name"] not in RECURRENT:
                raise Problem("keras.unknown_layer", file=file, layer=name, kind=wrapped["class_name"])


def archive_groups(found: list[Values]) -> dict[str, str]:
    """dense, dense_1, dense_2, ...: by kind, in the order of the file."""
    groups: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for layer in found:
        group = KINDS[layer["class_name"]]
        groups[layer["config"]["name"]] = f"{group}_{counts[group]}" if counts[group] else group
        counts[group] += 1
    return groups


def arrays(layer: Values) -> list[str]:
    """Where a layer's arrays lie inside its group."""
    kind, config = layer["class_name"], layer["config"]
    inner = config["layer"]["config"] if kind == "Bidirectional" else config
    if kind in (*RECURRENT, "Bidirectional"):
        cells = ["forward_layer/cell", "backward_layer/cell"] if kind == "Bidirectional" else ["cell"]
        count = 3 if inner.get("use_bias", True) else 2
        return [f"{cell}/vars/{number}" for cell in cells for number in range(count)]
    if kind == "BatchNormalization":
        count = 2 + config.get("scale", True) + config.get("center", True)
    elif kind in ("Dense", "Conv2D", "Conv2DTranspose"):
        count = 1 + config.get("use_bias", True)
    else:
        count = 1 if kind == "Embedding" else 0
    return [f"vars/{number}" for number in range(count)]


def in_order(file: Path, found: list[Values]) -> list[Values]:
    """A functional model's layers from input to output; branches and shared layers are refused."""
    after: dict[str, Values] = {}
    ordered: list[Values] = []
    for layer in found:
        sources = inputs_of(layer.get("inbound_nodes", []))
        if len(sources) > 1 or any(source in after for source in sources) or (not sources and ordered):
            raise Problem("keras.not_a_chain", file=file, layer=layer["config"]["name"])
        if not sources:
            ordered.append(layer)
        after |= dict.fromkeys(sources, layer)
    while ordered and ordered[-1]["config"]["name"] in after and len(ordered) < len(found):
        ordered.append(after[ordered[-1]["config"]["name"]])
    if len(ordered) < len(found):
        raise Problem("keras.not_a_chain", file=file, layer=found[-1]["config"]["name"])
    return ordered


def inputs_of(nodes: Any) -> list[str]:
    """The names of the layers that a layer reads, from Keras 3's "keras_history" or Keras 2's lists."""
    if isinstance(nodes, dict):
        if "keras_history" in nodes:
            return [nodes["keras_history"][0]]
        return [name for part in nodes.values() for name in inputs_of(part)]
    if isinstance(nodes, list):
        if len(nodes) in (3, 4) and isinstance(nodes[0], str) and isinstance(nodes[1], int):
            return [nodes[0]]
        return [name for part in nodes for name in inputs_of(part)]
    return []
