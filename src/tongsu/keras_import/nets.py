"""Which of our nets a chain of Keras layers is, and its weights in our order.

Keras stores a dense kernel as (inputs, units), a convolution as (side, side, in, out), gates side by side in
columns; torch stores all of them the other way round. Our nets flatten pictures pixel by pixel, as Keras
does.

Letters used in shapes: D inputs, U units, G gates, C channels in, F filters out, k side of a window.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, NoReturn

import torch
from torch import Tensor

from tongsu.errors import Problem
from tongsu.keras_import.layers import RECURRENT, Layer, Values
from tongsu.models.gan import SLOPE
from tongsu.models.mlp import ACTIVATIONS

Tensors = dict[str, Tensor]


class KerasModel(NamedTuple):
    """What a file holds, in our terms. `tensors` are a state_dict: of the whole net, or of `hints["part"]`.

    hints: "kind" ("images", "text" or "points") and what else the file tells about the inputs: mean, std,
    channels, height, width; words, length. For half of a GAN: "part", "generator" or "discriminator".
    """

    model: str
    model_args: Values
    tensors: Tensors
    hints: Values


def recognise(file: Path, layers: list[Layer]) -> KerasModel:
    """Raises Problem when the chain is none of our nets, or a setting or shape does not fit."""
    chain = Chain(file, layers)
    for pattern, convert in NETS.items():
        if re.fullmatch(pattern, chain.steps):
            return convert(chain)
    raise Problem("keras.unknown_net", file=file, steps=chain.steps.strip())


class Chain:
    """The layers of one file, and the same as a line of words: "Dense relu Dropout Dense softmax "."""

    def __init__(self, file: Path, layers: list[Layer]) -> None:
        self.file = file
        self.layers = layers
        self.steps = "".join(f"{word} " for layer in layers for word in self.words(layer))

    def words(self, layer: Layer) -> list[str]:
        """A layer and its activation are two steps; what only names or trains is none."""
        if layer.kind in ("InputLayer", "Rescaling"):
            return []
        if layer.kind in ("ReLU", "LeakyReLU", "Softmax"):
            return [{"ReLU": "relu", "LeakyReLU": "leaky_relu", "Softmax": "softmax"}[layer.kind]]
        activation = layer.config.get("activation", "linear")
        if not isinstance(activation, str):  # a function of their own, or one that the file brings along
            raise Problem("keras.activation", file=self.file, layer=layer.name)
        if activation == "leaky_relu":  # as a word its slope is 0.2, which is none of ours
            activation = "leaky_relu(0.2)"
        if layer.kind == "Activation":
            return [activation]
        if layer.kind in (*RECURRENT, "Bidirectional") or activation == "linear":
            return [layer.kind]
        return [layer.kind, activation]

    def of(self, *kinds: str) -> list[Layer]:
        return [layer for layer in self.layers if layer.kind in kinds]

    def wrong(self, layer: Layer, setting: str, value: object, needed: object) -> NoReturn:
        raise Problem(
            "keras.setting", file=self.file, layer=layer.name, setting=setting, value=value, needed=needed
        )

    def need(self, layer: Layer, config: Values | None = None, **settings: object) -> None:
        """Refuse a setting that our net does not have. Absent means Keras's default, which is ours."""
        config = layer.config if config is None else config
        for setting, needed in settings.items():
            value = config.get(setting, needed)
            if value not in (needed, [needed, needed], [needed]):
                self.wrong(layer, setting, value, needed)

    def shapes(self, layer: Layer, *shapes: tuple[int, ...]) -> list[Tensor]:
        """The layer's arrays, which must have these shapes (0: any); a bias that Keras left out is zero."""
        arrays = list(layer.weights)
        if layer.config.get("use_bias") is False and len(arrays) == len(shapes) - 1:
            arrays.append(torch.zeros(shapes[-1][0] or arrays[0].shape[-1]))
        for array, shape in zip(arrays, shapes, strict=True):
            fits = len(array.shape) == len(shape)
            if not fits or any(
                size not in (0, given) for given, size in zip(array.shape, shape, strict=True)
            ):
                self.wrong(layer, "shape", tuple(array.shape), shape)
        return arrays

    def dense(self, layer: Layer, into: str, inputs: int = 0) -> Tensors:
        units = int(layer.config["units"])
        kernel, bias = self.shapes(layer, (inputs, units), (units,))
        return {f"{into}.weight": kernel.T.contiguous(), f"{into}.bias": bias}  # (D, U) to (U, D)

    def rate(self) -> float:
        """The share that the net's last dropout drops."""
        dropouts = self.of("Dropout")
        return float(dropouts[-1].config["rate"]) if dropouts else 0.0

    def input_shape(self) -> list[int | None]:
        """Of one example, as far as the file tells."""
        for layer in self.layers[:2]:
            if layer.kind == "Reshape":
                return list(layer.config["target_shape"])
            if shape := layer.config.get("batch_shape") or layer.config.get("batch_input_shape"):
                if self.steps.startswith("Reshape"):
                    continue
                return list(shape[1:])
        return []

    def picture(self) -> tuple[int, int, int]:
        """Height, width and channels of the input, or (0, 0, 0) where the file does not say."""
        shape = self.input_shape()
        if len(shape) not in (2, 3) or not all(shape):
            return 0, 0, 0
        return (*shape, 1)[:3]  # type: ignore[return-value]

    def scaling(self) -> Values:
        """How pixels 0..255 were prepared, as (x / 255 - mean) / std: by a Rescaling layer, else x / 255."""
        for layer in self.of("Rescaling"):
            scale, offset = layer.config["scale"], layer.config.get("offset", 0.0)
            if not isinstance(scale, int | float) or not isinstance(offset, int | float) or scale == 0:
                self.wrong(layer, "scale", scale, "1/255")
            return {"mean": [-offset / (255 * scale)], "std": [1 / (255 * scale)]}
        return {"mean": [0.0], "std": [1.0]}


def mlp(chain: Chain) -> KerasModel:
    *hidden, output = chain.of("Dense")
    bends = [step for step in chain.steps.split() if step in ACTIVATIONS][: len(hidden)]
    if len(set(bends)) > 1:
        chain.wrong(hidden[-1], "activation", bends[-1], bends[0])
    leaky(chain, 0.01)
    tensors: Tensors = {}
    width = 0
    for number, layer in enumerate(hidden):
        tensors |= chain.dense(layer, f"hidden.{3 * number}", width)
        width = int(layer.config["units"])
    tensors |= chain.dense(output, "output", width)
    first = "hidden.0.weight" if hidden else "output.weight"
    inputs = tensors[first].shape[1]
    height, width, channels = chain.picture()
    if (
        channels > 1 and inputs == height * width * channels
    ):  # Keras flattened (H, W, C), we flatten (C, H, W)
        kernel = tensors[first].view(-1, height, width, channels)  # (U, H, W, C)
        tensors[first] = kernel.permute(0, 3, 1, 2).flatten(1)  # (U, C·H·W)
    args = {
        "inputs": inputs,
        "hidden": [int(layer.config["units"]) for layer in hidden],
        "outputs": outputs(chain, output),
        "activation": bends[0] if bends else "relu",
        "dropout": chain.rate(),
    }
    if not height and round(inputs**0.5) ** 2 == inputs and inputs >= 64:
        height = width = round(inputs**0.5)  # 784 numbers are a flattened picture
    if not height:
        return KerasModel("mlp", args, tensors, {"kind": "points"})
    sides = {"channels": channels or 1, "height": height, "width": width}
    return KerasModel("mlp", args, tensors, {"kind": "images", **sides, **chain.scaling()})


def cnn(chain: Chain) -> KerasModel:
    tensors: Tensors = {}
    convolutions = chain.of("Conv2D")
    channels = convolutions[0].weights[0].shape[2]
    for number, layer in enumerate(convolutions):
        chain.need(layer, kernel_size=3, strides=1, padding="valid", dilation_rate=1, groups=1)
        chain.need(layer, data_format="channels_last")
        before = channels if number == 0 else int(convolutions[number - 1].config["filters"])
        filters = int(layer.config["filters"])
        kernel, bias = chain.shapes(layer, (3, 3, before, filters), (filters,))
        tensors[f"convolutions.{number}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()  # (F, C, k, k)
        tensors[f"convolutions.{number}.bias"] = bias
    for layer in chain.of("MaxPooling2D"):
        chain.need(layer, pool_size=2, strides=2, padding="valid", data_format="channels_last")
    height, width, _ = chain.picture()
    if height != width:
        chain.wrong(chain.layers[0], "shape", (height, width), "height = width")
    hidden, output = chain.of("Dense")
    side = round((hidden.weights[0].shape[0] / filters) ** 0.5)
    for _ in (
        convolutions if not height else ()
    ):  # not told: the smallest picture that gives this many numbers
        side = 2 * side + 2
    size = side = height or side
    for _ in convolutions:
        side = (side - 2) // 2
    tensors |= chain.dense(hidden, "dense", side * side * filters)
    tensors |= chain.dense(output, "output", int(hidden.config["units"]))
    args = {
        "channels": channels,
        "size": size,
        "filters": [int(layer.config["filters"]) for layer in convolutions],
        "dense": int(hidden.config["units"]),
        "outputs": outputs(chain, output),
        "dropout": chain.rate(),
    }
    hints = {"kind": "images", "channels": channels, "height": size, "width": size, **chain.scaling()}
    return KerasModel("cnn", args, tensors, hints)


def rnn(chain: Chain) -> KerasModel:
    (embedding,) = chain.of("Embedding")
    layers = chain.of(*RECURRENT, "Bidirectional")
    both = layers[0].kind == "Bidirectional"
    inner: list[Values] = [
        layer.config["layer"] if both else {"class_name": layer.kind, "config": layer.config}
        for layer in layers
    ]
    kind, hidden = inner[0]["class_name"], int(inner[0]["config"]["units"])
    words, width = embedding.weights[0].shape
    tensors: Tensors = {"embed.weight": embedding.weights[0]}
    for number, (layer, cell) in enumerate(zip(layers, inner, strict=True)):
        if cell["class_name"] != kind:
            chain.wrong(layer, "layer", cell["class_name"], kind)
        config = cell["config"]
        chain.need(layer, config, units=hidden, activation="tanh", go_backwards=False, stateful=False)
        chain.need(layer, config, recurrent_activation="sigmoid", reset_after=True, return_state=False)
        chain.need(layer, config, return_sequences=number < len(layers) - 1)
        chain.need(layer, merge_mode="concat")
        if both and layer.config.get("backward_layer") is not None:
            chain.need(layer, layer.config["backward_layer"]["config"], units=hidden, activation="tanh")
        count = len(layer.weights) // (2 if both else 1)
        for direction, end in enumerate(("", "_reverse")[: 2 if both else 1]):
            arrays = layer.weights[direction * count : (direction + 1) * count]
            one = layer._replace(weights=arrays, config=config)
            tensors |= cell_tensors(chain, one, kind, width, hidden, f"_l{number}{end}")
        width = hidden * (2 if both else 1)
    dense, output = chain.of("Dense")
    tensors |= chain.dense(dense, "head.0", width)
    tensors |= chain.dense(output, "head.3", int(dense.config["units"]))
    args = {
        "words": words,
        "embedding": embedding.weights[0].shape[1],
        "hidden": hidden,
        "cell": {"SimpleRNN": "simple", "LSTM": "lstm", "GRU": "gru"}[kind],
        "layers": len(layers),
        "bidirectional": both,
        "dense": int(dense.config["units"]),
        "outputs": outputs(chain, output),
        "dropout": chain.rate(),
        # With mask_zero Keras leaves the state unchanged at padding; without, padding is read as a word.
        "padding": "skip" if embedding.config.get("mask_zero") else "read",
    }
    length = embedding.config.get("input_length") or (chain.input_shape() or [None])[0]
    return KerasModel("rnn", args, tensors, {"kind": "text", "words": words, "length": length or 200})


def cell_tensors(chain: Chain, layer: Layer, kind: str, inputs: int, hidden: int, end: str) -> Tensors:
    """One direction of one layer: kernel (D, G·U), recurrent (U, G·U), bias (G·U), the GRU's (2, G·U)."""
    gates = {"SimpleRNN": 1, "LSTM": 4, "GRU": 3}[kind] * hidden
    bias_shape = (2, gates) if kind == "GRU" else (gates,)
    if len(layer.weights) == 2:  # use_bias=False
        layer = layer._replace(weights=[*layer.weights, torch.zeros(bias_shape)])
    kernel, recurrent, bias = chain.shapes(layer, (inputs, gates), (hidden, gates), bias_shape)
    first, second = bias if kind == "GRU" else (bias, torch.zeros(gates))
    arrays = {"weight_ih": kernel.T, "weight_hh": recurrent.T, "bias_ih": first, "bias_hh": second}
    if kind == "GRU":  # Keras: update, reset, candidate; torch: reset, update, candidate
        for name, array in arrays.items():
            update, reset, candidate = array.chunk(3)
            arrays[name] = torch.cat([reset, update, candidate])
    return {f"recurrent.{name}{end}": array.contiguous() for name, array in arrays.items()}


def generator(chain: Chain) -> KerasModel:
    (dense,), (reshape,) = chain.of("Dense"), chain.of("Reshape")
    norms, convolutions = chain.of("BatchNormalization"), chain.of("Conv2DTranspose")
    width = int(convolutions[1].config["filters"])
    side, wide = 7, [4 * width, 2 * width, width, 1]
    if list(reshape.config["target_shape"]) != [side, side, wide[0]]:
        chain.wrong(reshape, "target_shape", reshape.config["target_shape"], [side, side, wide[0]])
    (kernel,) = chain.shapes(dense._replace(config={}), (0, side * side * wide[0]))
    tensors: Tensors = {"dense.weight": kernel.T.contiguous()}  # (49·4 W, Z)
    leaky(chain, SLOPE)
    for number, (layer, stride) in enumerate(zip(convolutions, (1, 2, 2), strict=True)):
        chain.need(layer, kernel_size=5, strides=stride, padding="same", dilation_rate=1, use_bias=False)
        chain.need(layer, data_format="channels_last", output_padding=None)
        (kernel,) = chain.shapes(layer, (5, 5, wide[number + 1], wide[number]))
        tensors[f"conv{number + 1}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()  # (C, F, k, k)
    for number, layer in enumerate(norms):
        if abs(layer.config.get("epsilon", 1e-3) - 1e-3) > 1e-9:
            chain.wrong(layer, "epsilon", layer.config["epsilon"], 1e-3)
        size = side * side * wide[0] if number == 0 else wide[number]
        gamma, beta, mean, variance = chain.shapes(layer, *[(size,)] * 4)
        names = ("weight", "bias", "running_mean", "running_var")
        values = zip(names, (gamma, beta, mean, variance), strict=True)
        tensors |= {f"norm{number + 1}.{name}": value for name, value in values}
        tensors[f"norm{number + 1}.num_batches_tracked"] = torch.tensor(0)
    args = {"noise": tensors["dense.weight"].shape[1], "width": width}
    return KerasModel("gan", args, tensors, {"part": "generator", **SIGNED_DIGITS})


def discriminator(chain: Chain) -> KerasModel:
    leaky(chain, SLOPE)
    tensors: Tensors = {}
    first, second = chain.of("Conv2D")
    width = int(first.config["filters"])
    for name, layer, shape in (
        ("conv1", first, (5, 5, 1, width)),
        ("conv2", second, (5, 5, width, 2 * width)),
    ):
        chain.need(layer, kernel_size=5, strides=2, padding="same", dilation_rate=1, groups=1)
        chain.need(layer, data_format="channels_last")
        kernel, bias = chain.shapes(layer, shape, shape[-1:])
        tensors[f"{name}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()  # (F, C, k, k)
        tensors[f"{name}.bias"] = bias
    (output,) = chain.of("Dense")
    chain.shapes(output, (7 * 7 * 2 * width, 1), (1,))
    tensors |= chain.dense(output, "output")
    return KerasModel(
        "gan", {"width": width, "dropout": chain.rate()}, tensors, {"part": "discriminator", **SIGNED_DIGITS}
    )


def leaky(chain: Chain, needed: float) -> None:
    """The slope of every LeakyReLU layer; Keras 2 called it alpha, and 0.3 is the default."""
    for layer in chain.of("LeakyReLU"):
        slope = float(layer.config.get("negative_slope") or layer.config.get("alpha") or 0.3)
        if abs(slope - needed) > 1e-6:
            chain.wrong(layer, "negative_slope", slope, needed)


def outputs(chain: Chain, layer: Layer) -> int:
    """Classes: softmax needs several numbers, sigmoid one; without either the file holds logits, as we do."""
    units, last = int(layer.config["units"]), chain.steps.split()[-1]
    if (last == "softmax" and units < 2) or (last == "sigmoid" and units != 1):
        chain.wrong(layer, "units", units, "1 (sigmoid), 2+ (softmax)")
    return units


SIGNED_DIGITS: Values = {
    "kind": "images", "channels": 1, "height": 28, "width": 28, "mean": [0.5], "std": [0.5],
}  # fmt: skip

BEND = f"({'|'.join(ACTIVATIONS)}) "
BLOCK = "Conv2D (relu MaxPooling2D|MaxPooling2D relu) (Dropout )?"
READ = "((Bidirectional )+|(SimpleRNN )+|(LSTM )+|(GRU )+)"
DROP = "(Dropout |SpatialDropout1D )?"
GROW = "BatchNormalization leaky_relu Conv2DTranspose "
LOOK = "Conv2D leaky_relu (Dropout )?"
NETS: dict[str, Callable[[Chain], KerasModel]] = {
    f"(Flatten )?(Dense {BEND}(Dropout )?)*Dense ((softmax|sigmoid) )?": mlp,
    f"(Reshape )?({BLOCK})+Flatten Dense relu (Dropout )?Dense ((softmax|sigmoid) )?": cnn,
    f"Embedding {DROP}{READ}(Dropout )?Dense relu (Dropout )?Dense ((softmax|sigmoid) )?": rnn,
    f"Dense BatchNormalization leaky_relu Reshape Conv2DTranspose ({GROW}){{2}}tanh ": generator,
    f"({LOOK}){{2}}Flatten Dense (sigmoid )?": discriminator,
}
