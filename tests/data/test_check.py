"""`tongsu data check`: every planted fault is found, named and graded; sound data raise no alarm."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance

from tongsu import plots
from tongsu.check import check, draw
from tongsu.data import alike, load
from tongsu.data.check_sets import thumbnails
from tongsu.locale import set_language

SHAPES = ("bar", "cross", "disc")


def shapes(folder: Path, count: int = 24, names: tuple[str, ...] = SHAPES) -> Path:
    """Drawn shapes of many sizes on grounds of many colours, none twice."""
    chance = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True)
        for at in range(count):
            picture(name, chance).save(folder / name / f"{at}.png")
    return folder


def picture(name: str, chance: np.random.Generator) -> Image.Image:
    image = Image.new("RGB", (48, 48), tuple(chance.integers(150, 255, 3).tolist()))
    draw, (x, y), r = ImageDraw.Draw(image), chance.integers(18, 30, 2).tolist(), int(chance.integers(9, 15))
    ink = tuple(chance.integers(0, 90, 3).tolist())
    if name == "disc":
        draw.ellipse((x - r, y - r, x + r, y + r), fill=ink)
    else:
        draw.line((x - r, y, x + r, y), fill=ink, width=6)
    if name == "cross":
        draw.line((x, y - r, x, y + r), fill=ink, width=6)
    return image


def kinds(spec: str, *changes: str) -> dict[str, str]:
    return {finding.kind: finding.severity for finding in check(spec, changes).examination.findings}


def examples(spec: str, kind: str) -> str:
    (found,) = [finding for finding in check(spec).examination.findings if finding.kind == kind]
    assert found.what and found.remedy
    return " | ".join(found.examples)


# Pictures --------------------------------------------------------------------------------------------------------


def test_sound_pictures_raise_no_alarm(home: Path, tmp_path: Path) -> None:
    checked = check(f"images:{shapes(tmp_path / 'a')}")
    assert checked.examination.sound and not checked.examination.findings
    assert checked.examination.counts == {name: {"all": 24} for name in SHAPES}
    assert checked.examination.facts["width"]["median"] == 48 and checked.examination.facts["modes"] == {"colour": 72}
    split = checked.plan["split"]
    data = load(f"images:{tmp_path / 'a'}")
    assert split == {part: len(getattr(data, part)) for part in ("train", "validation", "test")}
    assert sum(split.values()) == 72


def test_planted_faults_of_pictures(home: Path, tmp_path: Path) -> None:
    folder = shapes(tmp_path / "a")
    spec = f"images:{folder}"
    shutil.copy(folder / "bar" / "1.png", folder / "bar" / "again.png")
    shutil.copy(folder / "disc" / "2.png", folder / "bar" / "wrong.png")
    with Image.open(folder / "cross" / "3.png") as image:
        ImageEnhance.Brightness(image).enhance(0.95).resize((96, 96)).save(folder / "cross" / "darker.jpg", quality=80)
    (folder / "disc" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n junk")
    (folder / "disc" / "notes.txt").write_text("not a picture")
    Image.new("RGB", (40, 40), "white").save(folder / "bar" / "white.png")
    Image.new("RGB", (300, 40), "white").save(folder / "bar" / "panorama.png")
    Image.effect_noise((9, 9), 90).save(folder / "disc" / "tiny.png")
    found = kinds(spec)
    assert found == {
        "broken": "error", "two_labels": "error", "blank": "warning", "copies": "note", "near_copies": "note",
        "other_files": "note", "small": "note", "long": "note",
    }  # fmt: skip
    for kind, name in (
        ("broken", "broken.png"), ("two_labels", "bar/wrong.png"), ("copies", "bar/again.png"), ("blank", "white.png"),
        ("near_copies", "cross/3.png [cross] = cross/darker.jpg"), ("other_files", "notes.txt"), ("small", "tiny.png"),
        ("long", "panorama.png"),
    ):  # fmt: skip
        assert name in examples(spec, kind), kind
    checked = check(spec)
    assert not checked.examination.sound and "broken.png" in checked.plan["refused"]
    assert "refused" not in check(spec, ["skip_broken=true"]).plan


def test_a_label_that_all_neighbours_doubt(home: Path, tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    for at, name in enumerate(("dusk", "noon")):
        (tmp_path / "a" / name).mkdir(parents=True)
        for number in range(20):
            pixels = chance.integers(0, 120, (20, 20, 3), dtype=np.uint8) + np.uint8(120 * at)
            Image.fromarray(pixels).save(tmp_path / "a" / name / f"{number}.png")
    spec = f"images:{tmp_path / 'a'}"
    assert "doubtful_neighbours" not in kinds(spec)
    (tmp_path / "a" / "noon" / "7.png").rename(tmp_path / "a" / "dusk" / "strayed.png")
    assert kinds(spec)["doubtful_neighbours"] == "warning"
    assert examples(spec, "doubtful_neighbours") == "dusk/strayed.png: dusk → noon"


def test_leaks_between_given_parts(home: Path, tmp_path: Path) -> None:
    shapes(tmp_path / "a" / "train")
    for name in SHAPES:
        (tmp_path / "a" / "test" / name).mkdir(parents=True)
        for at in range(3):
            chance = np.random.default_rng([at, len(name)])
            picture(name, chance).save(tmp_path / "a" / "test" / name / f"{at}.png")
    shutil.copy(tmp_path / "a" / "train" / "bar" / "5.png", tmp_path / "a" / "test" / "bar" / "seen.png")
    with Image.open(tmp_path / "a" / "train" / "disc" / "5.png") as image:
        image.resize((60, 60)).save(tmp_path / "a" / "test" / "disc" / "nearly.png")
    spec = f"images:{tmp_path / 'a'}"
    found = kinds(spec)
    assert found["leak"] == "error" and found["near_leak"] == "warning"
    assert "seen.png" in examples(spec, "leak") and "nearly.png" in examples(spec, "near_leak")
    assert check(spec).examination.counts["bar"] == {"train": 24, "test": 4}


def test_classes_that_cannot_be_learned(home: Path, tmp_path: Path) -> None:
    folder = shapes(tmp_path / "a", 40, ("bar", "disc"))
    (folder / "empty").mkdir()
    (folder / "rare").mkdir()
    chance = np.random.default_rng(5)
    for at in range(2):
        picture("cross", chance).save(folder / "rare" / f"{at}.png")
    found = kinds(f"images:{folder}")
    assert (found["empty_class"], found["too_few"], found["uneven"]) == ("error", "error", "warning")
    assert kinds(f"images:{shapes(tmp_path / 'b', 5, ('bar',))}")["one_class"] == "error"
    (tmp_path / "c").mkdir()
    assert kinds(f"images:{tmp_path / 'c'}") == {"no_pictures": "error"}


def test_colour_that_gives_the_class_away(home: Path, tmp_path: Path) -> None:
    folder = shapes(tmp_path / "a", 20, ("bar", "disc"))
    for file in (folder / "disc").iterdir():
        with Image.open(file) as image:
            grey = image.convert("L")
        grey.save(file)
    assert "colour_tells" in kinds(f"images:{folder}")


# Splitting -------------------------------------------------------------------------------------------------------


def test_a_picture_never_both_teaches_and_examines(home: Path, tmp_path: Path) -> None:
    folder = shapes(tmp_path / "a", 30)
    for name in SHAPES:
        for at in range(10):
            shutil.copy(folder / name / f"{at}.png", folder / name / f"copy-{at}.png")
    shutil.copy(folder / "bar" / "20.png", folder / "disc" / "contradicts.png")
    data = load(f"images:{folder}")
    used = [file for part in (data.train, data.validation, data.test) for file in part.files]
    contents = [Path(file).read_bytes() for file in used]
    assert len(contents) == len(set(contents)) == 89
    assert (folder / "bar" / "20.png").read_bytes() not in contents and "32 repeated" in data.test_split


def test_texts_that_differ_in_case_and_punctuation_are_one(home: Path, tmp_path: Path) -> None:
    rows = [f"very good number {n},good\nrather bad number {n},bad" for n in range(20)]
    rows += [f'"Very good: number {n}!",good' for n in range(5)] + ["RATHER BAD NUMBER 3,good"]
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    data = load(f"table:{tmp_path / 'a.csv'}?text=text&label=label")
    texts = [alike.plain(one) for part in (data.train, data.validation, data.test) for one in part.texts]
    assert len(texts) == len(set(texts)) == 39


# Texts -----------------------------------------------------------------------------------------------------------

GOOD = ("wonderful", "delicious", "friendly", "warm", "cosy", "fresh", "lovely", "generous")
BAD = ("cold", "rude", "stale", "dirty", "slow", "bland", "noisy", "greasy")
THINGS = ("soup", "waiter", "room", "table", "bread", "coffee", "dessert", "music", "fish", "salad")


def meals(path: Path, rows: list[str] | None = None, count: int = 60) -> str:
    chance = np.random.default_rng(2)
    lines = []
    for n in range(count):
        words, label = ((GOOD, "good"), (BAD, "bad"))[n % 2]
        a, b = chance.choice(words, 2, replace=False)
        x, y, z = chance.choice(THINGS, 3, replace=False)
        lines.append(f"the {x} was {a} and the {y} {b} although the {z} came {n} minutes late,{label}")
    path.write_text("\n".join(["text,label", *lines, *(rows or [])]) + "\n", encoding="utf-8")
    return f"table:{path}?text=text&label=label"


def test_sound_texts_raise_no_alarm(home: Path, tmp_path: Path) -> None:
    checked = check(meals(tmp_path / "a.csv"))
    assert not checked.examination.findings and checked.examination.sound
    facts = checked.examination.facts
    assert facts["languages"] == {"latin": 1} and facts["baseline_accuracy"] > 0.9
    assert checked.plan["updates"] >= 500


def test_planted_faults_of_texts(home: Path, tmp_path: Path) -> None:
    spec = meals(tmp_path / "a.csv", [
        "the soup was wonderful and the waiter friendly and warm and the room cosy and lovely,bad",  # wrong label
        "one text that stands twice,good", "one text that stands twice,good",
        "this one is told in two ways,good", "this one is told in two ways,bad",
        "a long sentence about the bread and the butter of this house in May,good",
        "A long sentence about the bread and the butter of this house in May!!,good",
        ",good", "<div>the fish was <b>fresh</b></div>,good", "!!!,bad", "the coffee was cold and stale,Bad",
    ])  # fmt: skip
    found = kinds(spec)
    assert found == {
        "empty_cells": "error", "label_spelling": "error", "two_labels": "error", "too_few": "error",
        "uneven": "warning", "no_words": "warning", "doubtful_words": "warning", "copies": "note",
        "near_copies": "note", "markup": "note",
    }  # fmt: skip
    for kind, said in (
        ("doubtful_words", "62: the soup was wonderful"), ("label_spelling", "Bad = bad"), ("empty_cells", "69"),
        ("two_labels", "told in two ways"), ("near_copies", "67: a long sentence"), ("markup", "70"),
        ("no_words", "71"),
    ):  # fmt: skip
        assert said in examples(spec, kind), kind


def test_a_word_that_gives_the_class_away(home: Path, tmp_path: Path) -> None:
    rows = [f"text {n} of no meaning #{'five' if n % 2 else 'one'}stars,{('bad', 'good')[n % 2]}" for n in range(40)]
    (tmp_path / "a.csv").write_text("text,label\n" + "\n".join(rows) + "\n")
    assert "fivestars" in examples(f"table:{tmp_path / 'a.csv'}?text=text&label=label", "giveaway")


def test_long_texts_and_broken_tables(home: Path, tmp_path: Path) -> None:
    spec = meals(tmp_path / "a.csv")
    assert kinds(spec, "length=8")["cut"] == "note"
    (tmp_path / "a.csv").write_text((tmp_path / "a.csv").read_text() + 'x,y,z,good\n')
    found = check(spec)
    assert [f.kind for f in found.examination.findings if f.severity == "error"] == ["unreadable"]
    assert found.examination.total == 60 and "row 62" in found.plan["refused"]


@pytest.mark.parametrize(
    ("text", "script"),
    [("这家店很好吃 nice", "zh"), ("A fine day", "latin"), ("Хороший день", "cyrillic"), ("123 !!", "none"),
     ("とても美味しい料理です", "kana"), ("아주 좋아요", "hangul")],
)  # fmt: skip
def test_languages(text: str, script: str) -> None:
    from tongsu.data.check_tables import languages

    assert languages([text]) == {script: 1}


# Methods ---------------------------------------------------------------------------------------------------------


def test_naive_bayes_leaves_each_text_out_exactly() -> None:
    """Against counting all over again without the text."""
    words = [one.split() for one in ("a b c", "a b", "c d", "d e e", "a d", "b b c", "e")]
    targets = np.array([0, 0, 1, 1, 0, 0, 1])
    found = alike.by_words(words, targets)
    features = [{*w, *(f"{a} {b}" for a, b in zip(w, w[1:], strict=False))} for w in words]
    size = len(set().union(*features))
    for at, own in enumerate(features):
        scores = []
        for k in (0, 1):
            others = [features[n] for n in range(len(words)) if n != at and targets[n] == k]
            total = sum(map(len, others))
            score = np.log(len(others))
            score += sum(np.log((sum(f in other for other in others) + 1) / (total + size)) for f in own)
            scores.append(score / np.sqrt(len(own)))
        shares = np.exp(scores) / np.exp(scores).sum()
        assert found.answers[at] == shares.argmax() and found.clear[at] == pytest.approx(shares.max())


def test_near_texts_are_those_that_share_their_pieces() -> None:
    chance = np.random.default_rng(3)
    texts = ["".join(chance.choice(list("abcdefgh "), 80)) for _ in range(60)]
    changed = [text[:40] + "x" + text[40:] for text in texts[:20]]
    pairs = alike.near_texts([*texts, *changed])
    assert pairs == [(at, 60 + at) for at in range(20)]


def test_mirrors_harm_digits_and_arrows_but_not_shapes(home: Path, tmp_path: Path) -> None:
    arrows, targets = [], []
    chance = np.random.default_rng(1)
    for at in range(60):
        image = Image.new("L", (40, 40))
        y, x = chance.integers(12, 28), chance.integers(14, 26)
        ImageDraw.Draw(image).polygon([(x - 8, y - 8), (x - 8, y + 8), (x + 10, y)], fill=255)
        arrows.append(np.asarray(image)[:, :: -1 if at % 2 else 1])
        targets.append(at % 2)
    assert alike.mirror_harms(np.stack(arrows)[:, None].astype(float), np.array(targets))
    digits = load("digits", examples=600).train
    assert alike.mirror_harms(thumbnails(digits.inputs), digits.targets.numpy())
    data = load(f"images:{shapes(tmp_path / 'a', 40)}").train
    assert not alike.mirror_harms(thumbnails(data.inputs), data.targets.numpy())


def test_built_in_sets_are_looked_through(home: Path) -> None:
    checked = check("digits")
    assert set(next(iter(checked.examination.counts.values()))) == {"train", "validation", "test"}
    assert checked.examination.total == 5_000 and checked.plan["command"].startswith("tongsu train cnn")
    assert check("moons").plan["command"].startswith("tongsu train mlp")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_picture(language: str, home: Path, tmp_path: Path) -> None:
    set_language(language)
    folder = shapes(tmp_path / "a", 6)
    for spec in (f"images:{folder}", meals(tmp_path / "a.csv")):
        path = draw(check(spec), tmp_path / "look.png")
        with Image.open(path) as image:
            assert image.width > 1_000 and image.convert("L").getextrema()[0] < 100
    assert plots.to_bytes  # drawn with the house's own fonts: a missing character would be a warning, which is an error
