"""Units, pixels, poolings and layers against NumPy in float64 and against the model's own parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from nets import double, inputs, nets
from torch import nn

from tongsu.explain import VIEWS
from tongsu.models import CNN, keras_count, parameter_count

unit, pixel, pool = (VIEWS[name].function for name in ("unit", "pixel", "pool"))


@pytest.fixture(scope="module")
def every() -> dict[str, nn.Module]:
    return {name: net.eval() for name, net in nets().items()}


def test_a_hidden_unit_by_hand(every: dict[str, nn.Module]) -> None:
    net, x = every["mlp"], inputs("mlp", 1)
    first, second = net.hidden[0], net.hidden[3]
    h = np.maximum(double(first.weight) @ double(x).ravel() + double(first.bias), 0)
    terms = double(second.weight)[7] * h
    answer = unit(net, x, layer="hidden.3", unit=7)
    np.testing.assert_allclose(answer.terms, terms[answer.sources], atol=1e-6)
    assert (np.diff(np.abs(answer.terms)) <= 0).all() and sorted(answer.sources) == list(range(20))
    assert answer.total == pytest.approx(terms.sum() + double(second.bias)[7], abs=1e-6)
    assert answer.total == pytest.approx(answer.output, abs=1e-6)
    assert (answer.activation, answer.activated) == ("relu", pytest.approx(max(answer.total, 0)))


@pytest.mark.parametrize("name", ["mlp", "points", "cnn", "lenet5", "vgg", "resnet", "small-resnet", "lstm", "gru",
                                  "transformer", "minilm"])  # fmt: skip
def test_terms_of_the_last_layer_add_up_to_the_logit(name: str, every: dict[str, nn.Module]) -> None:
    x = inputs(name, 1)
    with torch.no_grad():
        logits = every[name](x)[0]
    for k in {0, len(logits) - 1}:
        answer = unit(every[name], x, unit=k)
        assert answer.terms.sum() + answer.bias == pytest.approx(float(logits[k]), abs=2e-5)
        assert answer.output == pytest.approx(float(logits[k]), abs=2e-5) and answer.activation == ""


def test_a_unit_at_a_word(every: dict[str, nn.Module]) -> None:
    net, x = every["transformer"], inputs("transformer", 1)
    with torch.no_grad():
        begun, seen = net.begin(x)
        wanted = net.blocks[0].attention.qkv(net.blocks[0].norm1(begun))[0, 6 + 2]  # 6 places of padding
    answer = unit(net, x, layer="blocks.0.attention.qkv", unit=5, word=2)
    assert answer.total == pytest.approx(float(wanted[5]), abs=1e-5)


PLACES = [("cnn", "convolutions.0"), ("cnn", "convolutions.1"), ("lenet5", "conv1"), ("vgg", "features.0"),
          ("resnet", "conv1"), ("resnet", "layer2.0.conv1"), ("resnet", "layer2.0.downsample.0"),
          ("small-resnet", "blocks.1.conv1")]  # fmt: skip


@pytest.mark.parametrize(("name", "layer"), PLACES)
def test_a_pixel_in_the_corner_and_in_the_middle(name: str, layer: str, every: dict[str, nn.Module]) -> None:
    net, x = every[name], inputs(name, 1)
    kept: dict[str, torch.Tensor] = {}
    module = net.get_submodule(layer)
    handle = module.register_forward_hook(lambda _m, i, o: kept.update(i=i[0].detach().clone(), o=o.detach().clone()))
    with torch.no_grad():
        net(x)
    handle.remove()
    height, width = kept["o"].shape[2:]
    folded = F.unfold(kept["i"].double(), module.kernel_size, padding=module.padding, stride=module.stride)
    for row, column in ((0, 0), (height - 1, width - 1), (height // 2, width // 3)):
        answer = pixel(net, x, layer=layer, channel=3, row=row, column=column)
        np.testing.assert_allclose(answer.window.ravel(), folded[0, :, row * width + column].numpy(), atol=1e-6)
        np.testing.assert_array_equal(answer.kernel, double(module.weight)[3])
        assert answer.products.sum() + answer.bias == pytest.approx(float(kept["o"][0, 3, row, column]), abs=2e-5)
        assert answer.total == pytest.approx(answer.output, abs=2e-5)
        np.testing.assert_allclose(answer.sums, answer.products.sum((1, 2)))
        assert not answer.window[:, ~answer.inside].any()


def test_what_stands_behind_a_pixel(every: dict[str, nn.Module]) -> None:
    answer = pixel(every["cnn"], inputs("cnn", 1))
    assert (answer.activation, answer.activated) == ("relu", max(answer.total, 0.0))  # max-pooling stands between
    assert pixel(every["lenet5"], inputs("lenet5", 1)).activation == "tanh"
    assert pixel(every["small-resnet"], inputs("small-resnet", 1)).activation == ""  # BatchNorm comes first


@pytest.mark.parametrize("name", ["cnn", "lenet5", "resnet"])
def test_a_pooling_window(name: str, every: dict[str, nn.Module]) -> None:
    x = inputs(name, 1)
    for row, column in ((0, 0), (2, 1), (4, 4)):
        answer = pool(every[name], x, channel=2, row=row, column=column)
        assert answer.total == pytest.approx(answer.output, abs=1e-6)
        if answer.kind == "max":
            assert answer.window[tuple(answer.winner)] == answer.total


def test_layers_count_what_keras_and_the_formulas_count(every: dict[str, nn.Module]) -> None:
    x = inputs("cnn", 1)
    for name in ("mlp", "cnn", "lenet5", "vgg", "resnet", "small-resnet"):
        answer = VIEWS["layers"].function(every[name], inputs(name, 1))
        assert answer.parameters.sum() == parameter_count(every[name]) <= keras_count(every[name])
    answer = VIEWS["layers"].function(CNN().eval(), x)
    at = answer.names.index("convolutions.1")
    assert answer.shapes[at] == (64, 11, 11)
    assert answer.multiplications[at] == 64 * 32 * 9 * 121
    assert answer.dense[at] == (13 * 13 * 32 + 1) * 64 * 121
    assert answer.local[at] == (9 * 32 + 1) * 64 * 121
    assert answer.views[at] == "pixel" and answer.views[answer.names.index("output")] == "unit"


@pytest.mark.parametrize("name", ["mlp", "cnn", "vgg", "small-resnet", "lstm", "simple", "transformer", "minilm"])
def test_activations_are_what_the_modules_put_out(name: str, every: dict[str, nn.Module]) -> None:
    net, x = every[name], inputs(name, 1)
    kept: dict[str, torch.Tensor] = {}
    hooks = [
        m.register_forward_hook(lambda _m, _i, out, n=n: kept.__setitem__(n, out.detach().clone()))
        for n, m in net.named_modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.BatchNorm2d | nn.Embedding)
    ]  # fmt: skip
    with torch.no_grad():
        net(x[:, 6:] if name == "lstm" else x)  # which reads words only
    for hook in hooks:
        hook.remove()
    answer = VIEWS["activations"].function(net, x)
    found = {step.name: step.values for step in answer.steps}
    for module, out in kept.items():
        if module in ("positions",):
            continue
        np.testing.assert_allclose(found[module], double(out[0])[-len(found[module]) :], atol=2e-5, err_msg=module)
    names = [step.name for step in answer.steps]
    assert len(set(names)) == len(names)
    if name == "cnn":
        np.testing.assert_array_equal(found["convolutions.0/relu"], np.maximum(found["convolutions.0/max_pool"], 0))
    if name in ("lstm", "simple"):
        np.testing.assert_allclose(found["recurrent"], double(net.states(x)[0, 6:]), atol=1e-6)


def test_one_layer_may_be_long_and_others_are_left_out(every: dict[str, nn.Module]) -> None:
    net, x = every["cnn"], inputs("cnn", 1)
    steps = VIEWS["activations"].function(net, x, most=500).steps
    assert [step.values is None for step in steps][:2] == [True, True] and steps[-1].values is not None
    (one,) = VIEWS["activations"].function(net, x, layer="convolutions.0", most=500).steps
    assert one.values.shape == (6, 26, 26)


def test_wires_are_inputs_times_weights(every: dict[str, nn.Module]) -> None:
    net, x = every["mlp"], inputs("mlp", 1)
    answer = VIEWS["wires"].function(net, x, count=50)
    flows = double(net.hidden[0].weight) * double(x).ravel()
    np.testing.assert_allclose(answer.values, flows[answer.targets, answer.sources])
    assert np.abs(answer.values).min() >= np.sort(np.abs(flows), axis=None)[-50]


def test_first_weights_are_pictures(every: dict[str, nn.Module]) -> None:
    tiles = VIEWS["first-weights"].function(every["mlp"]).tiles
    np.testing.assert_array_equal(tiles[4, 0], double(every["mlp"].hidden[0].weight)[4].reshape(28, 28))


def test_derivatives_of_activation_functions(every: dict[str, nn.Module]) -> None:
    answer = VIEWS["activation-functions"].function(every["points"])
    assert answer.used == "tanh"
    slopes = np.gradient(answer.y, answer.x, axis=1)[:, 1:-1]
    corner = np.abs(answer.x[1:-1]) > 0.06  # ReLU has none at 0
    np.testing.assert_allclose(answer.derivative[:, 1:-1][:, corner], slopes[:, corner], atol=2e-3)


def test_dead_units_are_counted(every: dict[str, nn.Module]) -> None:
    net = nets()["mlp"].eval()
    with torch.no_grad():
        net.hidden[0].bias[:5] = -1e3
    answer = VIEWS["dead-units"].function(net, inputs("mlp", 30), torch.zeros(30))
    assert answer.dead[0] == 5 and answer.units.tolist() == [20, 12]
    with torch.no_grad():
        share = (net.hidden[:2](inputs("mlp", 30).flatten(1)) > 0).double().mean(0)
    np.testing.assert_allclose(answer.active[0], share.numpy(), atol=1e-12)


def test_the_map_is_a_principal_component_analysis(every: dict[str, nn.Module]) -> None:
    net, x = every["mlp"], inputs("mlp", 40)
    answer = VIEWS["embedding-map"].function(net, x, torch.arange(40) % 10)
    with torch.no_grad():
        hidden = double(net.hidden(x.flatten(1)))
    values, vectors = np.linalg.eigh(np.cov(hidden.T))
    np.testing.assert_allclose(answer.points.var(0, ddof=1), values[::-1][:2], rtol=1e-6)
    np.testing.assert_allclose(answer.plane.explained, (values[::-1] / values.sum())[:2], rtol=1e-6)
    again = VIEWS["embedding-map"].function(net, x[:7], torch.zeros(7, dtype=torch.int64), plane=answer.plane)
    np.testing.assert_allclose(again.points, answer.points[:7], atol=1e-5)  # other batches round otherwise


@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "dilation"),
                         [(8, 3, 1, 0, 1), (9, 3, 2, 1, 1), (12, 3, 3, 0, 2), (7, 5, 2, 3, 1),
                          (5, 1, 4, 0, 3)])  # fmt: skip
def test_the_sandbox_is_a_convolution(size: int, kernel: int, stride: int, padding: int, dilation: int) -> None:
    answer = VIEWS["conv-sandbox"].function(None, size, kernel, stride, padding, dilation)
    ones = torch.ones(1, 1, size, size, dtype=torch.float64, requires_grad=True)
    weight = torch.ones(1, 1, kernel, kernel, dtype=torch.float64)
    out = F.conv2d(ones, weight, stride=stride, padding=padding, dilation=dilation)
    assert answer.output == out.shape[2]
    (uses,) = torch.autograd.grad(out.sum(), ones)  # each window passes 1 to every pixel that it reads
    np.testing.assert_array_equal(answer.uses, uses[0, 0].numpy())
