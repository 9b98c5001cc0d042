"""From words to a recipe; and what each recipe computes stays what it was.

python tests/recipes/test_choose.py    # writes traces.json anew, after a change that is meant
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tongsu.data import Dataset, arguments_of, load
from tongsu.errors import Problem
from tongsu.locale import set_language
from tongsu.recipes import CHAPTERS
from tongsu.recipes.choose import change, choose, fit_to_data
from tongsu.runs.store import RunStore
from tongsu.training.build import build_model, build_task, complete
from tongsu.training.events import Evaluated
from tongsu.training.loop import train
from tongsu.training.recipe import Recipe

PRESETS = [(chapter, preset) for chapter, presets in CHAPTERS.items() for preset in presets]
TRACES = Path(__file__).with_name("traces.json")


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_LANG", "en")
    set_language(None)


# Presets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("chapter", "preset"), PRESETS)
def test_preset(chapter: str, preset: str) -> None:
    """It says its own name, its model and task can be built, its data know its arguments, and JSON keeps all of it."""
    recipe = choose(chapter, preset)
    assert (recipe.chapter, recipe.preset) == (chapter, preset)
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in build_model(recipe).parameters()) > 10_000
    build_task(recipe)
    assert set(recipe.data_args) <= set(arguments_of(recipe.data))
    again = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again.to_dict() == recipe.to_dict() and again.lengths == recipe.lengths


def test_every_chapter_has_the_three_presets() -> None:
    assert all(set(presets) == {"reference", "fast", "quick"} for presets in CHAPTERS.values())


# key=value -------------------------------------------------------------------------------------------------------


def test_changes_go_where_they_belong() -> None:
    recipe = choose("rnn", "fast", None, ["cell=lstm", "lr=0.01", "words=5000", "clip=0.5", "betas=0.5,0.9"])
    assert recipe.model_args["cell"] == "lstm" and recipe.lr == 0.01
    assert recipe.data_args["words"] == 5000 and "words" not in recipe.model_args
    assert recipe.task_args["clip"] == 0.5
    assert tuple(recipe.optimizer_args["betas"]) == (0.5, 0.9)
    before = choose("rnn", "fast")
    assert recipe.model_args["embedding_dropout"] == before.model_args["embedding_dropout"]  # what was not named stays
    assert recipe.data_args["length"] == before.data_args["length"]


@pytest.mark.parametrize(
    ("chapter", "text", "home", "value"),
    [
        ("mlp", "hidden=64,32", "model_args", [64, 32]),
        ("mlp", "hidden=64", "model_args", [64]),
        ("mlp", "hidden=[64, 32, 16]", "model_args", [64, 32, 16]),
        ("rnn", "bidirectional=true", "model_args", True),
        ("rnn", "bidirectional=false", "model_args", False),
        ("resnet", "skip=no", "model_args", False),
        ("rnn", "lengths=50,100", "", [50, 100]),
        ("rnn", "bucket=true", "", True),
        ("mlp", "epochs=7", "", 7),
        ("mlp", "lr=3e-4", "", 3e-4),
        ("mlp", " lr = 0.5 ", "", 0.5),
        ("mlp", "optimizer=adamw", "", "adamw"),
        ("gan", "share_fakes=false", "task_args", False),
        ("mlp", "weight_decay=0.1", "optimizer_args", 0.1),
        ("mlp", "label_smoothing=0.1", "task_args", 0.1),
        ("mlp", "validation=100", "data_args", 100),
    ],
)
def test_values_have_the_type_of_their_field(chapter: str, text: str, home: str, value: object) -> None:
    told = choose(chapter, "fast", None, [text]).to_dict()
    found = (told[home] if home else told)[text.partition("=")[0].strip()]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("epochs=2.5", "wrong-type"), ("epochs=0", "wrong-type"), ("lr=0", "wrong-type"), ("lr=inf", "wrong-type"),
        ("dropout=1", "wrong-type"), ("hidden=a,b", "wrong-type"), ("optimizer=adm", "wrong-type"),
        ("deterministic=perhaps", "wrong-type"), ("lengths=0,5", "wrong-type"), ("seed=-1", "wrong-type"),
        ("monitor=accurracy", "wrong-type"), ("lrr=1", "unknown-key"), ("inputs=9", "unknown-key"),
        ("task=gan", "unknown-key"), ("model_args={}", "unknown-key"), ("=3", "not-a-pair"), ("lr", "not-a-pair"),
        ("model=nlp", "unknown-model"),
    ],
)  # fmt: skip
def test_refused(text: str, key: str) -> None:
    with pytest.raises(Problem) as caught:
        choose("mlp", "fast", None, [text])
    assert caught.value.kind == key and caught.value.exit_code == 2
    with pytest.raises(Problem) as caught:
        change(choose("mlp"), [text])
    assert caught.value.kind == key


def test_another_model_or_other_data_leave_what_is_not_theirs() -> None:
    assert choose("mlp", data="digits").data_args == {"scaling": "standard"}
    assert choose("gan", data="digits").data_args == {"scaling": "signed"}  # not how many of MNIST's it takes
    assert choose("gan", data="mnist").data_args["examples"] == 29_344
    asked = choose("mlp", changes=["data=digits", "examples=200"]).data_args
    assert asked == {"scaling": "standard", "examples": 200}
    vgg = choose("cnn", "fast", None, ["model=vgg", "depth=11"])
    assert vgg.model == "vgg" and vgg.model_args["depth"] == 11
    rnn = choose("transformer", "fast", None, ["model=rnn", "cell=gru"])
    with torch.device("meta"):
        build_model(rnn)


# Small data ------------------------------------------------------------------------------------------------------


def test_small_data_get_enough_updates() -> None:
    dataset = load("digits", examples=150)  # 120 to learn from
    for preset, least in (("fast", 500), ("quick", 100)):
        recipe = choose("mlp", preset)
        fitted = fit_to_data(recipe, dataset)
        assert fitted.batch_size == 12 and fitted.restore_best
        assert least <= fitted.epochs * 10 <= least + 10
        assert (fitted.lr, fitted.hardest) == (recipe.lr, 1.0)  # of few examples, none is left out
    descent = choose("mlp", changes=["optimizer=sgd"])
    # SGD's step follows the batch: 12 instead of 384 examples in each.
    assert fit_to_data(descent, dataset).lr == pytest.approx(descent.lr * 12 / 384)
    assert fit_to_data(choose("mlp", "reference"), dataset) == choose("mlp", "reference")


def test_few_texts_are_learned_with_smoothed_labels(tmp_path: Path) -> None:
    table = tmp_path / "moods.csv"
    table.write_text("\n".join(["text,mood", *(f"day {i} was {w},{w}" for i in range(40) for w in ("good", "bad"))]))
    data = f"table:{table}?text=text&label=mood"
    recipe, dataset = choose("rnn", data=data), load(data)
    fitted = fit_to_data(recipe, dataset)
    assert fitted.task_args == {**recipe.task_args, "label_smoothing": 0.1} and fitted.lr == recipe.lr / 2
    descent = choose("rnn", data=data, changes=["optimizer=sgd"])
    smaller = fit_to_data(descent, dataset)
    assert smaller.lr == pytest.approx(descent.lr * smaller.batch_size / descent.batch_size / 2)
    asked = ["label_smoothing=0", "lr=0.01", "cell=gru"]
    fitted = fit_to_data(choose("rnn", data=data, changes=asked), dataset, asked)
    assert (fitted.task_args["label_smoothing"], fitted.lr, fitted.model_args["cell"]) == (0, 0.01, "gru")
    assert recipe.model_args["cell"] == "lstm" and "cell" not in choose("rnn").model_args
    assert "label_smoothing" not in fit_to_data(choose("mlp"), load("digits", examples=150)).task_args


def test_only_the_presets_own_data_are_thinned_out() -> None:
    assert choose("cnn").hardest < 1 and choose("cnn", "reference").hardest == 1
    assert choose("cnn", data="images:photos").hardest == 1  # a wrong label is the hardest of all
    assert choose("cnn", data="images:photos", changes=["hardest=0.5"]).hardest == 0.5
    assert choose("cnn", changes=["model=lenet5"]).hardest == 1
    assert choose("cnn").model_args["dropout"] < 0.5 and "dropout" not in choose("cnn", data="images:photos").model_args
    assert choose("cnn", data="images:photos", changes=["dropout=0.2"]).model_args["dropout"] == 0.2
    with pytest.raises(Problem, match="hardest"):
        choose("gan", changes=["hardest=0.5"])


def test_a_rate_belongs_to_its_optimizer() -> None:
    muon, adam = choose("mlp"), choose("mlp", changes=["optimizer=adam"])
    assert muon.optimizer == "muon" and muon.optimizer_args
    assert adam.optimizer == "adam" and adam.lr < muon.lr and not adam.optimizer_args
    assert choose("mlp", changes=["lr=0.5", "optimizer=adam"]).lr == 0.5
    assert choose("mlp", changes=["optimizer=muon"]) == muon
    assert choose("cnn", changes=["model=vgg"]).optimizer == "adam"


def test_what_was_asked_for_stays() -> None:
    asked = ["epochs=2", "batch_size=64", "lr=0.3"]
    fitted = fit_to_data(choose("mlp", changes=asked), load("digits", examples=150), asked)
    assert (fitted.epochs, fitted.batch_size, fitted.lr) == (2, 64, 0.3)


def test_large_data_are_left_alone() -> None:
    recipe = choose("mlp", data="blobs")
    assert fit_to_data(recipe, load("blobs", examples=7_000)) == recipe


# A person's own data ----------------------------------------------------------------------------------------------


@pytest.fixture
def blots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures of two classes, 24 and 6 of them, that a mirror does not change into each other."""
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "home"))
    chance = np.random.default_rng(0)
    for name, count, light in (("dark", 24, 0), ("light", 6, 120)):
        (tmp_path / "blots" / name).mkdir(parents=True)
        for at in range(count):
            pixels = chance.integers(0, 120, (12, 12, 3), dtype=np.uint8) + np.uint8(light)
            Image.fromarray(pixels).save(tmp_path / "blots" / name / f"{at}.png")
    return tmp_path / "blots"


def fitted_to(folder: Path, preset: str = "fast", *asked: str) -> Recipe:
    recipe = choose("cnn", preset, f"images:{folder}", asked)
    dataset = load(recipe.data, **recipe.data_args)
    return complete(fit_to_data(recipe, dataset, asked), dataset)


def test_rare_classes_count_more_and_pictures_vary(blots: Path) -> None:
    recipe = fitted_to(blots)
    dataset = load(recipe.data)
    counts = dataset.train.targets.bincount().double()
    weights = torch.tensor(recipe.task_args["class_weights"], dtype=torch.double)
    assert torch.allclose(weights * counts, (weights * counts).mean(), atol=1e-2)  # every class weighs the same
    assert float((weights * counts).sum()) == pytest.approx(float(counts.sum()), rel=1e-3)
    assert recipe.augment == "photo"
    again = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))
    assert again.to_dict() == recipe.to_dict() and build_task(again).class_weights


def test_what_was_asked_for_stays_there_too(blots: Path) -> None:
    asked = fitted_to(blots, "fast", "augment=none", "class_weights=[]")
    assert asked.augment == "none" and not asked.task_args["class_weights"]
    assert fitted_to(blots, "fast", "class_weights=[1,4]").task_args["class_weights"] == [1, 4]
    for preset in ("quick", "reference"):
        untouched = fitted_to(blots, preset)
        assert untouched.augment == "none" and "class_weights" not in untouched.task_args
    assert fitted_to(blots, "reference", "class_weights=auto").task_args["class_weights"][1] > 1
    for wrong in ("class_weights=[1]", "class_weights=[1,0]"):
        with pytest.raises(Problem, match="one positive number for each of the 2 classes"):
            fitted_to(blots, "fast", wrong)


def test_only_pictures_are_mirrored() -> None:
    for chapter, data in (("mlp", "moons"), ("cnn", "digits")):
        recipe = choose(chapter, "fast", data, ["augment=shift"])
        if data == "digits":
            assert complete(recipe, load(data, examples=100)).augment == "shift"
        else:
            with pytest.raises(Problem, match="is for pictures"):
                complete(recipe, load(data))


def test_signs_are_not_mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "home"))
    digits = load("digits", examples=600).train
    for at in range(len(digits)):
        folder = tmp_path / "digits" / str(int(digits.targets[at]))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits.inputs[at, 0].numpy()).save(folder / f"{at}.png")
    assert fitted_to(tmp_path / "digits").augment == "shift"


# Loss traces -----------------------------------------------------------------------------------------------------

SMALL = {
    "rnn": ["length=12", "hidden=16", "cell=simple"],
    "transformer": ["length=12"],
    "gan": ["examples=100", "width=8", "samples=20"],
}


def trace(chapter: str, preset: str, folder: Path) -> list[dict[str, float]]:
    """Two epochs of five steps on toy data, seed 0: what was measured in training and on validation data."""
    if chapter in ("rnn", "transformer"):
        words = ["good film", "bad film", "a good and long story", "it was bad , very bad"]
        rows = [f'"{words[row % 4]} {row}",{row % 2}' for row in range(100)]
        (folder / "films.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
        data = f"table:{folder / 'films.csv'}?text=text&label=label"
    else:
        data = "digits"
    # A small rate: at the recipes' own, rounding (threads, kernels) would grow into another trace.
    asked = ["batch_size=16", "epochs=2", "frames=0", "lr=0.001", *SMALL.get(chapter, ["examples=100"])]
    recipe = choose(chapter, preset, data, asked)
    dataset: Dataset = load(recipe.data, **recipe.data_args)
    recipe = complete(recipe, dataset)
    run = RunStore(folder / "runs").create(chapter, preset)
    run.write_recipe(recipe.to_dict())
    told = [event for event in train(recipe, run, dataset, device="cpu") if isinstance(event, Evaluated)]
    return [{**event.train, **{f"val_{name}": value for name, value in event.validation.items()}} for event in told]


@pytest.mark.parametrize(("chapter", "preset"), [pair for pair in PRESETS if pair[1] != "quick"])
def test_loss_trace(chapter: str, preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change of model, task, optimiser or loop that is meant to keep the numbers keeps them."""
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "home"))
    known = json.loads(TRACES.read_text(encoding="utf-8"))[f"{chapter} {preset}"]
    found = trace(chapter, preset, tmp_path)
    assert len(found) == len(known) == 2
    for epoch, values in zip(found, known, strict=True):
        assert epoch == pytest.approx(values, rel=1e-3, abs=1e-6)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        traces = {}
        for chapter, preset in PRESETS:
            if preset != "quick":
                place = Path(folder) / chapter / preset
                place.mkdir(parents=True)
                traces[f"{chapter} {preset}"] = trace(chapter, preset, place)
    TRACES.write_text(json.dumps(traces, indent=1) + "\n", encoding="utf-8")
