"""How one number comes about: the terms that are added up, and nothing left over.

Letters used in shapes: D inputs, C channels, k kernel side, S side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn

from tongsu.errors import Problem
from tongsu.explain.arrays import array, plain
from tongsu.explain.layers import watched
from tongsu.explain.record import at_least, bend, bend_behind, named, sentence, within


@dataclass(frozen=True)
class Unit:
    """sum(terms) + bias = total, which is what the model put out; the largest terms come first."""

    layer: str
    unit: int
    activation: str
    inputs: np.ndarray = array("term")
    weights: np.ndarray = array("term")
    terms: np.ndarray = array("term")
    sources: np.ndarray = array("term")  # which of the layer's inputs
    bias: float = 0.0
    total: float = 0.0  # in double precision
    output: float = 0.0  # the same as the model itself computed it, in single precision
    activated: float = 0.0


def unit(model: nn.Module, x: Tensor, layer: str | None = None, unit: int = 0, word: int | None = None) -> Unit:
    """One unit of any Linear layer (the last one unless told). x (1, ...); word: which, where a layer reads words."""
    found, _ = watched(model, x)
    step = named(found, layer, ("linear",), last=True)
    inputs, outputs, weight = step.input[0], step.output[0], step.args[1]
    within("unit", unit, len(weight))
    if inputs.dim() == 2:
        inputs = inputs[-len(outputs) :]  # the words, without padding
        at = within("word", len(outputs) - 1 if word is None else word, len(outputs))
        inputs, outputs = inputs[at], outputs[at]
    elif word is not None and not x.dtype.is_floating_point:
        within("word", word, sentence(model, x)[1])  # this layer reads all of them at once
    values, weights = plain(inputs), plain(weight[unit])  # (D,)
    bias = step.args[2] if len(step.args) > 2 else step.kwargs.get("bias")
    added = 0.0 if bias is None else float(bias.detach()[unit])
    order = np.argsort(-np.abs(values * weights), kind="stable")
    total = float((values * weights).sum() + added)
    activation = bend_behind(found, step)
    return Unit(
        step.name, unit, activation, values[order], weights[order], (values * weights)[order], order, added, total,
        float(outputs[unit]), bend(activation, total),
    )  # fmt: skip


@dataclass(frozen=True)
class Pixel:
    """One number of a feature map: sum(products) + bias = total. Outside the picture (not `inside`) there is 0."""

    layer: str
    channel: int
    row: int
    column: int
    top: int  # where the window begins in the layer's input; negative in the padding
    left: int
    activation: str
    window: np.ndarray = array("channel", "row", "column")
    kernel: np.ndarray = array("channel", "row", "column")
    products: np.ndarray = array("channel", "row", "column")
    inside: np.ndarray = array("row", "column")
    sums: np.ndarray = array("channel")
    stride: np.ndarray = array("side")
    padding: np.ndarray = array("side")
    dilation: np.ndarray = array("side")
    bias: float = 0.0
    total: float = 0.0
    output: float = 0.0
    activated: float = 0.0


def pixel(
    model: nn.Module, x: Tensor, layer: str | None = None, channel: int = 0, row: int | None = None,
    column: int | None = None,
) -> Pixel:  # fmt: skip
    """One place of one map of any Conv2d (the first, and its middle, unless told). x (1, C, S, S)."""
    found, _ = watched(model, x)
    step = named(found, layer, ("conv",))
    conv = step.module
    assert isinstance(conv, nn.Conv2d)
    channel, row, column = _place(step.output, channel, row, column)
    stride, padding, dilation, size = (
        pair(value) for value in (conv.stride, conv.padding, conv.dilation, conv.kernel_size)
    )
    group = channel // (conv.out_channels // conv.groups)
    picture = plain(step.input[0].chunk(conv.groups)[group])  # (C / groups, S, S)
    top, left = row * stride[0] - padding[0], column * stride[1] - padding[1]
    ys = top + dilation[0] * np.arange(size[0])
    xs = left + dilation[1] * np.arange(size[1])
    inside = ((ys >= 0) & (ys < picture.shape[1]))[:, None] & ((xs >= 0) & (xs < picture.shape[2]))
    seen = picture[:, ys.clip(0, picture.shape[1] - 1)][:, :, xs.clip(0, picture.shape[2] - 1)]
    window = np.where(inside, seen, 0.0)
    kernel = plain(conv.weight[channel])
    products = window * kernel
    bias = 0.0 if conv.bias is None else float(conv.bias.detach()[channel])
    total = float(products.sum() + bias)
    activation = bend_behind(found, step)
    return Pixel(
        step.name, channel, row, column, top, left, activation, window, kernel, products, inside,
        products.sum((1, 2)), np.array(stride), np.array(padding), np.array(dilation), bias, total,
        float(step.output[0, channel, row, column]), bend(activation, total),
    )  # fmt: skip


def _place(maps: Tensor, channel: int, row: int | None, column: int | None) -> tuple[int, int, int]:
    """A place of maps (1, C, S, S); None: the middle."""
    channels, height, width = maps.shape[1:]
    within("channel", channel, channels)
    return (
        channel, within("row", height // 2 if row is None else row, height),
        within("column", width // 2 if column is None else column, width),
    )  # fmt: skip


def pair(value: Any) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (int(value[0]), int(value[1]))


@dataclass(frozen=True)
class Pool:
    """One window of a pooling: its largest number stays, or the mean."""

    layer: str
    kind: str  # max or avg
    channel: int
    row: int
    column: int
    top: int
    left: int
    winner: np.ndarray | None = array("side")  # (row, column) in the window; None for the mean
    window: np.ndarray = array("row", "column")
    total: float = 0.0  # in double precision
    output: float = 0.0  # as the model computed it


def pool(
    model: nn.Module, x: Tensor, layer: str | None = None, channel: int = 0, row: int | None = None,
    column: int | None = None,
) -> Pool:  # fmt: skip
    """x (1, C, S, S); row and column of the pooled map, its middle unless told."""
    found, _ = watched(model, x)
    step = named(found, layer, ("max_pool", "avg_pool"))
    channel, row, column = _place(step.output, channel, row, column)
    picture = plain(step.input[0, channel])  # (S, S)
    kind = step.kind.partition("_")[0]
    size, stride, padding = _pooling(step.args, step.kwargs)
    top, left = row * stride[0] - padding[0], column * stride[1] - padding[1]
    window = picture[max(top, 0) : top + size[0], max(left, 0) : left + size[1]]
    winner = np.array(np.unravel_index(window.argmax(), window.shape)) if kind == "max" else None
    total = float(window.max() if kind == "max" else window.mean())
    return Pool(
        step.name, kind, channel, row, column, max(top, 0), max(left, 0), winner, window, total,
        float(step.output[0, channel, row, column]),
    )  # fmt: skip


def _pooling(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[int, int]]:
    """Window, stride and padding of a call of F.max_pool2d or F.avg_pool2d."""
    size = pair(args[1])
    stride = args[2] if len(args) > 2 else kwargs.get("stride")
    padding = args[3] if len(args) > 3 else kwargs.get("padding", 0)
    return [size, pair(stride) if stride else size, pair(padding)]


@dataclass(frozen=True)
class Sandbox:
    """A convolution on paper: which inputs each output reads along one side, and how often each pixel is read."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int
    output: int
    span: int  # numbers that a window reaches over
    unused: int  # at the end of a side, read by no window
    positions: np.ndarray = array("output", "tap")  # places of the input; below 0 or >= size: padding
    uses: np.ndarray = array("row", "column")  # windows that read each pixel


def conv_sandbox(
    model: Any = None, size: int = 8, kernel: int = 3, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Sandbox:
    """output = floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1 (Dumoulin & Visin 2016).

    Raises Problem for a setting that cannot be, and says why. No model is needed.
    """
    for what, value, least in (
        ("size", size, 1), ("kernel", kernel, 1), ("stride", stride, 1), ("padding", padding, 0),
        ("dilation", dilation, 1),
    ):  # fmt: skip
        at_least(what, value, least)
    within("size", size, 513)
    span = dilation * (kernel - 1) + 1
    room = size + 2 * padding
    if span > room:
        raise Problem("explain.kernel_too_wide", reach=span, size=size, padding=padding, room=room)
    output = (room - span) // stride + 1
    positions = stride * np.arange(output)[:, None] + dilation * np.arange(kernel) - padding
    along = np.bincount(positions[(positions >= 0) & (positions < size)], minlength=size)  # (size,)
    unused = max(size - 1 - int(positions.max()), 0)
    return Sandbox(size, kernel, stride, padding, dilation, output, span, unused, positions, np.outer(along, along))


