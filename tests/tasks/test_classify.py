"""Losses and the one-logit rule against PyTorch's own functions and hand arithmetic."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import nn

from tongsu.models.logits import predicted, probabilities
from tongsu.tasks.classify import Classify, cross_entropies, cross_entropy


def test_one_logit_means_the_second_of_two_classes():
    logits = torch.tensor([[2.0], [-1.0]])
    both = torch.cat([torch.zeros_like(logits), logits], dim=1)  # the softmax that says the same
    assert torch.allclose(probabilities(logits), torch.softmax(both, 1))
    assert predicted(logits).tolist() == [1, 0]
    targets = torch.tensor([1, 1])
    assert torch.allclose(cross_entropy(logits, targets), F.cross_entropy(both, targets))


def test_smoothing_is_the_same_with_one_logit_and_with_two():
    logits, targets = torch.tensor([[0.7], [-1.3], [2.0]]), torch.tensor([1, 0, 0])
    both = torch.cat([torch.zeros_like(logits), logits], dim=1)
    smoothed = cross_entropies(logits, targets, 0.2).mean()
    assert torch.allclose(smoothed, F.cross_entropy(both, targets, label_smoothing=0.2))


def test_a_step_is_gradient_descent():
    torch.manual_seed(0)
    model, x, y = nn.Linear(3, 2), torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    weight = model.weight.detach().clone()
    p = torch.softmax(x @ weight.T + model.bias.detach(), 1)
    by_hand = (p - F.one_hot(y, 2)).T @ x / 5  # d loss / d W of softmax regression
    measures = Classify().step(model, (x, y), {"model": torch.optim.SGD(model.parameters(), 0.1)})
    assert torch.allclose(model.weight.detach(), weight - 0.1 * by_hand, atol=1e-6)
    assert math.isclose(measures["loss"].item(), -p[range(5), y].log().mean().item(), rel_tol=1e-5)


def test_clip_bounds_the_update():
    model, x, y = nn.Linear(3, 2), 100 * torch.randn(4, 3), torch.tensor([0, 1, 1, 0])
    before = torch.cat([p.detach().flatten().clone() for p in model.parameters()])
    Classify(clip=0.5).step(model, (x, y), {"model": torch.optim.SGD(model.parameters(), 1.0)})
    after = torch.cat([p.detach().flatten() for p in model.parameters()])
    assert (after - before).norm() <= 0.5 + 1e-4


def test_evaluation_weighs_the_short_last_batch_rightly():
    torch.manual_seed(1)
    model, x, y = nn.Linear(3, 4), torch.randn(7, 3), torch.randint(0, 4, (7,))
    measured = Classify().evaluate(model, [(x[:5], y[:5]), (x[5:], y[5:])])
    assert math.isclose(measured["loss"], F.cross_entropy(model(x), y).item(), rel_tol=1e-5)
    assert measured["accuracy"] == (model(x).argmax(1) == y).float().mean().item()


def test_weights_of_classes_multiply_each_example():
    torch.manual_seed(2)
    weights, targets = torch.tensor([0.5, 2.0, 3.0]), torch.tensor([0, 1, 2, 2, 1, 0])
    logits = torch.randn(6, 3)
    torch_says = F.cross_entropy(logits, targets, weight=weights, reduction="sum") / 6
    assert torch.allclose(cross_entropies(logits, targets, weights=weights).mean(), torch_says)
    one, two = torch.randn(6, 1), targets.clamp(max=1)
    both = torch.cat([torch.zeros_like(one), one], 1)
    torch_says = F.cross_entropy(both, two, weight=weights[:2], reduction="sum") / 6
    assert torch.allclose(cross_entropies(one, two, weights=weights[:2]).mean(), torch_says)
    plain = cross_entropies(logits, targets, 0.1)  # (B,)
    assert torch.allclose(cross_entropies(logits, targets, 0.1, torch.ones(3)), plain)
    assert torch.allclose(plain, F.cross_entropy(logits, targets, label_smoothing=0.1, reduction="none"))


def test_a_step_uses_them():
    torch.manual_seed(3)
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    weights = torch.tensor([3.0, 0.25])
    model, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    twin.load_state_dict(model.state_dict())
    Classify(class_weights=(3.0, 0.25)).step(model, (x, y), {"model": torch.optim.SGD(model.parameters(), 0.1)})
    (F.cross_entropy(twin(x), y, weight=weights, reduction="sum") / 5).backward()
    torch.optim.SGD(twin.parameters(), 0.1).step()
    assert torch.allclose(model.weight, twin.weight, atol=1e-6)


def test_smoothed_labels_are_learned_from_and_the_plain_loss_is_told():
    torch.manual_seed(4)
    x, y = torch.randn(5, 3), torch.tensor([0, 1, 1, 0, 1])
    model, twin = nn.Linear(3, 2), nn.Linear(3, 2)
    twin.load_state_dict(model.state_dict())
    told = Classify(label_smoothing=0.2).step(model, (x, y), {"model": torch.optim.SGD(model.parameters(), 0.1)})
    assert torch.allclose(told["loss"], F.cross_entropy(twin(x), y)) and not told["loss"].requires_grad
    F.cross_entropy(twin(x), y, label_smoothing=0.2).backward()
    torch.optim.SGD(twin.parameters(), 0.1).step()
    assert torch.allclose(model.weight, twin.weight, atol=1e-6)
