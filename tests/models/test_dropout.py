"""Dropout from random bits behaves as `nn.Dropout` does; independent: the binomial distribution and nn.Dropout."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from tongsu.models.dropout import Dropout

SHAPE = (50, 40, 30, 20)  # 1.2 million numbers


def layouts() -> dict[str, Tensor]:
    ones = torch.ones(SHAPE)
    return {
        "plain": ones,
        "channels last": ones.contiguous(memory_format=torch.channels_last),
        "transposed": ones.transpose(0, 3),
        "a slice": torch.ones(SHAPE[0], SHAPE[1] + 3, *SHAPE[2:])[:, 1:-2],
        "an odd number": torch.ones(1_000_001),
    }


@pytest.mark.parametrize("p", [0.1, 0.3, 0.5, 0.9])
@pytest.mark.parametrize("layout", layouts())
def test_share_and_size_of_what_stays(p: float, layout: str) -> None:
    torch.manual_seed(0)
    x = layouts()[layout]
    y = Dropout(p)(x)
    spread = (p * (1 - p) / x.numel()) ** 0.5  # of the share, by the binomial distribution
    assert abs(float((y == 0).float().mean()) - p) < 5 * spread + 1 / 2**17
    torch.testing.assert_close(y[y != 0].unique(), torch.tensor([1 / (1 - p)]), rtol=2e-4, atol=0)
    assert y.shape == x.shape


def test_numbers_are_left_out_independently_of_each_other() -> None:
    """Of neighbours at any distance (four share one draw), both are left out as often as chance has it: p squared."""
    torch.manual_seed(0)
    gone = (Dropout(0.5)(torch.ones(1_000_000)) == 0).float()
    for distance in (1, 2, 3, 4, 5, 8, 64):
        both = float((gone[distance:] * gone[:-distance]).mean())
        assert abs(both - 0.25) < 5 * (0.25 * 0.75 / 1_000_000) ** 0.5, distance


def test_gradient_goes_where_the_numbers_went() -> None:
    x = torch.randn(1000, requires_grad=True)
    y = Dropout(0.4)(x)
    y.sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad == 0, y == 0)


@pytest.mark.parametrize("ours", [Dropout(0.0), Dropout(0.5).eval()])
def test_does_nothing_when_there_is_nothing_to_do(ours: nn.Module) -> None:
    x = torch.randn(10)
    assert ours(x) is x


def test_follows_the_seed() -> None:
    answers = []
    for _ in range(2):
        torch.manual_seed(3)
        answers.append(Dropout(0.5)(torch.ones(100)))
    assert torch.equal(*answers)


@pytest.mark.parametrize("p", [-0.1, 1.0, 1.5])
def test_impossible_probability(p: float) -> None:
    with pytest.raises(ValueError, match="dropout"):
        Dropout(p)
