"""Our equations against PyTorch's kernels, padding against sentences alone, gradients against differences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.models import CNN, RNN, Transformer
from tongsu.models.rnn import WrittenOut
from tongsu.models.transformer import Attention, sinusoids

KERNELS = {"simple": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
CELL_CASES = list(itertools.product(KERNELS, (1, 2), (False, True)))


def gradients(net: nn.Module) -> dict[str, Tensor]:
    return {name: p.grad for name, p in net.named_parameters() if p.grad is not None}


def assert_same(ours: dict[str, Tensor], theirs: dict[str, Tensor], tolerance: float = 1e-6) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        torch.testing.assert_close(value, theirs[name], rtol=0, atol=tolerance, msg=name)


def sentences(lengths: list[int], to: int) -> Tensor:
    """Random words, padded at the front to `to`."""
    rows = [[0] * (to - n) + torch.randint(1, 50, (n,)).tolist() for n in lengths]
    return torch.tensor(rows)


@pytest.mark.parametrize(("cell", "layers", "bidirectional"), CELL_CASES)
def test_written_out_cells_equal_the_kernels(cell: str, layers: int, bidirectional: bool) -> None:
    torch.manual_seed(0)
    theirs = KERNELS[cell](5, 4, layers, batch_first=True, bidirectional=bidirectional).double()
    ours = WrittenOut(cell, 5, 4, layers, bidirectional).double()
    ours.load_state_dict(theirs.state_dict())  # the same names and shapes
    x = torch.randn(3, 7, 5, dtype=torch.float64)
    weight = torch.randn(3, 7, 4 * (2 if bidirectional else 1), dtype=torch.float64)

    y_theirs, last = theirs(x)
    h = last[0] if cell == "lstm" else last
    y_ours, final = ours(x)
    torch.testing.assert_close(y_ours, y_theirs, rtol=0, atol=1e-6)
    torch.testing.assert_close(
        final, torch.cat(tuple(h[-2 if bidirectional else -1 :]), 1), rtol=0, atol=1e-6
    )

    (y_theirs * weight).sum().backward()
    (y_ours * weight).sum().backward()
    assert_same(gradients(ours), gradients(theirs))


@pytest.mark.parametrize("padding", ["read", "skip"])
@pytest.mark.parametrize(("cell", "layers", "bidirectional"), CELL_CASES)
def test_fused_net_equals_written_out_net(cell: str, layers: int, bidirectional: bool, padding: str) -> None:
    torch.manual_seed(0)
    arguments = {"words": 50, "embedding": 6, "hidden": 4, "cell": cell, "layers": layers}
    arguments |= {"bidirectional": bidirectional, "dense": 5, "dropout": 0.0, "padding": padding}
    fused, written = RNN(**arguments).double(), RNN(**arguments, written_out=True).double()
    written.load_state_dict(fused.state_dict())
    tokens = sentences([9, 4, 1, 0], to=9)
    torch.testing.assert_close(fused.states(tokens), written.states(tokens), rtol=0, atol=1e-6)
    for net in (fused, written):
        net(tokens).square().sum().backward()
    assert_same(gradients(written), gradients(fused))


@pytest.mark.parametrize("written_out", [False, True])
@pytest.mark.parametrize(("cell", "layers", "bidirectional"), CELL_CASES)
def test_skipped_padding_changes_nothing(
    cell: str, layers: int, bidirectional: bool, written_out: bool
) -> None:
    torch.manual_seed(0)
    net = RNN(
        words=50, embedding=6, hidden=4, cell=cell, layers=layers, bidirectional=bidirectional,
        padding="skip", written_out=written_out,
    ).double().eval()  # fmt: skip
    lengths = [9, 5, 2, 1]
    tokens = sentences(lengths, to=12)
    together, states = net(tokens), net.states(tokens)
    for row, length in enumerate(lengths):
        alone = tokens[row : row + 1, -length:]  # the sentence without any padding
        torch.testing.assert_close(together[row : row + 1], net(alone), rtol=0, atol=1e-9)
        torch.testing.assert_close(states[row : row + 1, -length:], net.states(alone), rtol=0, atol=1e-9)
        assert not states[row, :-length].any()


def test_only_keras_biases_learn() -> None:
    net = RNN(cell="lstm", words=50)
    assert not net.recurrent.bias_hh_l0.requires_grad and not net.recurrent.bias_hh_l0.any()
    torch.testing.assert_close(net.recurrent.bias_ih_l0[64:128], torch.ones(64))  # forget gate
    assert RNN(cell="gru", words=50).recurrent.bias_hh_l0.requires_grad


@pytest.mark.parametrize("padding", ["read", "skip"])
def test_states_lead_to_the_answer(padding: str) -> None:
    net = RNN(words=50, padding=padding).eval()
    tokens = sentences([6, 3], to=6)
    torch.testing.assert_close(net.head(net.states(tokens)[:, -1]), net(tokens))


def test_attention_equals_sdpa() -> None:
    torch.manual_seed(0)
    arguments = {"words": 50, "length": 12, "width": 8, "heads": 2, "feedforward": 16, "dropout": 0.0}
    fast = Transformer(**arguments).double()
    written = Transformer(**arguments, attention="written").double()
    written.load_state_dict(fast.state_dict())
    tokens = sentences([12, 5, 1, 0], to=12)
    torch.testing.assert_close(fast(tokens), written(tokens), rtol=0, atol=1e-6)
    for net in (fast, written):
        net(tokens).square().sum().backward()
    assert_same(gradients(written), gradients(fast))


def test_attention_equals_nn_multihead_attention() -> None:
    torch.manual_seed(0)
    ours, theirs = (
        Attention(8, 2, written=True).double(),
        nn.MultiheadAttention(8, 2, batch_first=True).double(),
    )
    theirs.in_proj_weight.data, theirs.in_proj_bias.data = ours.qkv.weight.data, ours.qkv.bias.data
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    x = torch.randn(3, 6, 8, dtype=torch.float64)
    seen = torch.arange(6) >= torch.tensor([[0], [2], [5]])
    y, weights = theirs(x, x, x, key_padding_mask=~seen, average_attn_weights=False)
    torch.testing.assert_close(ours(x, seen), y, rtol=0, atol=1e-6)
    torch.testing.assert_close(ours.weights(x, seen), weights, rtol=0, atol=1e-6)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
def test_transformer_means_the_same_whatever_the_padding(positions: str) -> None:
    torch.manual_seed(0)
    net = Transformer(words=50, length=20, positions=positions).double().eval()
    tokens = sentences([9, 4, 1], to=20)
    for row, length in enumerate([9, 4, 1]):
        alone = net(tokens[row : row + 1, -length:])
        torch.testing.assert_close(net(tokens)[row : row + 1], alone, rtol=0, atol=1e-9)
    assert torch.isfinite(net(torch.zeros(1, 5, dtype=torch.long))).all()


def test_sinusoids_follow_the_paper() -> None:
    table = sinusoids(5, 6)
    for t, i in itertools.product(range(5), range(3)):
        assert table[t, 2 * i].item() == pytest.approx(np.sin(t / 10000 ** (2 * i / 6)), abs=1e-6)
        assert table[t, 2 * i + 1].item() == pytest.approx(np.cos(t / 10000 ** (2 * i / 6)), abs=1e-6)


def test_pooling_before_relu_is_keras_order() -> None:
    torch.manual_seed(0)
    net = CNN(filters=(4, 4)).double()
    x = torch.randn(3, 1, 28, 28, dtype=torch.float64)
    y = x
    for convolution in net.convolutions:
        y = F.max_pool2d(F.relu(convolution(y)), 2)
    theirs = F.relu(net.dense(y.permute(0, 2, 3, 1).flatten(1)))
    ours = net.features(x)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
    first, second = net.convolutions[0].weight, net.convolutions[1].weight
    for a, b in zip(
        torch.autograd.grad(ours.square().sum(), (first, second)),
        torch.autograd.grad(theirs.square().sum(), (first, second)),
        strict=True,
    ):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)


def test_gradient_equals_central_differences() -> None:
    """dL/dw ≈ (L(w + ε) − L(w − ε)) / 2ε for every weight of a small net, by hand."""
    torch.manual_seed(0)
    net = RNN(words=8, embedding=3, hidden=3, cell="lstm", dense=3, dropout=0.0, padding="skip").double()
    tokens, targets = (
        torch.tensor([[0, 1, 5, 7], [2, 3, 4, 6]]),
        torch.tensor([0.0, 1.0], dtype=torch.float64),
    )

    def loss() -> Tensor:
        return F.binary_cross_entropy_with_logits(net(tokens)[:, 0], targets)

    loss().backward()
    epsilon = 1e-6
    for name, p in net.named_parameters():
        if not p.requires_grad:
            continue
        flat, grad = p.data.view(-1), p.grad.view(-1)
        for i in range(flat.numel()):
            value = flat[i].item()
            with torch.no_grad():
                flat[i] = value + epsilon
                up = loss()
                flat[i] = value - epsilon
                down = loss()
                flat[i] = value
            assert grad[i].item() == pytest.approx(((up - down) / (2 * epsilon)).item(), abs=1e-8), name


def test_gradcheck_of_a_small_transformer() -> None:
    torch.manual_seed(0)
    net = Transformer(
        words=6, length=4, width=4, heads=2, layers=1, feedforward=4, dropout=0.0, attention="written"
    ).double()
    tokens = torch.tensor([[0, 1, 2, 3], [2, 5, 4, 1]])
    names, values = zip(*net.named_parameters(), strict=True)

    def run(*weights: Tensor) -> Tensor:
        return torch.func.functional_call(net, dict(zip(names, weights, strict=True)), tokens)

    assert torch.autograd.gradcheck(run, values)
