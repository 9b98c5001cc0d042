"""A recurrent net from the inside: gates, states, and the formula of one unit at one word.

Every state comes from the written-out equations of `models.rnn` with the net's own weights, and equals what its
fused kernel computes. Answers are in the order of the sentence, whichever way it is read.
Letters used in shapes: T words, D features, H hidden units, G gates, K classes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tongsu.errors import Problem
from tongsu.explain.arrays import array, plain
from tongsu.explain.record import evaluating, sentence, within
from tongsu.models.logits import probabilities
from tongsu.models.rnn import CELLS, RNN

GATES = {"simple": ("h",), "lstm": ("i", "f", "g", "o"), "gru": ("r", "z", "n")}  # in the order of the weights' rows
STATES = {"simple": (), "lstm": ("c", "h"), "gru": ("h",)}  # what they lead to


@dataclass(frozen=True)
class Way:
    """One layer read in one direction: its weights, and what goes in, (L, D), in reading order; L may count padding."""

    cell: str
    weights: tuple[Tensor, Tensor, Tensor, Tensor]  # W (G·H, D), U (G·H, H), b and b2 (G·H,)
    inputs: Tensor

    def states(self) -> Iterator[tuple[Tensor, Tensor]]:
        """h and c, each (1, H), after each step; they keep their graph."""
        step = CELLS[self.cell][0]
        h = c = self.inputs.new_zeros(1, self.weights[1].shape[1])
        for x in self.inputs:
            h, c = step(x[None], (h, c), *self.weights)
            yield h, c

    def gates(self, x: Tensor, h: Tensor) -> dict[str, Tensor]:
        """Each gate (1, H) for one input (1, D) and the state before it."""
        w, u, b, b2 = self.weights
        names = GATES[self.cell]
        below, before = (x @ w.T + b).chunk(len(names), 1), (h @ u.T + b2).chunk(len(names), 1)
        if self.cell == "gru":
            r, z = (torch.sigmoid(below[at] + before[at]) for at in (0, 1))
            return {"r": r, "z": z, "n": torch.tanh(below[2] + r * before[2])}
        bends = {"g": torch.tanh, "h": torch.tanh}
        return {name: bends.get(name, torch.sigmoid)(below[at] + before[at]) for at, name in enumerate(names)}


def cell_of(model: RNN) -> str:
    fused = type(model.recurrent)
    return next(
        name for name, (step, _, kernel, _) in CELLS.items()
        if kernel is fused or getattr(model.recurrent, "step", None) is step
    )  # fmt: skip


def way(model: RNN, tokens: Tensor, depth: int = 0, direction: str = "forward") -> tuple[Way, int]:
    """Of tokens (1, T), and how many of the inputs are words. Raises Problem for a layer or a direction that the net
    does not have."""
    within("depth", depth, model.layers)
    if direction not in ("forward", "backward"):
        raise Problem("explain.choice", what="direction", value=direction, known="forward, backward")
    if direction == "backward" and model.directions == 1:
        raise Problem("explain.one_direction")
    read, count = sentence(model, tokens)
    x = model.embed(read[0])  # (L, D)
    for below in range(depth):  # what the layers below make of it
        x = torch.cat([
            _in_place(_way(model, x, below, way).states(), way) for way in ("forward", "backward")[: model.directions]
        ], dim=1)  # fmt: skip
    return _way(model, x, depth, direction), count


def _way(model: RNN, x: Tensor, depth: int, direction: str) -> Way:
    end = f"_l{depth}" + ("_reverse" if direction == "backward" else "")
    w, u, b, b2 = (getattr(model.recurrent, name + end) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    return Way(cell_of(model), (w, u, b, b2), x.flip(0) if direction == "backward" else x)


def _in_place(states: Iterator[tuple[Tensor, Tensor]], direction: str) -> Tensor:
    """(L, H) in the order of the sentence."""
    h = torch.cat([h for h, _ in states])
    return h.flip(0) if direction == "backward" else h


@dataclass(frozen=True)
class Gates:
    """What each gate let through at each word, and the states it led to, by the letters of the equations."""

    cell: str
    depth: int
    direction: str
    names: tuple[str, ...]
    values: np.ndarray = array("gate", "word", "unit")
    probabilities: np.ndarray = array("class")


@torch.no_grad()
def gates(model: RNN, tokens: Tensor, depth: int = 0, direction: str = "forward") -> Gates:
    """tokens (1, T), padded at the front. depth: the layer."""
    with evaluating(model):
        read, count = way(model, tokens, depth, direction)
        h = read.inputs.new_zeros(1, read.weights[1].shape[1])
        rows = []
        for x, (after, c) in zip(read.inputs, read.states(), strict=True):
            found = {**read.gates(x[None], h), "c": c, "h": after}
            rows.append(torch.cat([found[name] for name in (*GATES[read.cell], *STATES[read.cell])]))
            h = after
        values = torch.stack(rows, 1)  # (G, L, H)
        chances = probabilities(model(tokens))[0]
    values = values.flip(1) if direction == "backward" else values
    names = (*GATES[read.cell], *STATES[read.cell])
    return Gates(read.cell, depth, direction, names, plain(values[:, values.shape[1] - count :]), plain(chances))


@dataclass(frozen=True)
class GateNumbers:
    """The formula of one unit at one word: from_input + bias + from_state + bias2 = sums, bent to values.

    The GRU's candidate n takes only r times what comes from the state and its bias2, and its sum says so.
    """

    cell: str
    word: int
    unit: int
    names: tuple[str, ...]
    h_before: float
    c_before: float | None  # of the LSTM
    h: float
    c: float | None
    from_input: np.ndarray = array("gate")  # W x
    from_state: np.ndarray = array("gate")  # U h
    bias: np.ndarray = array("gate")
    bias2: np.ndarray = array("gate")
    sums: np.ndarray = array("gate")
    values: np.ndarray = array("gate")
    x: np.ndarray = array("feature")
    w: np.ndarray = array("gate", "feature")
    h_vector: np.ndarray = array("unit")  # the state before the word
    u: np.ndarray = array("gate", "unit")


@torch.no_grad()
def gate_numbers(
    model: RNN, tokens: Tensor, depth: int = 0, direction: str = "forward", word: int | None = None, unit: int = 0
) -> GateNumbers:
    """tokens (1, T). word: its place in the sentence, the last one unless told."""
    with evaluating(model):
        read, count = way(model, tokens, depth, direction)
        L = len(read.inputs)
        at = within("word", count - 1 if word is None else word, count)
        step = L - 1 - (L - count + at) if direction == "backward" else L - count + at  # in reading order
        w, u, b, b2 = read.weights
        H = u.shape[1]
        within("unit", unit, H)
        h = c = read.inputs.new_zeros(1, H)
        states = [(h, c), *read.states()]
        (h, c), (h_after, c_after) = states[step], states[step + 1]
    rows = [k * H + unit for k in range(len(GATES[read.cell]))]
    x, before = plain(read.inputs[step]), plain(h[0])
    weights, turned = plain(w[rows]), plain(u[rows])  # (G, D), (G, H)
    bias, bias2 = plain(b[rows]), plain(b2[rows])
    from_input, from_state = weights @ x, turned @ before
    sums = from_input + bias + from_state + bias2
    if read.cell == "gru":
        r = 1 / (1 + np.exp(-sums[0]))
        sums[2] = from_input[2] + bias[2] + r * (from_state[2] + bias2[2])
    values = np.array([
        np.tanh(total) if name in ("g", "n", "h") else 1 / (1 + np.exp(-total))
        for name, total in zip(GATES[read.cell], sums, strict=True)
    ])  # fmt: skip
    memory = read.cell == "lstm"
    return GateNumbers(
        read.cell, at, unit, GATES[read.cell], float(before[unit]), float(c[0, unit]) if memory else None,
        float(h_after[0, unit]), float(c_after[0, unit]) if memory else None,
        from_input, from_state, bias, bias2, sums, values, x, weights, before, turned,
    )  # fmt: skip


@dataclass(frozen=True)
class Directions:
    """What each way of reading adds: the answer with both final states, and with the other one set to 0."""

    names: tuple[str, ...]
    probabilities: np.ndarray = array("way", "class")


@torch.no_grad()
def directions(model: RNN, tokens: Tensor) -> Directions:
    """tokens (1, T)."""
    if model.directions == 1:
        raise Problem("explain.one_direction")
    sentence(model, tokens)
    kept: list[Tensor] = []
    handle = model.head.register_forward_pre_hook(lambda _module, inputs: kept.append(inputs[0]))
    try:
        with evaluating(model):
            both = model(tokens)
            final = kept[0]  # (1, 2 H)
            H = final.shape[1] // 2
            forth, back = final.clone(), final.clone()
            forth[:, H:], back[:, :H] = 0, 0
            answers = torch.cat([probabilities(part) for part in (both, model.head(forth), model.head(back))])
    finally:
        handle.remove()
    return Directions(("both", "forward", "backward"), plain(answers))
