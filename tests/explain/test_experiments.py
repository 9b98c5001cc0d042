"""Broken nets against nets that were really changed, and the adversarial game against its definitions."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from nets import double, inputs, nets, sigmoid
from torch import Tensor, nn

from tongsu.explain import VIEWS
from tongsu.explain.experiments import moved
from tongsu.models import GAN, MLP


@pytest.fixture(scope="module")
def every() -> dict[str, nn.Module]:
    return {name: net.eval() for name, net in nets().items()}


def accuracy(net: nn.Module, x: Tensor, targets: Tensor) -> float:
    with torch.no_grad():
        return float((net(x).argmax(1) == targets).double().mean())


@pytest.mark.parametrize(("name", "layer", "after"), [("mlp", "hidden.0", "hidden.3"), ("cnn", "dense", "output")])
def test_a_silent_unit_is_one_that_nobody_reads(name: str, layer: str, after: str, every: dict[str, nn.Module]) -> None:
    net, x = every[name], inputs(name, 40)
    with torch.no_grad():
        targets = net(x).argmax(1)
    answer = VIEWS["ablation"].function(net, x, targets, layer=layer, units=[1, 3])
    deaf = copy.deepcopy(net)
    with torch.no_grad():
        deaf.get_submodule(after).weight[:, [1, 3]] = 0
    assert (answer.accuracy, answer.accuracy_after) == (1, accuracy(deaf, x, targets))
    assert answer.changed == pytest.approx(1 - answer.accuracy_after)
    alone = copy.deepcopy(net)
    with torch.no_grad():
        alone.get_submodule(after).weight[:, 3] = 0
    assert answer.per_unit[3] == accuracy(alone, x, targets)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_a_silent_unit_is_silent_behind_its_bend(activation: str) -> None:
    torch.manual_seed(1)
    net = MLP(inputs=2, hidden=(6, 6), outputs=3, activation=activation).eval()
    x = torch.randn(50, 2)
    targets = net(x).argmax(1)
    answer = VIEWS["ablation"].function(net, x, targets, layer="hidden.3")
    with torch.no_grad():
        said = int(net.output.bias.argmax())
    assert answer.accuracy_after == float((targets == said).double().mean())


def test_noise_and_biases(every: dict[str, nn.Module]) -> None:
    net, x = every["mlp"], inputs("mlp", 60)
    with torch.no_grad():
        targets = net(x).argmax(1)
    answer = VIEWS["weight-noise"].function(net, x, targets, most=2.0, levels=3, repeats=2)
    assert answer.original == 1 and (answer.accuracy[0] == 1).all() and answer.levels.tolist() == [0, 1, 2]
    bare = copy.deepcopy(net)
    with torch.no_grad():
        for layer in (bare.hidden[0], bare.hidden[3], bare.output):
            layer.bias.zero_()
    assert answer.without_biases == accuracy(bare, x, targets)
    again = VIEWS["weight-noise"].function(net, x, targets, most=2.0, levels=3, repeats=2)
    np.testing.assert_array_equal(answer.accuracy, again.accuracy)


def test_exchanged_activation_functions(every: dict[str, nn.Module]) -> None:
    """Against nets that were built with them."""
    torch.manual_seed(2)
    net, x = MLP(hidden=(20, 12)).eval(), inputs("mlp", 60)
    with torch.no_grad():
        targets = net(x).argmax(1)
    answer = VIEWS["activation-exchange"].function(net, x, targets)
    for at, name in enumerate(answer.names):
        other = MLP(hidden=(20, 12), activation=name).eval()
        other.load_state_dict(net.state_dict())
        assert answer.accuracy[at] == answer.agreement[at] == accuracy(other, x, targets), name
    assert answer.original == "relu" and answer.accuracy[0] == 1
    inside = VIEWS["activation-exchange"].function(every["cnn"], inputs("cnn", 8), torch.zeros(8))
    assert inside.original == "relu" and inside.agreement[0] == 1  # functions, not modules, are exchanged too


def test_moved_pictures(every: dict[str, nn.Module]) -> None:
    net, x, background = every["cnn"], inputs("cnn", 30), torch.tensor([-0.4])
    with torch.no_grad():
        targets = net(x).argmax(1)
    answer = VIEWS["shift"].function(net, x, targets, background=background, most=3, direction="vertical")
    assert answer.distances.tolist() == [-3, -2, -1, 0, 1, 2, 3]
    for at, distance in ((1, -2), (6, 3)):
        rolled = torch.roll(x, distance, dims=2)
        rolled[:, :, slice(0, 3) if distance > 0 else slice(-2, None)] = -0.4
        assert answer.accuracy[at] == accuracy(net, rolled, targets)
    assert answer.accuracy[3] == answer.agreement[3] == 1
    assert torch.equal(moved(x, 28, 0, background), torch.full_like(x, -0.4))


def test_the_plane(every: dict[str, nn.Module]) -> None:
    net = every["points"]
    answer = VIEWS["decision-map"].function(net, low=-2.0, high=2.0, resolution=9)
    point = torch.tensor([[answer.x[7], answer.y[2]]]).float()
    with torch.no_grad():
        yes = sigmoid(float(net(point)))
        hidden = double(net.hidden[:2](point))[0]
    np.testing.assert_allclose(answer.probabilities[:, 2, 7], [1 - yes, yes], atol=1e-6)
    np.testing.assert_allclose(answer.units[0][:, 2, 7], hidden, atol=1e-6)
    assert [len(maps) for maps in answer.units] == [8, 5]


# The game --------------------------------------------------------------------------------------------------------


def game(every: dict[str, nn.Module]) -> GAN:
    net = every["gan"]
    assert isinstance(net, GAN)
    return net


def test_drawings_are_those_of_generate(every: dict[str, nn.Module]) -> None:
    net = game(every)
    noise = torch.randn(4, net.noise, generator=torch.Generator().manual_seed(9))
    answer = VIEWS["samples"].function(net, count=4, seed=9)
    with torch.no_grad():
        images = net(noise)
        scores = net.discriminator(images).sigmoid()
    np.testing.assert_allclose(answer.images, double(images)[:, 0] / 2 + 0.5, atol=1e-6)
    np.testing.assert_allclose(answer.scores, double(scores)[:, 0], atol=1e-6)


def test_between_two_noises_on_the_sphere(every: dict[str, nn.Module]) -> None:
    net = game(every)
    answer = VIEWS["interpolation"].function(net, seed=3, other=4, count=5)
    a, b = (double(torch.randn(1, net.noise, generator=torch.Generator().manual_seed(s)))[0] for s in (3, 4))
    angle = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
    middle = (a + b) * np.sin(angle / 2) / np.sin(angle)
    assert np.linalg.norm(middle) > 0.9 * min(np.linalg.norm(a), np.linalg.norm(b))
    with torch.no_grad():
        wanted = double(net(torch.tensor(np.stack([a, middle, b])).float()))[:, 0] / 2 + 0.5
    np.testing.assert_allclose(answer.images[[0, 2, 4]], wanted, atol=1e-4)


def test_noise_arithmetic(every: dict[str, nn.Module]) -> None:
    net = game(every)
    noises = [torch.randn(1, net.noise, generator=torch.Generator().manual_seed(s)) for s in (5, 6, 7)]
    with torch.no_grad():
        wanted = double(net(noises[0] - noises[1] + noises[2]))[0, 0] / 2 + 0.5
    answer = VIEWS["latent-arithmetic"].function(net, first=5, minus=6, plus=7)
    np.testing.assert_allclose(answer.images[3], wanted, atol=1e-5)


def test_scores_and_the_best_discriminator(every: dict[str, nn.Module]) -> None:
    net, real = game(every), inputs("gan", 40)
    answer = VIEWS["scores"].function(net, real, bins=8)
    for k in range(8):
        low, high = answer.edges[k], answer.edges[k + 1]
        p, q = (float(((s >= low) & (s < high)).mean()) for s in (answer.real, answer.fake))
        assert answer.real_counts[k] == p * 40 and answer.fake_counts[k] == q * 40
        if p + q:
            assert answer.optimum[k] == pytest.approx(p / (p + q))
        else:
            assert math.isnan(answer.optimum[k])
    loss = -np.log(answer.real).mean() - np.log(1 - answer.fake).mean()
    assert answer.discriminator_loss == pytest.approx(loss, abs=1e-5)
    assert answer.equilibrium_loss == pytest.approx(-2 * np.log(0.5))


def judged(on_real: np.ndarray, on_fake: np.ndarray) -> float:
    """-log D(x) - log(1 - D(G(z)))."""
    return float(-np.log(sigmoid(on_real)).mean() - np.log(1 - sigmoid(on_fake)).mean())


def test_a_round_by_finite_differences(every: dict[str, nn.Module]) -> None:
    net, real = copy.deepcopy(game(every)).double(), inputs("gan", 6).double()
    noise = torch.randn(4, net.noise, generator=torch.Generator().manual_seed(2))
    answer = VIEWS["round"].function(net.float(), real.float(), seed=2, count=4)
    net.double()
    with torch.no_grad():
        fake = net(noise.double())
        on_real, on_fake = (double(net.discriminator(part)).ravel() for part in (real[:4], fake))
        assert answer.discriminator_loss == pytest.approx(judged(on_real, on_fake), abs=1e-5)
        assert answer.generator_loss == pytest.approx(-np.log(sigmoid(on_fake)).mean(), abs=1e-5)
        for image, row, column in ((0, 14, 14), (3, 9, 20)):
            sides = []
            for change in (1e-5, -1e-5):
                other = fake.clone()
                other[image, 0, row, column] += change
                sides.append(-np.log(sigmoid(double(net.discriminator(other)))).mean())
            slope = (sides[0] - sides[1]) / 2e-5
            assert answer.pixel_gradient[image, row, column] == pytest.approx(-slope, abs=1e-6)
        sides = []
        for change in (1e-5, -1e-5):
            net.discriminator.output.bias += change
            sides.append(judged(double(net.discriminator(real[:4])), double(net.discriminator(fake))))
            net.discriminator.output.bias -= change
    at = answer.discriminator_names.index("output")
    assert answer.discriminator_gradient[at] >= abs((sides[0] - sides[1]) / 2e-5) - 1e-6
    assert (answer.fake_scores_after.mean() < answer.fake_scores.mean()) or answer.discriminator_gradient.sum() < 1e-6
