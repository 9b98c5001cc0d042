"""Nets under one budget: against training loops written out in plain PyTorch, and honest about what was not done."""

from __future__ import annotations

import math
import statistics
import time
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nets import lesson
from torch import Tensor, nn

from tongsu.explain import VIEWS
from tongsu.explain.budgets import SMALL
from tongsu.models import CNN, MLP, SmallResNet
from tongsu.trials import Trials

RULE = ("optimizer=sgd", "momentum=0.9", "weight_decay=0", "schedule=constant", "warmup=0", "lr=0.05")
PLAIN = ("dropout=0", "batch_size=16", "examples=300", *RULE)


def mlp() -> tuple[Trials, Tensor, Tensor]:
    trials = Trials(*lesson("mlp", "digits", *PLAIN))
    test = trials.dataset.test
    return trials, trials.dataset.preprocessing.scale(test.inputs), test.targets


def by_hand(trials: Trials, hidden: tuple[int, ...], seed: int, count: int, epochs: int) -> MLP:
    """The same training as one would write it: Nesterov's momentum on batches of a shuffled set."""
    split = trials.dataset.train
    kept = np.linspace(0, len(split) - 1, count).round().astype(int)
    x, y = trials.dataset.preprocessing.scale(split.inputs[kept]), split.targets[kept]
    torch.manual_seed(seed)
    net = MLP(hidden=hidden, dropout=0.0)
    rule = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    for epoch in range(epochs):
        order = torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
        for chosen in order.split(16):
            rule.zero_grad()
            F.cross_entropy(net(x[chosen]), y[chosen]).backward()
            rule.step()
    return net.eval()


def test_every_accuracy_is_that_of_a_training_written_out() -> None:
    trials, x, targets = mlp()
    names = "hidden=12; hidden=20,10"
    answer = VIEWS["same-budget"].function(
        MLP(), x, targets, trials, variants=names, learned=96, epochs=2, seeds=3, seed=4
    )
    assert answer.names == ("hidden=12", "hidden=20,10") and answer.seeds.tolist() == [4, 5, 6]
    assert (answer.finished, answer.learned, answer.tested, answer.epochs) == (6, 96, len(targets), 2)
    for v, hidden in enumerate([(12,), (20, 10)]):
        found = []
        for r, seed in enumerate((4, 5, 6)):
            net = by_hand(trials, hidden, seed, 96, 2)
            with torch.no_grad():
                found.append(float((net(x).argmax(1) == targets).double().mean()))
            assert answer.accuracy[v, r] == pytest.approx(found[-1], abs=1.5 / len(targets))
        assert answer.parameters[v] == sum(p.numel() for p in net.parameters())
        assert answer.mean[v] == pytest.approx(statistics.mean(answer.accuracy[v]))
        assert answer.spread[v] == pytest.approx(statistics.stdev(answer.accuracy[v]))
    assert len(set(answer.accuracy.ravel().tolist())) > 1  # seeds do differ


def test_chance_and_the_run_are_left_as_they_were() -> None:
    trials, x, targets = mlp()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    one, other = (
        VIEWS["same-budget"].function(MLP(), x, targets, trials, variants="hidden=9", learned=40, seeds=1)
        for _ in range(2)
    )
    torch.manual_seed(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert one.accuracy.tolist() == other.accuracy.tolist()
    assert math.isnan(one.spread[0])  # one seed has no spread


@pytest.mark.parametrize(("seconds", "epochs"), [(0.0, 1), (0.6, 50)])
def test_when_time_is_over_what_is_missing_is_said_to_be_missing(seconds: float, epochs: int) -> None:
    trials = Trials(*lesson("cnn", "digits", "examples=2000"))
    test = trials.dataset.test
    x = trials.dataset.preprocessing.scale(test.inputs)
    began = time.perf_counter()
    answer = VIEWS["same-budget"].function(
        CNN(), x, test.targets, trials, variants="filters=16,32; dense=32", learned=1500, epochs=epochs, seconds=seconds
    )
    assert time.perf_counter() - began < 60  # 300 epochs of 1,500 pictures take longer
    assert answer.finished == 0 and np.isnan(answer.accuracy).all() and np.isnan(answer.mean).all()
    assert answer.accuracy.shape == (2, 3)


def test_depths_with_shortcuts_and_without() -> None:
    trials = Trials(*lesson("resnet", "digits", "examples=300"))
    test = trials.dataset.test
    x = trials.dataset.preprocessing.scale(test.inputs)
    answer = VIEWS["depth-accuracy"].function(
        SmallResNet(), x, test.targets, trials, depths=(8, 20), learned=64, epochs=1, seeds=2
    )
    assert answer.depths.tolist() == [8, 8, 20, 20] and answer.skips.tolist() == [True, False, True, False]
    for depth, count in zip(answer.depths, answer.budget.parameters, strict=True):
        assert count == numbers(8, (int(depth) - 2) // 6)
    assert answer.budget.finished == 8 and np.isfinite(answer.budget.accuracy).all()
    seen = trials.prepare(f"blocks=3,3,3 skip=false {SMALL}", 64, 1)(1, time.perf_counter() + 60)
    assert seen is not None and depth_of(seen.net) == 20 and not any(block.skip for block in seen.net.blocks)
    with torch.no_grad():
        right = float((seen.net(x).argmax(1) == test.targets).double().mean())
    assert answer.budget.accuracy[3, 1] == pytest.approx(right)


def numbers(w: int, n: int) -> int:
    """Weights of a net of 6 n + 2 layers by the paper's table: 3 x 3 convolutions and their BatchNorms, one Linear."""
    convs = 9 * (w + w * w * 2 * n + w * 2 * w + 4 * w * w * (2 * n - 1) + 2 * w * 4 * w + 16 * w * w * (2 * n - 1))
    return convs + 2 * (w + 2 * n * (w + 2 * w + 4 * w)) + 10 * 4 * w + 10


def depth_of(net: Any) -> int:
    return sum(isinstance(module, nn.Conv2d | nn.Linear) for module in net.modules())
