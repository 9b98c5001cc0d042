"""A table of texts looked through before a training: faults of single rows are gathered, none ends the look.

Letters used in shapes: N texts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from tongsu.data import alike, tables, text
from tongsu.data.check import EXAMPLES, Examination, Finding, Shown, about_counts, counted, joined, same, spread
from tongsu.errors import Problem

SCRIPTS = (("zh", text.HAN), ("latin", "A-Za-z\u00c0-\u024f"), ("cyrillic", "\u0400-\u04ff"),
           ("kana", "\u3040-\u30ff"), ("hangul", "\uac00-\ud7af"), ("arabic", "\u0600-\u06ff"))  # fmt: skip
LETTERS = {name: re.compile(f"[{letters}]") for name, letters in SCRIPTS}
MARKUP = re.compile(r"</?[a-zA-Z][^<>]*>|&[a-z]+;")
MOST = 20_000  # texts that are compared; of more, evenly chosen ones
GIVEAWAY = 0.5  # of a class's texts hold a word that next to no other text holds


def check(where: str, *, length: int = 200, level: text.Level = "word") -> Examination:
    """Raises Problem only if there is no such file, or its columns are not told."""
    path, options = tables.parse(where)
    spec, columns = f"table:{where}", (options.get("text"), options.get("label"))
    content = tables.decoded(tables.read_bytes(path), path, options.get("encoding"))
    if not columns[0] or not columns[1]:
        tables.name_columns(content, path, columns)
    findings: list[Finding] = []
    numbers: list[int] = []
    texts: list[str] = []
    labels: list[str] = []
    empty: list[str] = []
    try:
        for number, cells in tables.rows(content, path, [column for column in columns if column]):
            written, label = (cells[column or ""] or "" for column in columns)
            if not written.strip() or not label.strip():
                empty.append(str(number))
                continue
            numbers.append(number)
            texts.append(written)
            labels.append(label.strip())
    except Problem as problem:  # from here on the file cannot be read
        findings.append(Finding("unreadable", "error", {"message": problem.message, "hint": problem.hint}))
    if empty:
        findings.append(Finding("empty_cells", "error", {"count": f"{len(empty):,}"}, tuple(empty[:EXAMPLES])))
    if not texts:
        findings.append(Finding("no_rows", "error", {"file": str(path)}))
        return Examination(spec, "text", {}, {}, tuple(findings), Shown("words", np.empty(0)))
    return examined(spec, numbers, texts, labels, [None] * len(texts), length, level, findings)


def examined(
    spec: str, numbers: Sequence[int], texts: Sequence[str], labels: Sequence[str], parts: Sequence[str | None],
    length: int, level: text.Level, findings: Sequence[Finding] = (),
) -> Examination:  # fmt: skip
    """What can be said of labelled texts, whatever they come from."""
    words = [text.split(one, level) for one in texts]
    counts = counted(labels, parts)
    told = [*findings, *about_counts(counts), *_about_labels(labels), *_about_texts(numbers, texts, words, length)]
    sizes = np.array([len(one) for one in words], dtype=float)
    facts = {
        "words": spread(sizes),
        "characters": spread(np.array([len(one) for one in texts], dtype=float)),
        "languages": languages(texts),
        "different_words": len({word for one in words for word in one}),
        "length": length,
        "read_whole": round(float((sizes <= length - 1).mean()), 4),
    }
    names = [f"{number}: {text.shortened(one, 30)}" for number, one in zip(numbers, texts, strict=True)]
    told += same([" ".join(one.split()) for one in texts]).findings(names, labels, parts, near=False)
    step = -(-len(texts) // MOST)
    chosen = list(range(0, len(texts), step))
    exact = [" ".join(texts[at].split()) for at in chosen]
    pairs = [
        (chosen[a], chosen[b]) for a, b in alike.near_texts([texts[at] for at in chosen]) if exact[a] != exact[b]
    ]
    told += joined(pairs).findings(names, labels, parts, near=True)
    facts["compared"] = len(chosen)
    if len(counts) > 1 and len(chosen) > 10:
        told += _about_meaning([words[at] for at in chosen], [labels[at] for at in chosen],
                               [names[at] for at in chosen], facts)  # fmt: skip
    return Examination(spec, "text", counts, facts, tuple(told), Shown("words", sizes))


def languages(texts: Sequence[str]) -> dict[str, float]:
    """Which script most letters of each text have: the share of the texts, commonest first."""
    found: Counter[str] = Counter()
    for one in texts:
        letters = {name: len(pattern.findall(one[:2_000])) for name, pattern in LETTERS.items()}
        most = max(letters, key=lambda name: letters[name])
        # Japanese mixes hanzi with kana: a few kana say more than many hanzi.
        found["kana" if letters["kana"] > letters["zh"] / 10 else most if letters[most] else "none"] += 1
    return {name: round(count / len(texts), 4) for name, count in found.most_common()}


def _about_labels(labels: Sequence[str]) -> Iterator[Finding]:
    """Labels that differ only in how they are written, and columns that seem to be the wrong way round."""
    spellings: dict[str, set[str]] = {}
    for label in set(labels):
        spellings.setdefault(alike.plain(label), set()).add(label)
    twins = [" = ".join(sorted(group)) for group in spellings.values() if len(group) > 1]
    if twins:
        yield Finding("label_spelling", "error", {"count": len(twins)}, tuple(sorted(twins)[:EXAMPLES]))
    counts = Counter(labels)
    if len(counts) > 20 and sum(count == 1 for count in counts.values()) > len(labels) / 2:
        shown = tuple(text.shortened(label) for label in list(counts)[:2])
        yield Finding("many_labels", "error", {"count": f"{len(counts):,}"}, shown)


def _about_texts(
    numbers: Sequence[int], texts: Sequence[str], words: Sequence[Sequence[str]], length: int
) -> Iterator[Finding]:
    """Without words, with markup of web pages, longer than what is read."""
    silent = [str(number) for number, one in zip(numbers, words, strict=True) if not one]
    if silent:
        yield Finding("no_words", "warning", {"count": f"{len(silent):,}"}, tuple(silent[:EXAMPLES]))
    marked = [str(n) for n, one in zip(numbers, texts, strict=True) if MARKUP.search(text.BREAK.sub(" ", one))]
    if marked:
        yield Finding("markup", "note", {"count": f"{len(marked):,}"}, tuple(marked[:EXAMPLES]))
    cut = sum(len(one) > length - 1 for one in words)
    if cut > len(words) / 10:
        share = f"{cut / len(words):.0%}"
        enough = int(np.quantile([len(one) for one in words], 0.9)) + 1
        yield Finding("cut", "note", {"share": share, "length": length, "enough": enough})


def _about_meaning(
    words: Sequence[Sequence[str]], labels: Sequence[str], names: Sequence[str], facts: dict[str, object]
) -> Iterator[Finding]:
    """Labels that the words doubt, and single words that give a class away."""
    order = sorted(set(labels))
    targets = np.array([order.index(label) for label in labels])
    opinion = alike.by_words(words, targets)
    chance = float(np.bincount(targets).max() / len(targets))
    facts |= {"baseline": "words", "baseline_accuracy": round(opinion.accuracy, 4), "chance": round(chance, 4)}
    doubtful = opinion.doubtful(targets, chance)
    if doubtful:
        told = tuple(f"{names[at]}: {labels[at]} → {order[opinion.answers[at]]}" for at in doubtful[: 2 * EXAMPLES])
        values = {"count": f"{len(doubtful):,}", "accuracy": f"{opinion.accuracy:.0%}"}
        yield Finding("doubtful_words", "warning", values, told)
    members = Counter(labels)
    found: Counter[tuple[str, str]] = Counter()
    everywhere: Counter[str] = Counter()
    for one, label in zip(words, labels, strict=True):
        found.update((word, label) for word in set(one))
        everywhere.update(set(one))
    telling = [
        (count / members[label], word, label) for (word, label), count in found.items()
        if count >= max(GIVEAWAY * members[label], 5) and count >= 0.98 * everywhere[word]
    ]  # fmt: skip
    if telling:
        most = sorted(telling, reverse=True)[:EXAMPLES]
        told = tuple(f"“{word}”: {label} ({share:.0%})" for share, word, label in most)
        yield Finding("giveaway", "warning", {"count": len(telling)}, told)
