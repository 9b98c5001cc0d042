"""Gradients against finite differences, updates against PyTorch's optimizers, attributions against theory."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nets import inputs, nets
from torch import Tensor, nn

from tongsu.explain import VIEWS
from tongsu.explain.gradients import NoSkips
from tongsu.models import RNN, SmallResNet
from tongsu.models.logits import logit_of


@pytest.fixture(scope="module")
def every() -> dict[str, nn.Module]:
    return {name: net.eval() for name, net in nets().items()}


def loss_of(logits: Tensor, target: int) -> Tensor:
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], torch.full((1,), float(target), dtype=logits.dtype))
    return F.cross_entropy(logits, torch.tensor([target]))


@pytest.mark.parametrize("name", ["mlp", "cnn", "small-resnet", "lstm", "transformer"])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_an_update_is_that_of_the_optimizer(name: str, optimizer: str, every: dict[str, nn.Module]) -> None:
    net, x = copy.deepcopy(every[name]), inputs(name, 1)
    answer = VIEWS["backpropagation"].function(net, x, target=1, lr=0.01, optimizer=optimizer)
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[optimizer](net.parameters(), lr=0.01)
    loss = loss_of(net(x), 1)
    loss.backward()
    before = {n: p.detach().clone() for n, p in net.named_parameters()}
    slopes = {n: p.grad.clone() for n, p in net.named_parameters() if p.grad is not None}
    rule.step()
    assert answer.loss == pytest.approx(loss.item(), rel=1e-5)
    with torch.no_grad():
        assert answer.loss_after == pytest.approx(loss_of(net(x), 1).item(), rel=1e-3, abs=1e-6)
    after = dict(net.named_parameters())
    for at, layer in enumerate(answer.names):
        mine = [n for n in slopes if n.rpartition(".")[0] == layer]
        size = np.sqrt(sum(float(slopes[n].double().square().sum()) for n in mine))
        assert answer.gradient_norm[at] == pytest.approx(size, rel=1e-4, abs=1e-9), layer
        moved = np.sqrt(sum(float((after[n].detach() - before[n]).double().square().sum()) for n in mine))
        assert answer.update_norm[at] == pytest.approx(moved, rel=2e-2, abs=1e-6), layer


def test_the_promised_change_is_kept_by_a_small_step(every: dict[str, nn.Module]) -> None:
    net = copy.deepcopy(every["mlp"]).double()
    answer = VIEWS["backpropagation"].function(net, inputs("mlp", 1).double(), target=3, lr=1e-5)
    assert answer.loss_after - answer.loss == pytest.approx(answer.first_order, rel=1e-2)
    assert answer.first_order < 0


def test_gradients_of_outputs_by_finite_differences(every: dict[str, nn.Module]) -> None:
    net, x = copy.deepcopy(every["mlp"]).double(), inputs("mlp", 1).double()
    answer = VIEWS["backpropagation"].function(net, x, target=3)
    slope = dict(zip(answer.names, answer.output_gradients, strict=True))["hidden.0"]
    for unit in (0, 7, 19):
        sides = []
        for change in (1e-5, -1e-5):
            moved = copy.deepcopy(net)
            with torch.no_grad():
                moved.hidden[0].bias[unit] += change
                sides.append(loss_of(moved(x), 3).item())
        assert slope[unit] == pytest.approx((sides[0] - sides[1]) / 2e-5, abs=1e-7)


@pytest.mark.parametrize("cell", ["simple", "lstm", "gru"])
@pytest.mark.parametrize("padding", ["read", "skip"])
def test_gradients_through_time_by_finite_differences(cell: str, padding: str) -> None:
    """The state at word t is moved a little along every unit, and the rest of the sentence is read on from there."""
    torch.manual_seed(5)
    net = RNN(words=40, embedding=12, hidden=6, cell=cell, padding=padding).double().eval()
    tokens = inputs("lstm", 1)
    answer = VIEWS["gradients-by-step"].function(net, tokens, target=1)
    assert answer.series == ("0 forward",) and answer.norms.shape == (1, 9)
    fused = net.recurrent
    begin = 0 if padding == "read" else 6

    def loss_with(t: int, change: Tensor) -> float:
        x = net.embed(tokens[:, begin:])
        upto = t + 1 + 6 - begin
        _, state = fused(x[:, :upto])
        h = (state[0] if cell == "lstm" else state) + change
        if upto < x.shape[1]:
            _, state = fused(x[:, upto:], (h, state[1]) if cell == "lstm" else h)
            h = state[0] if cell == "lstm" else state
        return loss_of(net.head(h[0]), 1).item()

    with torch.no_grad():
        for t in (0, 5, 8):
            slopes = []
            for unit in range(6):
                change = torch.zeros(1, 1, 6, dtype=torch.float64)
                change[0, 0, unit] = 1e-5
                slopes.append((loss_with(t, change) - loss_with(t, -change)) / 2e-5)
            assert answer.norms[0, t] == pytest.approx(np.linalg.norm(slopes), rel=1e-3, abs=1e-10)


def test_skips_can_be_taken_away() -> None:
    """The same weights in a net that was built without residual connections."""
    torch.manual_seed(7)
    net = SmallResNet(blocks=(2, 2, 2)).eval()
    plain = SmallResNet(blocks=(2, 2, 2), skip=False).eval()
    plain.load_state_dict(net.state_dict())
    x = inputs("small-resnet", 1)
    with torch.no_grad(), NoSkips(net):
        torch.testing.assert_close(net(x), plain(x))
    answer = VIEWS["gradients-by-depth"].function(net, x, target=2)
    other = VIEWS["gradients-by-depth"].function(plain, x, target=2)
    np.testing.assert_allclose(answer.without, other.norms, rtol=1e-5)
    assert other.without is None and answer.loss_without == pytest.approx(other.loss, rel=1e-5)
    kept: list[Tensor] = []
    handle = net.blocks[1].conv1.register_forward_hook(lambda *a: (a[2].retain_grad(), kept.append(a[2]))[0])
    loss_of(net(x), 2).backward()
    handle.remove()
    at = answer.names.index("blocks.1.conv1")
    assert answer.norms[at] == pytest.approx(float(kept[0].grad.norm()), rel=1e-4)


@pytest.mark.parametrize("name", ["mlp", "points", "cnn", "lenet5", "small-resnet", "simple", "lstm", "gru",
                                  "transformer", "minilm"])  # fmt: skip
def test_integrated_gradients_are_complete(name: str, every: dict[str, nn.Module]) -> None:
    """They add up to the difference that the input makes (Sundararajan et al. 2017, axiom of completeness)."""
    net, x = every[name], inputs(name, 1)
    background = torch.full((1,), -0.4) if x.dim() == 4 else None
    answer = VIEWS["integrated-gradients"].function(net, x, background=background, target=1)
    with torch.no_grad():
        assert answer.end == pytest.approx(float(logit_of(net(x), 1)[0]), abs=1e-5)
        if x.dim() == 4:
            assert answer.start == pytest.approx(float(logit_of(net(torch.full_like(x, -0.4)), 1)[0]), abs=1e-5)
    assert answer.total == pytest.approx(answer.attribution.sum())
    assert answer.error <= 1e-3 * abs(answer.end - answer.start) + 1e-6, answer.error


def test_integrated_gradients_of_a_linear_net_are_exact() -> None:
    net = nn.Sequential(nn.Flatten(), nn.Linear(784, 3))
    x = inputs("mlp", 1)
    answer = VIEWS["integrated-gradients"].function(net, x, target=2, steps=2)
    np.testing.assert_allclose(answer.attribution.ravel(), (net[1].weight[2] * x.flatten()).detach().numpy(), atol=1e-6)


def test_grad_cam_by_its_definition(every: dict[str, nn.Module]) -> None:
    net, x = every["cnn"], inputs("cnn", 1)
    answer = VIEWS["grad-cam"].function(net, x, target=4)
    maps = net.convolutions[1](F.relu(F.max_pool2d(net.convolutions[0](x), 2))).detach().requires_grad_()
    rest = F.relu(F.max_pool2d(maps, 2)).permute(0, 2, 3, 1).flatten(1)
    net.output(F.relu(net.dense(rest)))[0, 4].backward()
    weights = maps.grad.mean((2, 3))[0]
    wanted = F.relu((weights[:, None, None] * maps[0]).sum(0))
    np.testing.assert_allclose(answer.coarse, wanted.detach().numpy(), atol=1e-6)
    np.testing.assert_allclose(answer.weights, weights.numpy(), atol=1e-7)
    assert answer.map.shape == (28, 28) and answer.layer == "convolutions.1"


def test_occlusion_of_pixels_by_hand(every: dict[str, nn.Module]) -> None:
    net, x, background = every["cnn"], inputs("cnn", 1), torch.tensor([-0.4])
    answer = VIEWS["occlusion"].function(net, x, background=background, target=2, size=28, stride=1)
    with torch.no_grad():
        fall = net(x).softmax(1)[0, 2] - net(torch.full_like(x, -0.4)).softmax(1)[0, 2]
        corner = x.clone()
        corner[:, :, :7, :7] = -0.4
        first = net(x).softmax(1)[0, 2] - net(corner).softmax(1)[0, 2]
    np.testing.assert_allclose(answer.drops, np.full((28, 28), float(fall)), atol=1e-6)
    tiles = VIEWS["occlusion"].function(net, x, background=background, target=2, size=7, stride=7)
    np.testing.assert_allclose(tiles.drops[:7, :7], np.full((7, 7), float(first)), atol=1e-6)


@pytest.mark.parametrize("name", ["lstm", "simple", "transformer"])
def test_occlusion_of_words_leaves_them_out(name: str, every: dict[str, nn.Module]) -> None:
    net, tokens = every[name], inputs(name, 1)
    answer = VIEWS["occlusion"].function(net, tokens, target=1)
    for word in (0, 3, 8):
        left = [*([0] * 7), *(n for at, n in enumerate(tokens[0, 6:].tolist()) if at != word)]
        with torch.no_grad():
            fall = net(tokens).sigmoid() - net(torch.tensor([left])).sigmoid()
        assert answer.drops[word] == pytest.approx(float(fall), abs=1e-6)


def test_deletion_begins_with_everything_and_ends_with_nothing(every: dict[str, nn.Module]) -> None:
    net, x, background = every["cnn"], inputs("cnn", 1), torch.tensor([-0.4])
    answer = VIEWS["deletion"].function(net, x, background=background, target=2, steps=10)
    with torch.no_grad():
        whole, empty = net(x).softmax(1)[0, 2], net(torch.full_like(x, -0.4)).softmax(1)[0, 2]
        half = x.flatten().clone()
        half[torch.from_numpy(answer.order[:392].copy())] = -0.4
        middle = net(half.view_as(x)).softmax(1)[0, 2]
    ends = [answer.probabilities[0], answer.random[0], answer.probabilities[-1], answer.random[-1]]
    np.testing.assert_allclose(ends, [whole, whole, empty, empty], atol=1e-6)
    assert answer.removed[5] == 0.5 and answer.probabilities[5] == pytest.approx(float(middle), abs=1e-6)
    scores = VIEWS["integrated-gradients"].function(net, x, background=background, target=2).attribution.ravel()
    assert (np.diff(scores[answer.order]) <= 1e-12).all()
