"""One-sentence film reviews from Rotten Tomatoes (Pang and Lee 2005): 8,530 of them, half positive.

They stand in the same package file as the IMDB reviews. Validation and test are cut by sha256 of the sentence.
"""

from __future__ import annotations

from pathlib import Path

from tongsu.data.dataset import Dataset
from tongsu.data.imdb import LABELS, REVIEWS, read
from tongsu.data.prepared import Prepared, fingerprint, remembered
from tongsu.data.sentences import assemble, check, parted, tokenised
from tongsu.data.sources import Progress, fetch
from tongsu.locale import t


def load(*, words: int = 10_000, length: int = 50, validation: int = 853, test: int = 853) -> Dataset:
    """Sentences as the last `length` words each; `validation` and `test` examples, stratified by label."""
    check(words, length)
    key = [REVIEWS.sha256, words, length, validation, test]

    def make() -> Prepared:
        texts, targets = read("rotten_tomatoes")
        return tokenised(*parted(texts, targets, validation, test), words, length, "word")

    tensors, info = remembered("rotten-tomatoes", key, make)
    sentence = t("data.split.rotten_tomatoes", count=f"{test:,}")
    return assemble(
        "rotten-tomatoes", tensors, info, LABELS, length, "word", sentence, fingerprint("rotten-tomatoes", *key)
    )


def get(*, offline: bool = False, progress: Progress | None = None) -> list[Path]:
    return [fetch(REVIEWS, offline=offline, progress=progress)]
