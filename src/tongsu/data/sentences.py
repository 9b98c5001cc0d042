"""From labelled texts to a Dataset: split, count words in the training part, number them. Shared by all text data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from tongsu.data import text
from tongsu.data.dataset import Dataset, Split
from tongsu.data.prepared import Prepared, Tensors, pack, unpack
from tongsu.data.preprocessing import Text
from tongsu.data.splitting import stratified
from tongsu.errors import Problem

PARTS = ("train", "validation", "test")


def check(words: int, length: int) -> None:
    if words < len(text.MARKS) + 1 or length < 1:
        raise Problem("data.words_or_length", words=words, length=length)


def parted(
    texts: Sequence[str], targets: Sequence[int], validation: int, test: int, seed: int = 0
) -> tuple[dict[str, list[str]], dict[str, list[int]]]:
    """Texts and labels of the three parts, stratified. Raises Problem when there are too few examples."""
    first, second, rest = stratified(texts, targets, [test, validation], seed)
    places = dict(zip(PARTS, (rest, second, first), strict=True))
    return (
        {part: [texts[at] for at in places[part]] for part in PARTS},
        {part: [targets[at] for at in places[part]] for part in PARTS},
    )


def tokenised(
    texts: Mapping[str, Sequence[str]], targets: Mapping[str, Sequence[int]], words: int, length: int, level: text.Level
) -> Prepared:
    """Arrays of the three parts, and the vocabulary of the training part."""
    split = {part: [text.split(one, level) for one in texts[part]] for part in PARTS}
    vocabulary = text.vocabulary(split["train"], words)
    reader = Text(vocabulary, length, level)
    tensors: Tensors = {}
    for part in PARTS:
        packed = pack(texts[part])
        tensors |= {
            f"{part}.inputs": reader.encode(split[part]),
            f"{part}.targets": torch.tensor(targets[part], dtype=torch.int64),
            f"{part}.texts": packed["texts"],
            f"{part}.ends": packed["ends"],
        }
    return tensors, {"vocabulary": list(vocabulary)}


def assemble(
    name: str, tensors: Tensors, info: dict[str, Any], labels: tuple[str, ...], length: int, level: text.Level,
    test_split: str, fingerprint: str,
) -> Dataset:  # fmt: skip
    parts = {
        part: Split(
            tensors[f"{part}.inputs"],
            tensors[f"{part}.targets"],
            unpack({"texts": tensors[f"{part}.texts"], "ends": tensors[f"{part}.ends"]}),
        )
        for part in PARTS
    }
    reader = Text(tuple(info["vocabulary"]), length, level)
    return Dataset(name, **parts, labels=labels, preprocessing=reader, test_split=test_split, fingerprint=fingerprint)
