"""The recurrent net as a tracer can read it.

PyTorch's tracer looks into its fused recurrent kernels and unrolls them, so that the file would read texts of one
length only. Here each layer is one node that stands in the graph as it is, with the same weights in ONNX's order.
Traced only: called as a model, such a node answers zeros. That the file means the same is checked by running it.

Letters used in shapes: B batch, T time (words), D features of a word, H hidden units, G gates, R directions.
"""

from __future__ import annotations

import copy
import types
from typing import Any, cast

import torch
from torch import Tensor, nn

from tongsu.models.rnn import CELLS, RNN

NODES = {"simple": "RNN", "lstm": "LSTM", "gru": "GRU"}
# Our order of the gates (input, forget, candidate, output; reset, update, candidate) in ONNX's order.
GATES = {"simple": (0,), "lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}


class Layers(nn.Module):
    """Words (B, T, D) to all states (B, T, R·H) and each layer's final ones (layers·R, B, H)."""

    def __init__(self, kernel: nn.Module, cell: str, layers: int, directions: int) -> None:
        super().__init__()
        self.cell, self.layers, self.ends = cell, layers, ("", "_reverse")[:directions]
        for name, value in kernel.state_dict().items():
            rows = value.unflatten(0, (CELLS[cell][1], -1))  # (G, H, ...)
            self.register_buffer(name, torch.cat([rows[gate] for gate in GATES[cell]]))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        finals = []
        for layer in range(self.layers):
            x, last = self.layer(x, *(f"_l{layer}{end}" for end in self.ends))
            finals.append(last)
        return x, torch.cat(finals)

    def layer(self, x: Tensor, *ends: str) -> tuple[Tensor, Tensor]:
        """(B, T, D) to (B, T, R·H) and (R, B, H); one direction for each end of the weights' names."""

        def of(name: str) -> Tensor:
            return torch.stack([cast(Tensor, getattr(self, name + end)) for end in ends])

        w, u, b = of("weight_ih"), of("weight_hh"), torch.cat([of("bias_ih"), of("bias_hh")], dim=1)
        (B, T, _), R, H = x.shape, len(ends), u.shape[2]
        settings: Any = {"hidden_size": H, "direction": "bidirectional" if R == 2 else "forward"}
        if self.cell == "gru":
            settings["linear_before_reset"] = 1  # the reset gate acts after the matrix U, as in `gru_step`
        states, last = torch.onnx.ops.symbolic_multi_out(
            NODES[self.cell], (x.transpose(0, 1), w, u, b), settings,
            dtypes=(x.dtype, x.dtype), shapes=((T, R, B, H), (R, B, H)),
        )  # fmt: skip
        return states.permute(2, 0, 1, 3).flatten(2), last


def traceable(model: RNN, cell: str) -> RNN:
    """A copy whose layers, and whose way of reading one of them in one direction, are such nodes."""
    ours = copy.copy(model)
    ours._modules = dict(model._modules)
    layers = Layers(model.recurrent, cell, model.layers, model.directions)
    ours.recurrent = layers

    def way(_: RNN, x: Tensor, end: str) -> Tensor:
        return layers.layer(x, end)[0]

    ours._way = types.MethodType(way, ours)  # type: ignore[method-assign]
    return ours
