"""Gates, attention, neighbours and paths against PyTorch's own kernels and NumPy in float64."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nets import double, inputs, nets, sigmoid
from torch import nn

from tongsu.explain import VIEWS
from tongsu.models import RNN

gates, numbers = VIEWS["gates"].function, VIEWS["gate-numbers"].function
CELLS = {"simple": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


@pytest.fixture(scope="module")
def every() -> dict[str, nn.Module]:
    return {name: net.eval() for name, net in nets().items()}


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("padding", ["read", "skip"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_states_are_those_of_the_fused_kernel(cell: str, padding: str, bidirectional: bool) -> None:
    torch.manual_seed(3)
    size = {"words": 40, "embedding": 12, "hidden": 10, "layers": 2}
    net = RNN(**size, cell=cell, bidirectional=bidirectional, padding=padding).eval()
    tokens = inputs("lstm", 1)
    read = tokens if padding == "read" else tokens[:, 6:]
    fused = CELLS[cell](12, 10, 2, batch_first=True, bidirectional=bidirectional)
    fused.load_state_dict(net.recurrent.state_dict())
    with torch.no_grad():
        out = fused(net.embed(read))[0][0, -9:]  # (T, R·H) of the last layer
    for way, direction in enumerate(("forward", "backward")[: 1 + bidirectional]):
        answer = gates(net, tokens, depth=1, direction=direction)
        assert answer.names[-1] == "h" and answer.values.shape == (len(answer.names), 9, 10)
        np.testing.assert_allclose(answer.values[-1], double(out)[:, 10 * way : 10 * way + 10], atol=1e-6)


@pytest.mark.parametrize("name", ["lstm", "gru", "simple"])
def test_gates_obey_their_equations(name: str, every: dict[str, nn.Module]) -> None:
    answer = gates(every[name], inputs(name, 1))
    found = dict(zip(answer.names, answer.values, strict=True))
    if name == "lstm":
        before = np.vstack([np.zeros(10), found["c"][:-1]])
        np.testing.assert_allclose(found["c"], found["f"] * before + found["i"] * found["g"], atol=1e-6)
        np.testing.assert_allclose(found["h"], found["o"] * np.tanh(found["c"]), atol=1e-6)
    if name == "gru":
        before = np.vstack([np.zeros(10), found["h"][:-1]])
        np.testing.assert_allclose(found["h"], (1 - found["z"]) * found["n"] + found["z"] * before, atol=1e-6)
    for gate in set("ifo") & set(found) | set("rz") & set(found):
        assert ((found[gate] > 0) & (found[gate] < 1)).all()


@pytest.mark.parametrize("name", ["simple", "lstm", "gru", "written"])
@pytest.mark.parametrize("word", [0, 4, 8])
def test_the_formula_has_the_numbers_of_the_gates(name: str, word: int, every: dict[str, nn.Module]) -> None:
    net, tokens = every[name], inputs(name, 1)
    for direction in ("forward", "backward") if name == "gru" else ("forward",):
        all_gates = gates(net, tokens, direction=direction)
        one = numbers(net, tokens, direction=direction, word=word, unit=6)
        found = dict(zip(all_gates.names, all_gates.values[:, word, 6], strict=True))
        np.testing.assert_allclose(one.values, [found[gate] for gate in one.names], atol=1e-6)
        np.testing.assert_allclose(one.from_input, one.w @ one.x, atol=1e-12)
        np.testing.assert_allclose(one.from_state, one.u @ one.h_vector, atol=1e-12)
        assert one.h == pytest.approx(found["h"], abs=1e-6)
        if one.cell == "lstm":
            i, f, g, o = one.values
            assert one.c == pytest.approx(f * one.c_before + i * g, abs=1e-6)
            assert one.h == pytest.approx(o * np.tanh(one.c), abs=1e-6)
        elif one.cell == "gru":
            r, z, n = one.values
            x_part, h_part = one.from_input + one.bias, one.from_state + one.bias2
            np.testing.assert_allclose([r, z, n], [sigmoid(x_part[0] + h_part[0]), sigmoid(x_part[1] + h_part[1]),
                                                   np.tanh(x_part[2] + r * h_part[2])], atol=1e-6)  # fmt: skip
            assert one.h == pytest.approx((1 - z) * n + z * one.h_before, abs=1e-6)


def test_directions_by_hand(every: dict[str, nn.Module]) -> None:
    net, tokens = every["gru"], inputs("gru", 1)
    answer = VIEWS["directions"].function(net, tokens)
    forward = gates(net, tokens, depth=1).values[-1, -1]  # the state after the last word
    backward = gates(net, tokens, depth=1, direction="backward").values[-1, 0]  # after the first one
    zero = np.zeros(10)
    for row, final in enumerate([[forward, backward], [forward, zero], [zero, backward]]):
        with torch.no_grad():
            yes = sigmoid(double(net.head(torch.tensor(np.concatenate(final)).float()[None])))[0, 0]
        np.testing.assert_allclose(answer.probabilities[row], [1 - yes, yes], atol=1e-6)


@pytest.mark.parametrize("name", ["transformer", "minilm"])
@pytest.mark.parametrize("depth", [0, 1])
def test_attention_by_hand(name: str, depth: int, every: dict[str, nn.Module]) -> None:
    """Against the equations in float64, and the mix against PyTorch's fused kernel."""
    net, tokens = every[name], inputs(name, 1)
    answer = VIEWS["attention"].function(net, tokens, depth=depth)
    d = answer.q.shape[-1]
    scores = answer.q @ answer.k.transpose(0, 2, 1) / np.sqrt(d)
    np.testing.assert_allclose(answer.scores, scores, atol=1e-6)
    weights = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(answer.weights, weights, atol=1e-6)
    fused = F.scaled_dot_product_attention(*(torch.tensor(part) for part in (answer.q, answer.k, answer.v)))
    np.testing.assert_allclose(answer.mixed, fused.numpy(), atol=1e-6)
    kept: list[torch.Tensor] = []
    block = net.blocks[depth]
    handle = (block.out if name == "minilm" else block.attention).register_forward_hook(lambda *a: kept.append(a[2]))
    with torch.no_grad():
        logits = net(tokens)
    handle.remove()
    np.testing.assert_allclose(answer.output, double(kept[0][0, -9:]), atol=1e-5)
    assert answer.probabilities[1] == pytest.approx(sigmoid(float(logits[0, 0])), abs=1e-6)
    maps = VIEWS["attention-maps"].function(net, tokens)
    np.testing.assert_allclose(maps.weights[depth], answer.weights, atol=1e-6)
    one = VIEWS["attention"].function(net, tokens, depth=depth, head=1)
    np.testing.assert_allclose(one.weights[0], answer.weights[1])


def test_neighbours_by_cosine(every: dict[str, nn.Module]) -> None:
    net, tokens = every["lstm"], inputs("lstm", 1)
    answer = VIEWS["neighbours"].function(net, tokens, count=5)
    table = double(net.embed.weight)
    for row, word in enumerate(answer.tokens):
        cosines = table @ table[word] / np.linalg.norm(table, axis=1) / np.linalg.norm(table[word])
        order = [n for n in np.argsort(-cosines) if n > 2 and n != word][:5]
        assert answer.neighbours[row].tolist() == order
        np.testing.assert_allclose(answer.similarities[row], cosines[order], atol=1e-6)


@pytest.mark.parametrize("name", ["simple", "lstm", "gru", "transformer", "minilm"])
def test_the_path_of_the_state(name: str, every: dict[str, nn.Module]) -> None:
    net, tokens = every[name], inputs(name, 1)
    answer = VIEWS["trajectory"].function(net, tokens)
    with torch.no_grad():
        states = double(net.states(tokens)[0, -9:])
    values, _ = np.linalg.eigh(np.cov(states.T))
    np.testing.assert_allclose(answer.points.var(0, ddof=1), values[::-1][:2], rtol=1e-3, atol=1e-9)
    np.testing.assert_allclose(answer.jumps[1:], np.linalg.norm(np.diff(states, axis=0), axis=1), atol=1e-5)
    again = VIEWS["trajectory"].function(net, tokens, plane=answer.plane)
    np.testing.assert_allclose(again.points, answer.points, atol=1e-9)


@pytest.mark.parametrize("name", ["lstm", "transformer"])
@pytest.mark.parametrize("view", ["gates", "attention", "integrated-gradients", "occlusion"])
def test_padding_changes_nothing(name: str, view: str, every: dict[str, nn.Module]) -> None:
    if not VIEWS[view].fits(every[name]):
        pytest.skip("another model's")
    tokens = inputs(name, 1)
    here, there = (VIEWS[view].function(every[name], part) for part in (tokens, tokens[:, 4:]))
    for field in vars(here):
        value = getattr(here, field)
        if isinstance(value, np.ndarray):
            np.testing.assert_allclose(value, getattr(there, field), atol=1e-5, err_msg=field)
