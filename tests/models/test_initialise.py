from __future__ import annotations

import math

import torch

from tongsu.models import CNN, RNN


def test_weights_begin_as_keras_lets_them_begin() -> None:
    torch.manual_seed(0)
    net = RNN(cell="gru", bidirectional=True)
    assert net.embed.weight.abs().max() <= 0.05 and net.embed.weight.std() > 0.02
    for end in ("_l0", "_l0_reverse"):
        recurrent = getattr(net.recurrent, f"weight_hh{end}")  # (3 H, H), columns orthonormal
        torch.testing.assert_close(recurrent.T @ recurrent, torch.eye(64), rtol=0, atol=1e-5)
        kernel = getattr(net.recurrent, f"weight_ih{end}")  # (3 H, D)
        assert 0.9 < kernel.abs().max() / math.sqrt(6 / (128 + 3 * 64)) <= 1
        assert not getattr(net.recurrent, f"bias_ih{end}").any()
    convolution = CNN().convolutions[1]
    assert 0.9 < convolution.weight.abs().max() / math.sqrt(6 / (9 * 32 + 9 * 64)) <= 1
    assert not convolution.bias.any()


def test_a_seed_fixes_all_weights() -> None:
    nets = []
    for _ in range(2):
        torch.manual_seed(3)
        nets.append(RNN(cell="lstm", words=20))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)
