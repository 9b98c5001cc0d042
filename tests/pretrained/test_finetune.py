"""Going on from a network: the last layer's fit against its own conditions, small trainings from made-up networks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from tongsu.errors import Problem
from tongsu.evaluate import report
from tongsu.learned import Learned
from tongsu.models import EfficientNetLite, MiniLM
from tongsu.pretrained import networks, start
from tongsu.pretrained.names import Found
from tongsu.pretrained.networks import Network
from tongsu.recipes import finetune
from tongsu.recipes.choose import choose
from tongsu.runs.store import RunStore
from tongsu.session import prepare, resume
from tongsu.training import checkpoint
from tongsu.training.build import build_model, dataset_of
from tongsu.training.events import Finished, Step
from tongsu.training.optim import groups, optimizer_for, set_rate

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "bad", "film", "the", "a", "is", "was", "very", "food", "so")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


class Small:
    """A network of the given kind with weights that chance gave: what is tested is everything around it."""

    def __init__(self, kind: str) -> None:
        torch.manual_seed(1)
        known = networks.NETWORKS["efficientnet-lite0" if kind == "images" else "minilm"]
        self.known, self.name, self.kind, self.source = known, known.name, kind, "made up"
        self.model_args = {} if kind == "images" else {
            "words": len(WORDS), "width": 16, "heads": 2, "layers": 2, "feedforward": 24, "positions": 32
        }  # fmt: skip
        self.model, self.mean, self.std = known.model, known.mean, known.std
        net = EfficientNetLite() if kind == "images" else MiniLM(**self.model_args)
        self.weights = {name: value.clone() for name, value in net.state_dict().items()}

    def load(self) -> Found:
        return Found(self.model, self.model_args, self.weights, "test")

    def preprocessing(self, length: int = 256) -> object:
        from tongsu.data.wordpieces import WordPieces

        return Network.preprocessing(self.known) if self.kind == "images" else WordPieces(WORDS, length)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two names lead to small networks, so that nothing is downloaded."""
    made = {"efficientnet-lite0": Small("images"), "minilm": Small("text")}
    for module in (start, finetune):
        monkeypatch.setattr(module, "network", lambda name: made[name])


@pytest.fixture
def photos(tmp_path: Path) -> str:
    """Reddish and bluish noise, 64 pixels a side."""
    chance = np.random.default_rng(0)
    for at, name in enumerate(("blue", "red")):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(12):
            pixels = chance.integers(0, 160, (64, 64, 3), dtype=np.uint8)
            pixels[..., 2 - 2 * at] += 95
            Image.fromarray(pixels).save(tmp_path / "photos" / name / f"{number}.png")
    return f"images:{tmp_path / 'photos'}"


@pytest.fixture
def opinions(tmp_path: Path) -> str:
    rows = [f"{first} {what} {verb} {much} {word},{word}" for first in ("the", "a") for what in ("film", "food")
            for verb in ("is", "was") for much in ("very", "so") for word in ("good", "bad")]  # fmt: skip
    (tmp_path / "opinions.csv").write_text("text,label\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return f"table:{tmp_path / 'opinions.csv'}?text=text&label=label"


# The last layer ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_fit_is_a_minimum(outputs: int) -> None:
    """By the calculus of float64, written out: at a minimum the gradient is zero."""
    x, y = torch.randn(80, 5), torch.arange(80) % max(outputs, 2)
    x[:, 0] += y
    weight, bias = start.solve(x, y, torch.zeros(outputs, 5), torch.zeros(outputs), 0.01)
    z = (x @ weight.T + bias).double().numpy()
    if outputs == 1:
        p = 1 / (1 + np.exp(-z))
        error = (p - y[:, None].numpy()) / 80
    else:
        p = np.exp(z - z.max(1, keepdims=True))
        error = (p / p.sum(1, keepdims=True) - np.eye(3)[y]) / 80
    gradient = error.T @ x.double().numpy() + 0.01 * weight.double().numpy()
    assert np.abs(gradient).max() < 1e-4 and np.abs(error.sum(0)).max() < 1e-4


def test_scale_and_shift_of_the_features_do_not_matter() -> None:
    x, y = torch.randn(200, 4), (torch.arange(200) % 2)
    x[:, 0] += 2 * y
    shifted = x * torch.tensor([1e3, 1e-3, 5.0, 1.0]) + torch.tensor([1e3, 0.0, -7.0, 2.0])
    answers = [F.linear(z, *start.fit_head((z[:120], y[:120]), (z[120:], y[120:]), 1)) for z in (x, shifted)]
    torch.testing.assert_close(answers[0], answers[1], atol=2e-2, rtol=2e-2)
    assert ((answers[0][120:, 0] > 0) == y[120:].bool()).float().mean() > 0.75


# Trainings --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("home", "small")
@pytest.mark.parametrize("kind", ["photos", "opinions"])
def test_quick_fits_the_last_layer_and_nothing_else(
    kind: str, runs: Path, request: pytest.FixtureRequest
) -> None:
    data, photos = request.getfixturevalue(kind), kind == "photos"
    chapter, name = ("resnet", "efficientnet-lite0") if photos else ("transformer", "minilm")
    size = "size=64" if photos else "tokens=12"
    session = prepare(chapter, "quick", data, [f"pretrained={name}", size, "examples=0"])
    assert isinstance(list(session.events("cpu"))[-1], Finished)
    learned = Learned.load(session.run)
    before = start.network(name).load().weights
    for key, value in learned.model.state_dict().items():
        changed = key in before and not torch.equal(value, before[key])
        assert changed == key.startswith("head."), key
    assert report(learned, "train")["metrics"]["accuracy"] > 0.9
    assert session.run.results()["history"][0]["step"] == 0


@pytest.mark.usefixtures("home", "small")
def test_all_layers_learn_and_a_resumed_run_is_the_same(opinions: str, runs: Path) -> None:
    def begun() -> object:
        return prepare("transformer", "fast", opinions, ["pretrained=minilm", "tokens=12", "epochs=3", "batch_size=4"])

    whole = begun()
    list(whole.events("cpu"))
    part = begun()
    events = part.events("cpu")
    import tongsu.training.loop as loop

    before, loop.REPORT_EVERY = loop.REPORT_EVERY, 0.0
    try:
        for event in events:
            if isinstance(event, Step) and event.step >= 4:
                break
        events.close()
        list(resume(part.run.name).events("cpu"))
    finally:
        loop.REPORT_EVERY = before
    one, other = checkpoint.load(whole.run).model, checkpoint.load(part.run).model
    assert all(torch.equal(one[name], other[name]) for name in one)
    first = start.network("minilm").load().weights
    assert not torch.equal(one["blocks.0.query.weight"], first["blocks.0.query.weight"])
    assert RunStore().find("last").results()["metrics"]["test_accuracy"] >= 0


@pytest.mark.usefixtures("home", "small")
def test_the_run_carries_what_it_needs(opinions: str, runs: Path) -> None:
    session = prepare("transformer", "quick", opinions, ["pretrained=minilm", "tokens=9", "examples=0"])
    list(session.events("cpu"))
    learned = Learned.load(session.run)
    assert learned.preprocessing.words("the film was so good")[0][0] == "[CLS]"
    assert learned.read(["a very bad film"]).shape == (1, 9)


@pytest.mark.usefixtures("home", "small")
def test_grey_and_small_pictures_become_what_the_network_reads() -> None:
    made = start.dataset_for("efficientnet-lite0", "digits", {"examples": 100})
    assert made.train.inputs.shape[1:] == (3, 224, 224) and made.train.inputs.dtype == torch.uint8
    assert made.preprocessing.channels == 3 and not made.preprocessing.digits


@pytest.mark.usefixtures("home", "small")
def test_examples_are_the_same_ones_for_everybody_and_in_measure() -> None:
    recipe = choose("resnet", "quick", "digits", ["pretrained=efficientnet-lite0"])
    recipe = replace(recipe, data_args={"examples": 200})
    few = [dataset_of(replace(recipe, pretrained_args={"examples": 50})) for _ in range(2)]
    assert torch.equal(few[0].train.inputs, few[1].train.inputs) and len(few[0].train) in range(45, 56)
    assert few[0].fingerprint == few[1].fingerprint != dataset_of(recipe).fingerprint
    assert few[0].train.targets.bincount(minlength=10).max() <= 8


@pytest.mark.usefixtures("home", "small")
def test_pictures_that_stay_in_their_files_give_the_same(photos: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_MEMORY", "4GB")
    held = start.dataset_for("efficientnet-lite0", photos, {"size": 64})
    monkeypatch.setenv("TONGSU_MEMORY", "1KB")
    left = start.dataset_for("efficientnet-lite0", photos, {"size": 64})
    assert torch.equal(held.train.inputs[[3, 1]], left.train.inputs[[3, 1]])
    assert left.train.inputs.shape == held.train.inputs.shape == (len(held.train), 3, 64, 64)


# Recipes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("preset", ["reference", "fast", "quick"])
@pytest.mark.parametrize(("chapter", "name"), [("resnet", "efficientnet-lite0"), ("resnet", "resnet50"),
                                               ("transformer", "minilm")])  # fmt: skip
def test_every_recipe_can_be_built(chapter: str, name: str, preset: str) -> None:
    recipe = choose(chapter, preset, None, [f"pretrained={name}"])
    assert (recipe.chapter, recipe.preset, recipe.pretrained) == (chapter, preset, name)
    with torch.device("meta"):
        model = build_model(recipe)
    assert set(networks.body(Found(recipe.model, {}, dict(model.state_dict()), ""))) < set(model.state_dict())
    assert recipe.from_dict(recipe.to_dict()).to_dict() == recipe.to_dict()


@pytest.mark.parametrize(
    ("chapter", "changes", "kind"),
    [
        ("resnet", ["pretrained=efficientnet-lite1"], "unknown"),
        ("cnn", ["pretrained=resnet50"], "wrong-chapter"),
        ("transformer", ["pretrained=resnet50"], "wrong-chapter"),
        ("resnet", ["pretrained=resnet50", "model=cnn"], "wrong-model"),
        ("transformer", ["pretrained=minilm", "tokens=1000"], "wrong-type"),
        ("transformer", ["tokens=100"], "unknown-key"),
        ("resnet", ["pretrained=resnet50", "layer_rate=0"], "wrong-type"),
    ],
)
def test_what_cannot_be(chapter: str, changes: list[str], kind: str) -> None:
    with pytest.raises(Problem) as caught:
        choose(chapter, "fast", None, changes)
    assert caught.value.kind == kind


def test_data_of_another_kind_are_refused(home: Path) -> None:
    with pytest.raises(Problem) as caught:
        start.dataset_for("minilm", "digits", {})
    assert caught.value.kind == "does-not-fit" and "digits" in caught.value.message


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18", "minilm"])
def test_deeper_layers_learn_slower(name: str) -> None:
    chapter = "transformer" if name == "minilm" else "resnet"
    recipe = choose(chapter, "fast", None, [f"pretrained={name}", "layer_rate=0.5", "lr=0.01"])
    model = build_model(recipe)
    optimizer = optimizer_for(recipe, groups(recipe, model))
    set_rate([optimizer], 0.5)
    rates: dict[int, float] = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    named: dict[str, Tensor] = dict(model.named_parameters())
    assert set(rates) == {id(p) for p in named.values()}  # each once
    by_name = {key: rates[id(value)] for key, value in named.items()}
    head = networks.head_of(recipe.model)
    assert by_name[f"{head}.weight"] == pytest.approx(0.005) == max(by_name.values())
    blocks = [by_name[key] for key in by_name if key.startswith(("blocks.", "layer"))]
    assert blocks == sorted(blocks) and blocks[-1] == pytest.approx(0.0025)
    assert min(by_name.values()) == pytest.approx(blocks[0] / 2)


def test_without_layer_rate_there_is_one_group() -> None:
    recipe = choose("mlp")
    assert len(optimizer_for(recipe, groups(recipe, build_model(recipe))).param_groups) == 1
