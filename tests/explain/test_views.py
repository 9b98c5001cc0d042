"""What holds for every view: it fits what it says, leaves the model as it was, and travels as JSON."""

from __future__ import annotations

import base64
import dataclasses
import json
from typing import Any

import numpy as np
import pytest
import torch
from nets import SHORT, brought, inputs, nets
from torch import nn

from tongsu.errors import Problem
from tongsu.explain import VIEWS, as_json, rows, schema
from tongsu.explain.arrays import packed
from tongsu.explain.views import GIVEN

PAIRS = [(name, view) for name, net in nets().items() for view in VIEWS if VIEWS[view].fits(net)]


@pytest.fixture(scope="module")
def every() -> dict[str, nn.Module]:
    return nets()


def asked(view: str, name: str, net: nn.Module, **parameters: Any) -> Any:
    x = inputs(name, 4 if name in ("vgg", "resnet") else 8)
    given = {"one": (x[:1],), "batch": (x, torch.arange(len(x)) % 2), "real": (x,), "none": ()}
    more = brought(name, VIEWS[view])
    if "trials" in more:  # which train on data of their own
        x = more["trials"].dataset.preprocessing.scale(more["trials"].dataset.test.inputs[:8])
        given["batch"] = (x, torch.arange(len(x)) % 2)
    return VIEWS[view].function(net, *given[VIEWS[view].input], **more, **SHORT.get(view, {}) | parameters)


@pytest.mark.parametrize(("name", "view"), PAIRS, ids=lambda part: str(part))
def test_a_view_leaves_the_model_as_it_was(name: str, view: str, every: dict[str, nn.Module]) -> None:
    net = every[name].train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    frozen = [p.requires_grad for p in net.parameters()]
    answer = asked(view, name, net)
    assert all(module.training for module in net.modules())
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters()) and frozen == [p.requires_grad for p in net.parameters()]
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())
    arrays_name_their_axes(answer)
    json.dumps(as_json(answer), allow_nan=False)
    assert next(iter(rows(answer)))["field"]


def arrays_name_their_axes(answer: Any) -> None:
    for field in dataclasses.fields(answer):
        value = getattr(answer, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if dataclasses.is_dataclass(part):
                arrays_name_their_axes(part)
            elif isinstance(part, np.ndarray):
                assert field.metadata["axes"], field.name
                if field.name not in ("values", "attribution", "drops", "output_gradients"):  # as the layer is
                    assert part.ndim == len(field.metadata["axes"]), field.name


def test_every_view_is_tried() -> None:
    assert {view for _, view in PAIRS} == set(VIEWS)


def test_parameters_are_those_of_the_function_and_have_a_schema() -> None:
    unit = {one.name: one for one in VIEWS["unit"].parameters}
    assert list(unit) == ["layer", "unit", "word"]
    assert schema(unit["unit"]) == {"type": "integer", "minimum": 0}
    methods = {one.name: one for one in VIEWS["deletion"].parameters}["method"]
    assert schema(methods)["enum"] == ["integrated-gradients", "grad-cam", "occlusion"]
    for view in VIEWS.values():
        for one in view.parameters:
            assert schema(one) and one.name not in GIVEN


@pytest.mark.parametrize("kind", ["f4", "i8", "u1", "?"])
def test_long_arrays_travel_as_bytes(kind: str) -> None:
    array = (np.arange(200).reshape(10, 20) % 7).astype(kind)
    told = packed(array, ("row", "column"))
    kinds = {"float32": "<f4", "int32": "<i4", "uint8": "u1"}
    read = np.frombuffer(base64.b64decode(told["data"]), kinds[told["dtype"]])
    np.testing.assert_array_equal(read.reshape(told["shape"]), array)
    assert told["axes"] == ["row", "column"]
    short = packed(array[:2, :3])
    assert "data" not in short and short["values"] == array[:2, :3].astype(float).ravel().tolist()


def test_what_is_no_number_is_null() -> None:
    assert packed(np.array([1.5, np.nan, np.inf]))["values"] == [1.5, None, None]


@pytest.mark.parametrize(
    ("view", "name", "parameters", "kind"),
    [
        ("unit", "mlp", {"layer": "nowhere"}, "no-layer"),
        ("unit", "mlp", {"unit": 10}, "out-of-range"),
        ("unit", "transformer", {"layer": "blocks.0.attention.qkv", "word": 9}, "out-of-range"),
        ("pixel", "cnn", {"channel": 6}, "out-of-range"),
        ("pixel", "cnn", {"row": 26}, "out-of-range"),
        ("pool", "cnn", {"layer": "convolutions.0"}, "no-layer"),
        ("backpropagation", "mlp", {"target": 10}, "out-of-range"),
        ("backpropagation", "mlp", {"optimizer": "sqd"}, "choice"),
        ("gates", "lstm", {"depth": 1}, "out-of-range"),
        ("gates", "lstm", {"direction": "backward"}, "one-direction"),
        ("directions", "lstm", {}, "one-direction"),
        ("gate-numbers", "lstm", {"word": 9}, "out-of-range"),
        ("attention", "transformer", {"head": 4}, "out-of-range"),
        ("deletion", "transformer", {"method": "grad-cam"}, "choice"),
        ("occlusion", "cnn", {"size": 29}, "out-of-range"),
        ("shift", "cnn", {"most": 28}, "out-of-range"),
        ("decision-map", "points", {"low": 3, "high": 3}, "square"),
        ("ablation", "mlp", {"units": [20]}, "out-of-range"),
        ("ablation", "mlp", {"layer": "output"}, "no-layer"),
        ("conv-sandbox", "mlp", {"kernel": 9, "size": 8}, "kernel-too-wide"),
        ("conv-sandbox", "mlp", {"stride": 0}, "at-least"),
        ("same-budget", "mlp", {"variants": "activation=rule"}, "choice"),
        ("same-budget", "mlp", {"variants": "activation=relu; hiden=9"}, "unknown-key"),
        ("same-budget", "mlp", {"variants": "activation=relu; data=moons"}, "same-data"),
        ("same-budget", "mlp", {"variants": " ; "}, "no-variants"),
        ("same-budget", "mlp", {"variants": ";".join(f"hidden={n}" for n in range(1, 10))}, "at-most"),
        ("same-budget", "cnn", {"variants": "model=resnett"}, "unknown-model"),
        ("depth-accuracy", "small-resnet", {"depths": (20, 21)}, "no-depth"),
        ("mode-collapse", "gan", {"cause": "bad-luck"}, "choice"),
        ("mode-collapse", "gan", {"cure": "sleep"}, "choice"),
    ],
)  # fmt: skip
def test_an_impossible_question_is_a_clear_problem(
    view: str, name: str, parameters: dict[str, Any], kind: str, every: dict[str, nn.Module]
) -> None:
    with pytest.raises(Problem) as caught:
        asked(view, name, every[name], **parameters)
    assert caught.value.kind == kind and caught.value.message and caught.value.hint


@pytest.mark.parametrize("name", ["simple", "lstm", "transformer", "minilm"])
def test_a_sentence_without_words_is_refused(name: str, every: dict[str, nn.Module]) -> None:
    with pytest.raises(Problem, match="."):
        VIEWS["running-prediction"].function(every[name], torch.zeros(1, 7, dtype=torch.int64))
