"""A person's own tables: good ones in many dialects, and every bad one named with its row."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from tongsu.data import load
from tongsu.errors import Problem

PLACES = {"good": "很好 great place", "bad": "很差 awful place"}
ROWS = [(f"{PLACES[label]} number {n}", label) for n in range(20) for label in PLACES]
COLUMNS = "text=text&label=label"


def csv_text(rows: list[tuple[str, str]], delimiter: str = ",") -> str:
    lines = [("text", "label"), *rows]
    return "".join(delimiter.join('"' + c.replace('"', '""') + '"' for c in line) + "\n" for line in lines)


def write(folder: Path, content: str | bytes, name: str = "my table.csv") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return f"table:{path}?{COLUMNS}"


def check(spec: str, **arguments: object) -> None:
    data = load(spec, **arguments)
    assert data.labels == ("bad", "good")
    assert (len(data.train), len(data.validation), len(data.test)) == (32, 4, 4)
    texts = [*data.train.texts, *data.validation.texts, *data.test.texts]
    assert Counter(texts) == Counter(text for text, _ in ROWS)
    truth = dict(ROWS)
    for split in (data.train, data.validation, data.test):
        assert [data.labels[target] for target in split.targets] == [truth[text] for text in split.texts]
        assert torch.equal(split.inputs, torch.stack([data.preprocessing.read(text) for text in split.texts]))
        assert split.targets.float().mean() == 0.5
    again = load(spec, **arguments)  # from the cache
    assert again.fingerprint == data.fingerprint and torch.equal(again.train.inputs, data.train.inputs)
    assert again.preprocessing == data.preprocessing and again.train.texts == data.train.texts


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(home: Path, tmp_path: Path, delimiter: str) -> None:
    check(write(tmp_path, csv_text(ROWS, delimiter)))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings_that_say_what_they_are(home: Path, tmp_path: Path, encoding: str) -> None:
    check(write(tmp_path, csv_text(ROWS).encode(encoding)))


def test_windows_lines_blank_lines_and_tsv(home: Path, tmp_path: Path) -> None:
    check(write(tmp_path, csv_text(ROWS).replace("\n", "\r\n\r\n")))
    check(write(tmp_path, csv_text(ROWS, "\t"), "a.tsv"))


def test_cells_may_hold_any_sign(home: Path, tmp_path: Path) -> None:
    texts = ["a\u2028b", "a\x85b", "a, b", 'say "hello"', "two\nlines", "emoji 👍", "\ufeffmark", "a;b;c"]
    rows = [(f"{text} {n}", label) for n, text in enumerate(texts) for label in ("yes",)] + ROWS
    data = load(write(tmp_path, csv_text([(text, "good" if label == "yes" else label) for text, label in rows])))
    found = {*data.train.texts, *data.validation.texts, *data.test.texts}
    assert found == {text for text, _ in rows}


def test_json_lines(home: Path, tmp_path: Path) -> None:
    lines = [json.dumps({"label": label, "text": text, "more": None}) for text, label in ROWS]
    check(write(tmp_path, "\n".join(lines) + "\n\n", "a.jsonl"))


def test_gbk_is_named_and_then_read(home: Path, tmp_path: Path) -> None:
    spec = write(tmp_path, csv_text(ROWS).encode("gbk"))
    with pytest.raises(Problem, match="my table.csv, row 2: this is not utf-8") as caught:
        load(spec)
    assert "&encoding=gbk" in caught.value.hint and caught.value.exit_code == 2
    check(spec + "&encoding=gbk")


def test_characters_and_column_names_with_blanks(home: Path, tmp_path: Path) -> None:
    content = csv_text(ROWS).replace('"text"', '"the text"').replace('"label"', '"评价"')
    path = tmp_path / "a.csv"
    path.write_text(content, encoding="utf-8")
    data = load(f"table:{path}?text=the+text&label=评价", level="char", length=10, words=50)
    assert data.train.inputs.shape == (32, 10) and "很" in data.preprocessing.to_dict()["vocabulary"]


def test_numbers_as_labels_are_in_their_order(home: Path, tmp_path: Path) -> None:
    rows = [(f"text {n}", str(n % 11)) for n in range(55)]
    assert load(write(tmp_path, csv_text(rows))).labels == tuple(str(n) for n in range(11))


def test_repeated_texts_are_used_once_and_counted(home: Path, tmp_path: Path) -> None:
    data = load(write(tmp_path, csv_text([*ROWS, *ROWS[:7], (ROWS[8][0], "bad")])))
    texts = [*data.train.texts, *data.validation.texts, *data.test.texts]
    assert len(texts) == len(set(texts)) == 39 and "9 repeated" in data.test_split


def test_the_vocabulary_comes_from_the_training_part_alone(home: Path, tmp_path: Path) -> None:
    rows = [(f"word{n} same", label) for n, (_, label) in enumerate(ROWS)]
    data = load(write(tmp_path, csv_text(rows)))
    known = set(data.preprocessing.to_dict()["vocabulary"])
    assert known == {"<pad>", "<start>", "<unknown>", "same"} | {text.split()[0] for text in data.train.texts}


def test_other_content_is_another_fingerprint(home: Path, tmp_path: Path) -> None:
    first = load(write(tmp_path, csv_text(ROWS)))
    assert load(write(tmp_path, csv_text(ROWS[:-2]))).fingerprint != first.fingerprint


HEAD = "text,label\n"
GOOD = "".join(f'"{text}",{label}\n' for text, label in ROWS)  # rows 2 to 41
BAD = {
    "no column": ("words,label\n" + GOOD, r"row 1: there is no column \"text\""),
    "twice": ("text,label,text\n" + GOOD, "two columns"),
    "one class": (HEAD + "".join(f"text {n},good\n" for n in range(30)), "same label"),
    "empty file": ("", "no rows"),
    "header only": (HEAD, "no rows"),
    "empty text": (HEAD + GOOD + ",good\n", 'row 42: the column "text" is empty'),
    "blank text": (HEAD + GOOD + '"  ",good\n', 'row 42: the column "text" is empty'),
    "no label": (HEAD + GOOD + "nice,\n", 'row 42: the column "label" is empty'),
    "short row": (HEAD + GOOD + "nice\n", "row 42: 1 cells instead of 2"),
    "long row": (HEAD + GOOD + "nice, really,good\n", "row 42: 3 cells instead of 2"),
    "huge cell": (HEAD + GOOD + "x" * 10_000_000 + ",good\n", "row 42: a cell is larger than 1 MB"),
    "open quote": (HEAD + GOOD + '"nice,good\n' + GOOD, "row 42 cannot be read"),
    "few": (HEAD + GOOD + "odd one,strange\n", 'only 1 different texts have the label "strange"'),
    "swapped": (HEAD + "".join(f"good,text {n}\n" for n in range(40)), "40 different labels"),
    "nul": (HEAD.encode() + GOOD.encode() + b"\0,good\n", "row 42: this is not"),
    "utf-16 without mark": ((HEAD + GOOD).encode("utf-16-le"), "row [12]: this is not utf-8 text"),
    "latin-1": ((HEAD + GOOD).encode() + "café crème,good\n".encode("latin-1"), "row 42: this is not utf-8"),
}


@pytest.mark.parametrize("kind", list(BAD))
def test_bad_tables_are_named_with_their_row(home: Path, tmp_path: Path, kind: str) -> None:
    content, said = BAD[kind]
    with pytest.raises(Problem, match=said) as caught:
        load(write(tmp_path, content))
    assert caught.value.exit_code == 2 and "\n" not in caught.value.message
    assert not list(home.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "row 41 cannot be read"),
        ("[1]", "row 41 cannot be read"),
        ("[" * 100_000, "row 41 cannot be read"),
        ('{"text": "a"}', 'row 41: there is no column "label"'),
        ('{"text": null, "label": "good"}', 'row 41: the column "text" is empty'),
        ('{"text": "' + "x" * 2_000_000 + '", "label": "good"}', "row 41: a cell is larger"),
    ],
)
def test_bad_json_lines(home: Path, tmp_path: Path, line: str, said: str) -> None:
    lines = [json.dumps({"label": label, "text": text}) for text, label in ROWS]
    with pytest.raises(Problem, match=said):
        load(write(tmp_path, "\n".join([*lines, line]), "a.jsonl"))


def test_what_was_asked_for_must_be_clear(home: Path, tmp_path: Path) -> None:
    path = write(tmp_path, csv_text(ROWS)).partition("?")[0]
    for spec, said in (
        (path, "Which columns .* It has: text, label"),
        (path + "?text=text", "Which columns"),
        (path + "?text=text&label=label&colour=red", 'no option "colour"'),
        (path + f"?{COLUMNS}&encoding=klingon", "klingon"),
        (f"table:{tmp_path}/none.csv?{COLUMNS}", "There is no file"),
    ):
        with pytest.raises(Problem, match=said):
            load(spec)
    with pytest.raises(Problem, match="Did you mean words"):
        load(f"{path}?{COLUMNS}", word=5)
    with pytest.raises(Problem, match="nothing to read"):
        load(f"{path}?{COLUMNS}", words=3)
