from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from tongsu.recipes import mlp
from tongsu.training.muon import orthogonalised
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


@pytest.mark.parametrize("shape", [(6, 40), (40, 6), (9, 9)])
def test_orthogonalised_is_the_polynomial_of_the_singular_values(shape):
    torch.manual_seed(3)
    matrix = torch.randn(shape, dtype=torch.float64)
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    s = s / s.norm()
    a, b, c = 3.4445, -4.7750, 2.0315
    for _ in range(3):
        s = a * s + b * s**3 + c * s**5
    assert torch.allclose(orthogonalised(matrix, 3), u @ s.diag() @ vh, atol=1e-6)
    assert torch.allclose(orthogonalised(matrix.float(), 3).double(), u @ s.diag() @ vh, atol=1e-4)


def test_muon_moves_a_matrix_along_its_singular_vectors_and_a_bias_as_sgd_does():
    torch.manual_seed(1)
    weight, bias = torch.randn(4, 2, 3, requires_grad=True), torch.randn(5, requires_grad=True)
    kernel, gradient = weight.detach().clone(), torch.randn(4, 2, 3)
    plain = bias.detach().clone().requires_grad_()
    mine = optimizer_for(recipe(optimizer="muon", lr=0.1), [weight, bias])
    other = torch.optim.SGD([plain], lr=0.1, momentum=0.9, nesterov=True)
    remembered = torch.zeros(4, 6)
    for _ in range(3):
        weight.grad, bias.grad, plain.grad = gradient.clone(), torch.ones(5), torch.ones(5)
        remembered = 0.9 * remembered + gradient.flatten(1)
        u, _, vh = torch.linalg.svd(gradient.flatten(1) + 0.9 * remembered, full_matrices=False)
        before = weight.detach().clone()
        mine.step(), other.step()
        moved = ((before - weight.detach()) / 0.1).flatten(1)  # U S' Vh with S' near 1
        inside = u.T @ moved @ vh.T
        assert torch.allclose(inside, inside.diagonal().diag(), atol=1e-4)
        assert inside.diagonal().min() > 0.3 and inside.diagonal().max() < 1.3
    assert torch.allclose(bias, plain) and not torch.equal(weight, kernel)


@pytest.mark.parametrize("wrong", [{"momentum": 1.0}, {"steps": 0}])
def test_muon_refuses_what_makes_no_sense(wrong):
    with pytest.raises(ValueError, match="muon needs"):
        optimizer_for(recipe(optimizer="muon", optimizer_args=wrong), [torch.zeros(1, requires_grad=True)])
