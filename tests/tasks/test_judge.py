"""The Fréchet distance against its closed form for Gaussians and against SciPy-free NumPy arithmetic."""

from __future__ import annotations

import math

import numpy as np
import torch

from tongsu.tasks.judge import Judge, frechet_distance


def test_equal_samples_have_distance_zero():
    x = torch.randn(500, 6, generator=torch.Generator().manual_seed(0))
    assert abs(frechet_distance(x, x)) < 1e-8


def test_a_shift_costs_its_square():
    x = torch.randn(500, 6, generator=torch.Generator().manual_seed(0)).double()
    shift = torch.tensor([3.0, 0, 0, 4.0, 0, 0])
    assert math.isclose(frechet_distance(x, x + shift), 25.0, rel_tol=1e-9)


def test_general_covariances_against_the_matrix_square_root_in_numpy():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(400, 5)) @ rng.normal(size=(5, 5))
    b = rng.normal(size=(300, 5)) @ rng.normal(size=(5, 5)) + 1.0
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    # The eigenvalues of the (unsymmetric) product are real and positive; their roots sum to the trace.
    cross = np.sqrt(np.linalg.eigvals(cov_a @ cov_b).real.clip(0)).sum()
    wanted = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross
    assert math.isclose(frechet_distance(torch.tensor(a), torch.tensor(b)), wanted, rel_tol=1e-6)


def test_the_judge_sees_one_digit_where_one_digit_is():
    judge = Judge.load(torch.device("cpu"))
    same = torch.full((20, 1, 28, 28), -1.0)
    same[:, :, 4:24, 13:15] = 1.0  # a stroke: a one
    seen = judge.compare(same, torch.rand(50, 1, 28, 28) * 2 - 1)
    assert seen["rarest_digit"] == 0.0 and math.isclose(seen["coverage"], 0.1, rel_tol=1e-6)
    assert judge.look(same)[1].unique().tolist() == [1]
