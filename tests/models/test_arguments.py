from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tongsu.errors import Problem
from tongsu.locale import set_language
from tongsu.models import CNN, MLP, RNN, VGG, ResNet, SmallResNet, Transformer


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: MLP(activation="step"), ["activation=step", "relu"]),
        (lambda: CNN(size=9), ["size=9", "10"]),
        (lambda: VGG(depth=12), ["depth=12", "11, 13, 16"]),
        (lambda: ResNet(depth=20), ["depth=20", "18, 34, 50"]),
        (lambda: SmallResNet(blocks=()), ["blocks=0"]),
        (lambda: RNN(cell="elman"), ["cell=elman", "simple, lstm, gru"]),
        (lambda: RNN(padding="ignore"), ["padding=ignore", "read, skip"]),
        (lambda: Transformer(width=10, heads=3), ["10", "3"]),
        (lambda: Transformer(length=4)(torch.ones(1, 5, dtype=torch.long)), ["5 words", "length=5"]),
    ],
)
def test_impossible_arguments_are_named(build: Callable[[], object], words: list[str]) -> None:
    set_language("en")
    with pytest.raises(Problem) as raised:
        build()
    set_language(None)
    assert raised.value.exit_code == 2
    assert all(word in str(raised.value) for word in words)


def test_smallest_cnn_works() -> None:
    assert CNN(size=10)(torch.zeros(2, 1, 10, 10)).shape == (2, 10)
