"""Names that answer without any training; those that need a download are marked `data`."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from tongsu.data.sources import Asset, Package, fetch
from tongsu.errors import Problem
from tongsu.evaluate import report
from tongsu.learned import Learned
from tongsu.predict import predict
from tongsu.pretrained import built_in, imagenet
from tongsu.pretrained.as_runs import SHIPPED
from tongsu.pretrained.asking import ask, is_chinese, meanings
from tongsu.pretrained.built_in import find
from tongsu.runs.store import Run

WHEEL = "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"


def photo(name: str, size: int, sha256: str) -> Asset:
    digest = "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af"
    package = Package(WHEEL, 13_711_217, digest, "scikit-image", "0.26.0", f"skimage/data/{name}")
    return Asset(name, size, sha256, (package,))


PHOTOS = {
    "chelsea.png": (photo("chelsea.png", 240_512, "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
        {"tabby cat", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"}),
    "coffee.png": (photo("coffee.png", 466_706, "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
        {"espresso", "cup", "coffee mug"}),
    "rocket.jpg": (photo("rocket.jpg", 112_525, "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c"),
        {"missile", "projectile", "space shuttle"}),
}


@pytest.mark.data
def test_real_photographs_come_out_right(tmp_path: Path) -> None:
    assets = [asset for asset, _ in PHOTOS.values()]
    answers, _ = ask("imagenet", [fetch(asset, siblings=assets) for asset in assets])
    for (name, (_, right)), answer in zip(PHOTOS.items(), answers, strict=True):
        assert answer.label in right, (name, answer.label, answer.probability)
        assert abs(sum(answer.probabilities.values()) - 1) < 1e-4 and len(answer.probabilities) == 1000


@pytest.mark.data
@pytest.mark.long
def test_own_photographs_are_learned_from_the_real_network(tmp_path: Path, runs: Path) -> None:
    """Cut-outs of three photographs, a folder for each: a new last layer tells them apart."""
    from tongsu.session import prepare

    chance = random.Random(0)
    for asset, _ in PHOTOS.values():
        picture = Image.open(fetch(asset)).convert("RGB")
        folder = tmp_path / "photos" / asset.name.partition(".")[0]
        folder.mkdir(parents=True)
        for number in range(10):
            side = chance.randint(150, min(picture.size))
            x, y = chance.randint(0, picture.width - side), chance.randint(0, picture.height - side)
            picture.crop((x, y, x + side, y + side)).save(folder / f"{number}.jpg")
    changes = ["pretrained=efficientnet-lite0", "size=128"]
    session = prepare("resnet", "quick", f"images:{tmp_path / 'photos'}", changes)
    *_, last = session.events("cpu")
    assert last.metrics["test_accuracy"] >= 0.66 and last.metrics["val_accuracy"] >= 0.66
    learned = Learned.load(session.run)
    asset = PHOTOS["coffee.png"][0]
    assert predict(learned, [fetch(asset)])[0].label == "coffee"


def test_class_names() -> None:
    """A thousand in each language, none twice; landmarks stand where the thousand numbers have them."""
    english, chinese = imagenet.classes("en"), imagenet.classes("zh")
    assert len(set(english)) == len(set(chinese)) == 1000
    known = {0: "tench", 1: "goldfish", 207: "golden retriever", 281: "tabby cat", 282: "tiger cat",
             285: "Egyptian cat", 291: "lion", 340: "zebra", 388: "giant panda", 404: "airliner", 504: "coffee mug",
             657: "missile", 817: "sports car", 880: "unicycle", 937: "broccoli", 963: "pizza", 967: "espresso",
             980: "volcano", 999: "toilet tissue"}  # fmt: skip
    assert {number: english[number] for number in known} == known
    assert chinese[388] == "大熊猫" and chinese[967] == "浓缩咖啡" and chinese[281] == "虎斑猫"
    assert all(re.search(r"[\u4e00-\u9fff]", name) for name in chinese)
    assert not any(re.search(r"[\u4e00-\u9fff]", name) for name in english)


GLAD = ("这是一个不错的服务", "质量很好，非常满意", "很好", "不错", "强烈推荐", "非常好吃")
SAD = ("服务太差了，再也不会来", "房间很脏，服务员态度恶劣", "不好", "太失望了", "垃圾，千万别买", "东西坏了，退货")


def test_chinese_sentiment_stands_in_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path))
    monkeypatch.setenv("TONGSU_OFFLINE", "1")
    answers, who = ask("情感", [*GLAD, *SAD])
    assert [answer.label for answer in answers] == ["positive"] * len(GLAD) + ["negative"] * len(SAD)
    run = find("sentiment-zh")
    assert set(who) == {str(run.path)} and run.path.is_relative_to(tmp_path)
    for file in (SHIPPED / "sentiment-zh").iterdir():
        assert (run.path / file.name).read_bytes() == file.read_bytes()


def test_what_is_shipped_is_small() -> None:
    assert sum(file.stat().st_size for file in SHIPPED.rglob("*") if file.is_file()) < 3_000_000


def test_chinese_goes_to_chinese(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path))
    answers, who = ask("sentiment", ["这是一个不错的服务"])
    assert answers[0].label == "positive" and who[0].endswith("sentiment-zh")
    assert is_chinese("iPhone 很好用") and not is_chinese("I love 北京 and its people")


def test_a_run_of_ones_own_goes_first(runs: Path) -> None:
    own = Run(runs / "sentiment-zh")
    own.path.mkdir(parents=True)
    own.write_recipe({"chapter": "rnn"})
    assert find("sentiment-zh").path == own.path and not built_in.is_built_in("sentiment-zh")


@pytest.mark.data
def test_the_shipped_accuracy_is_what_evaluate_measures() -> None:
    learned = Learned.load(find("sentiment-zh"))
    measured = report(learned, "test")["metrics"]
    assert measured["accuracy"] == pytest.approx(learned.run.results()["metrics"]["test_accuracy"], abs=1e-3)
    assert f"{measured['accuracy']:.4f}" in learned.run.card.read_text(encoding="utf-8")


@pytest.mark.data
@pytest.mark.long
def test_english_sentences(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))  # nobody has fetched DistilBERT
    glad = ["I love this movie!", "The food was great", "An absolute delight from start to finish"]
    sad = ["I hate this movie.", "What a waste of time", "terrible service"]
    answers, who = ask("sentiment", [*glad, "这是一个不错的服务", *sad])
    assert [answer.label for answer in answers] == ["positive"] * 4 + ["negative"] * 3
    assert [answer.input for answer in answers] == [*glad, "这是一个不错的服务", *sad]
    assert len(set(who)) == 2


@pytest.mark.data
@pytest.mark.long
def test_minilm_equals_transformers_on_the_real_weights(tmp_path: Path) -> None:
    """Weights, word pieces and mean: the sentence's meaning as transformers computes it from the same two files."""
    import transformers

    from tongsu.pretrained.networks import network

    weights, vocabulary = network("minilm").files()
    (tmp_path / "model.safetensors").write_bytes(weights.read_bytes())
    config = transformers.BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
                                     intermediate_size=1536)  # fmt: skip
    config.save_pretrained(tmp_path)
    theirs = transformers.BertModel.from_pretrained(tmp_path).eval()
    tokenizer = transformers.BertTokenizer(str(vocabulary))
    texts = ["Isn't this café film great?", "Untied supercalifragilistic words,  and 日本.", "no"]
    encoded = tokenizer(texts, padding=True, return_tensors="pt")
    mask = encoded["attention_mask"][:, :, None]
    with torch.no_grad():
        mean = (theirs(**encoded).last_hidden_state * mask).sum(1) / mask.sum(1)
    expected = torch.nn.functional.normalize(mean, dim=1)
    torch.testing.assert_close(meanings(texts, 64), expected, atol=1e-5, rtol=1e-4)


def test_the_commands(runs: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tongsu", "predict", "sentiment-zh", "很好", "--json"],
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    (answer,) = json.loads(done.stdout.splitlines()[-1])["predictions"]
    assert answer["label"] == "positive" and done.returncode == 0 and not runs.exists()


@pytest.mark.data
def test_views_of_many_examples_are_not_offered_without_examples() -> None:
    from tongsu import views
    from tongsu.learned import Learned
    from tongsu.pretrained.built_in import find

    offered = views.fitting(Learned.load(find("imagenet")))
    assert {"layers", "pixel", "grad-cam", "occlusion"} <= set(offered)
    assert {view.input for view in offered.values()} <= {"one", "none"}


def test_there_is_no_data_set_behind_imagenet() -> None:
    from tongsu.training.build import UNKNOWN_DATA, dataset_of
    from tongsu.training.recipe import Recipe

    with pytest.raises(Problem) as caught:
        dataset_of(Recipe(chapter="resnet", preset="pretrained", model="resnet", data=UNKNOWN_DATA))
    assert caught.value.kind == "no-data"
