"""Which examples resemble each other: pictures by their thumbnails, texts by their pieces; and which labels, judged by
that, look wrong.

These are the simplest methods that answer the question, and each is exact about what it does: nearest neighbours with
each picture left out in turn, naive Bayes with each text left out in turn, MinHash with every candidate checked.
Letters used in shapes: N examples, D numbers of a thumbnail, K classes, V pieces of text, P pairs.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SIDE = 16  # of a thumbnail
CLOSE = 4.0  # grey levels (of 255) between two thumbnails, root mean square: a copy saved anew or in another size
RELIT, KEPT = 16.0, 0.995  # ... or further apart, but with this correlation: a copy made lighter or darker
FLAT = 2.0  # grey levels of deviation: a picture with nothing on it
NEIGHBOURS = 5
AT_ONCE = 1_000  # examples that are compared with all others together


def distances(thumbs: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Root mean squares of the differences between queries (Q, D) and thumbnails (N, D) -> (Q, N)."""
    squares = (queries**2).sum(1)[:, None] + (thumbs**2).sum(1) - 2 * queries @ thumbs.T
    return np.sqrt(np.maximum(squares, 0) / thumbs.shape[1])


def near_pictures(thumbs: np.ndarray) -> list[tuple[int, int]]:
    """Pairs (P, 2) of pictures (N, D), 0 to 255, that nearly are the same."""
    deviation = thumbs.std(1)
    standard = (thumbs - thumbs.mean(1, keepdims=True)) / np.maximum(deviation, 1e-6)[:, None]
    pairs = []
    for start in range(0, len(thumbs), AT_ONCE):
        part = slice(start, start + AT_ONCE)
        apart = distances(thumbs, thumbs[part])
        alike = standard[part] @ standard.T / thumbs.shape[1]  # correlation
        near = (apart < CLOSE) | ((apart < RELIT) & (alike > KEPT))
        near &= (deviation[part, None] > FLAT) & (deviation > FLAT)  # blank ones are another fault
        for a, b in zip(*np.nonzero(near), strict=True):
            if start + a < b:
                pairs.append((start + int(a), int(b)))
    return pairs


@dataclass(frozen=True)
class Opinion:
    """What a simple method thinks of each example's label: its own answer (N,), how clear that is (N,) from 0 to 1, and
    how many of the given labels it finds by itself, the rest being left out in turn."""

    answers: np.ndarray
    clear: np.ndarray
    accuracy: float

    def doubtful(self, targets: np.ndarray, chance: float, least: float = 0.9) -> list[int]:
        """Positions of labels that look wrong, clearest first; none if the method knows little more than chance."""
        if self.accuracy < chance + (1 - chance) / 3:
            return []
        wrong = np.flatnonzero((self.answers != targets) & (self.clear >= least))
        return wrong[np.argsort(-self.clear[wrong], kind="stable")].tolist()


def by_neighbours(thumbs: np.ndarray, targets: np.ndarray, copies: Sequence[tuple[int, int]] = ()) -> Opinion:
    """Each picture's label by its five nearest others; copies of it do not count, as they would only agree."""
    k = min(NEIGHBOURS, len(thumbs) - 1)
    classes = int(targets.max()) + 1
    votes = np.zeros((len(thumbs), classes))
    twins = {pair for a, b in copies for pair in ((a, b), (b, a))}
    for start in range(0, len(thumbs), AT_ONCE):
        apart = distances(thumbs, thumbs[start : start + AT_ONCE])
        apart[np.arange(len(apart)), start + np.arange(len(apart))] = np.inf
        for a, b in twins:
            if start <= a < start + len(apart):
                apart[a - start, b] = np.inf
        nearest = np.argpartition(apart, k - 1, axis=1)[:, :k]
        np.add.at(votes, (start + np.arange(len(apart))[:, None], targets[nearest]), 1 / k)
    answers = votes.argmax(1)
    return Opinion(answers, votes.max(1), float((answers == targets).mean()))


def mirror_harms(thumbs: np.ndarray, targets: np.ndarray) -> bool:
    """Whether mirroring turns classes into each other: the nearest neighbours of the mirrored pictures (N, C, S, S)
    then have the right label clearly less often than those of the pictures themselves (McNemar 1947)."""
    flat = thumbs.reshape(len(thumbs), -1)
    right = []
    for queries in (flat, thumbs[..., ::-1].reshape(len(thumbs), -1)):
        apart = distances(flat, queries)
        np.fill_diagonal(apart, np.inf)
        right.append(targets[apart.argmin(1)] == targets)
    lost, won = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return lost - won > max(2 * np.sqrt(lost + won), 0.03 * len(targets))


# Texts -----------------------------------------------------------------------------------------------------------

PIECE = 4  # characters
HASHES, BAND = 48, 3  # pairs with a Jaccard similarity of 0.8 are found with a chance of 1 - (1 - 0.8^3)^16 > 0.9999
ALIKE = 0.8
MIXERS = np.random.default_rng(0).integers(1, 2**61 - 1, (2, HASHES), dtype=np.uint64)


def plain(text: str) -> str:
    """Letters and digits alone, in lower case and half width: what is left when case and punctuation do not count."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold()) or text


def near_texts(texts: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (P, 2) of texts of which four fifths of all pieces of four characters are the same (Broder 1997)."""
    pieces = [_pieces(plain(text)) for text in texts]
    signs = np.stack([_signature(one) for one in pieces]) if pieces else np.empty((0, HASHES), np.uint64)
    pairs: set[tuple[int, int]] = set()
    for first in range(0, HASHES, BAND):
        places: dict[bytes, list[int]] = {}
        for at in range(len(texts)):
            places.setdefault(signs[at, first : first + BAND].tobytes(), []).append(at)
        for group in places.values():
            for a, b in zip(group, group[1:], strict=False):  # neighbours are enough: groups are joined afterwards
                pairs.add((a, b))
    return [(a, b) for a, b in sorted(pairs) if len(pieces[a] & pieces[b]) >= ALIKE * len(pieces[a] | pieces[b])]


def _pieces(text: str) -> frozenset[int]:
    return frozenset(zlib.crc32(text[at : at + PIECE].encode()) for at in range(max(1, len(text) - PIECE + 1)))


def _signature(pieces: frozenset[int]) -> np.ndarray:
    """Under each of the hash functions the smallest hash of all pieces (HASHES,)."""
    hashed = np.fromiter(pieces, np.uint64, len(pieces))[:, None] * MIXERS[0] + MIXERS[1]  # (V, HASHES), modulo 2^64
    return (hashed >> np.uint64(11)).min(0)


def by_words(sentences: Sequence[Sequence[str]], targets: np.ndarray, smoothing: float = 1.0) -> Opinion:
    """Naive Bayes on words and pairs of words, each text judged by all others: its own counts are taken out of its own
    class first, which gives the exact answer of leaving it out (Manning et al. 2008, chapter 13)."""
    index: dict[str, int] = {}
    rows: list[int] = []
    columns: list[int] = []
    for at, words in enumerate(sentences):
        found = {*words, *(f"{a} {b}" for a, b in zip(words, words[1:], strict=False))}
        columns += [index.setdefault(word, len(index)) for word in found]
        rows += [at] * len(found)
    row, column = np.array(rows, dtype=np.int64), np.array(columns, dtype=np.int64)
    count, size, classes = len(sentences), max(len(index), 1), int(targets.max()) + 1
    counts = np.zeros((classes, size))
    np.add.at(counts, (targets[row], column), 1)
    totals, own = counts.sum(1), np.bincount(row, minlength=count).astype(float)  # (K,), (N,)
    members = np.bincount(targets, minlength=classes).astype(float)
    scores = np.zeros((count, classes))
    for k in range(classes):
        mine = targets == k
        seen = np.log(counts[k, column] - mine[row] + smoothing)
        scores[:, k] = np.bincount(row, seen, count) - own * np.log(totals[k] - mine * own + smoothing * size)
        scores[:, k] += np.log(np.maximum(members[k] - mine, 0.5))
    # Words are not independent: the square root of their number says better how much a text tells.
    scores = (scores - scores.max(1, keepdims=True)) / np.sqrt(np.maximum(own, 1))[:, None]
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    answers = shares.argmax(1)
    return Opinion(answers, shares.max(1), float((answers == targets).mean()))
