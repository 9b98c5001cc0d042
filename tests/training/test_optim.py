from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tongsu.recipes import mlp
from tongsu.training.optim import MovingAverage, optimizer_for, rate, set_rate


def recipe(**changes):
    from dataclasses import replace

    return replace(mlp.reference(), **changes)


def test_schedules_rise_and_fall_where_they_should():
    one = recipe(schedule="onecycle", warmup=0.2)
    assert rate(one, 0.1) == 0.5 and rate(one, 0.2) == 1.0 and abs(rate(one, 0.6) - 0.5) < 1e-12
    assert rate(one, 1.0) == 0.0 and rate(one, 0.0) > 0
    cosine = recipe(schedule="cosine", warmup=0.0)
    assert rate(cosine, 0.0) == 1.0 and abs(rate(cosine, 0.5) - 0.5) < 1e-12 and abs(rate(cosine, 1.0)) < 1e-12
    assert rate(recipe(schedule="linear"), 0.25) == 0.75
    assert rate(recipe(), 0.7) == 1.0


def test_the_peak_survives_saving_the_optimizer():
    model = nn.Linear(2, 2)
    first = optimizer_for(recipe(lr=0.4, optimizer="sgd"), model.parameters())
    set_rate([first], 0.25)
    again = optimizer_for(recipe(lr=0.4, optimizer="sgd"), model.parameters())
    again.load_state_dict(first.state_dict())
    set_rate([again], 0.5)
    assert again.param_groups[0]["lr"] == 0.2


def test_moving_average_against_the_recursion():
    torch.manual_seed(0)
    model = nn.BatchNorm1d(3)
    average = MovingAverage(model, 0.5)
    wanted = model.weight.detach().clone()
    for n in range(1, 6):
        with torch.no_grad():
            model.weight.add_(torch.randn(3))
            model.num_batches_tracked += 1
        average.update(model)
        keep = min(0.5, (1 + n) / (10 + n))
        wanted = keep * wanted + (1 - keep) * model.weight.detach()
    assert torch.allclose(average.values["weight"], wanted)
    assert average.values["num_batches_tracked"] == 5


@pytest.mark.parametrize(("name", "kind"), [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW)])
def test_an_update_is_torchs_own(name, kind):
    """Bit for bit, and so after the memory of one went into the other."""
    ours, theirs = torch.randn(7, 5, requires_grad=True), torch.empty(7, 5, requires_grad=True)
    theirs.data.copy_(ours.data)
    mine = optimizer_for(recipe(optimizer=name, lr=0.01), [ours])
    other = kind([theirs], lr=0.01, eps=1e-7, fused=True)
    for turn in range(6):
        for value, optimizer in ((ours, mine), (theirs, other)):
            optimizer.zero_grad()
            value.sin().square().sum().backward()
            optimizer.step()
        if turn == 3:
            mine.load_state_dict(copy.deepcopy(other.state_dict()))
    assert torch.equal(ours, theirs)


def test_momentum_is_torchs_own():
    ours, theirs = (torch.full((3,), 2.0, requires_grad=True) for _ in range(2))
    mine = optimizer_for(recipe(optimizer="sgd", lr=0.1), [ours])
    other = torch.optim.SGD([theirs], lr=0.1, momentum=0.9, nesterov=True, fused=True)
    for _ in range(5):
        for value, optimizer in ((ours, mine), (theirs, other)):
            optimizer.zero_grad()
            value.square().sum().backward()
            optimizer.step()
    assert torch.equal(ours, theirs)


def test_a_training_does_not_wait_for_the_compiler(tmp_path: Path):
    code = (
        "import sys, tongsu; tongsu.train('mlp', 'quick', data='digits', examples=200, show=False);"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout.strip(), done.returncode) == ("False", 0), done.stderr
