"""From sentences to words, from words to numbers: any language, no English assumptions.

Letters used in shapes: N sentences, T tokens of each.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np

Level = Literal["word", "char"]

PADDING, START, UNKNOWN = 0, 1, 2
MARKS = ("<pad>", "<start>", "<unknown>")  # where an ordinary word cannot be: words hold no angle brackets

# Chinese is written without spaces: a run of Han characters needs a dictionary to be split.
HAN = "\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
HAN_RUN = re.compile(f"[{HAN}]")
WORD = re.compile(rf"[{HAN}]+|[^\W_{HAN}]+(?:'[^\W_{HAN}]+)*")
CHARACTER = re.compile(r"\S")
BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)  # web pages' line ends, all over the IMDB reviews


def split(text: str, level: Level = "word") -> list[str]:
    """The words of a text, in lower case and without punctuation; or all its characters except spaces.

    As the Keras IMDB data were made (apostrophes stay: "don't"), but for web pages' line ends, which are dropped.
    Han characters are split by jieba's dictionary; full-width letters count as ordinary ones.
    """
    plain = BREAK.sub(" ", text)
    if not plain.isascii():
        plain = unicodedata.normalize("NFKC", plain).replace("\u2019", "'")
    plain = plain.lower()
    if level == "char":
        return CHARACTER.findall(plain)
    if plain.isascii():
        return WORD.findall(plain)
    words: list[str] = []
    for run in WORD.findall(plain):
        if HAN_RUN.match(run):
            import rjieba  # loads its dictionary at the first use

            words += rjieba.cut(run)
        else:
            words.append(run)
    return words


def vocabulary(sentences: Iterable[Sequence[str]], size: int) -> tuple[str, ...]:
    """The marks and then the most frequent words, `size` in all at most; equally frequent ones by alphabet."""
    counts: Counter[str] = Counter()
    for words in sentences:
        counts.update(words)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return MARKS + tuple(word for word, _ in ranked[: max(0, size - len(MARKS))])


def encode(sentences: Iterable[Sequence[str]], index: Mapping[str, int], length: int) -> np.ndarray:
    """Numbers (N, T) int32 of split sentences: START, then one number a word; the last `length` of them are
    kept and shorter sentences padded at the front, as Keras's `pad_sequences` does."""
    rows = []
    for words in sentences:
        row = np.full(length, PADDING, np.int32)
        kept = [index.get(word, UNKNOWN) for word in words[-length:]]
        if len(kept) < length:
            kept.insert(0, START)
        row[length - len(kept) :] = kept
        rows.append(row)
    return np.stack(rows) if rows else np.empty((0, length), np.int32)


def shortened(text: str, width: int = 40) -> str:
    """The beginning of a text on one line, for messages."""
    line = " ".join(text[: 4 * width].split())
    return line if len(line) <= width else line[: width - 1] + "…"
