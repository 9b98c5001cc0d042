"""A person's own texts: `table:FILE?text=COLUMN&label=COLUMN`, as CSV, TSV or JSON lines.

Nothing is guessed in silence: what is wrong is named with its row (the header is row 1), and nothing is trained.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qsl

from tongsu.data.alike import plain
from tongsu.data.dataset import Dataset
from tongsu.data.prepared import Prepared, fingerprint, remembered
from tongsu.data.sentences import assemble, check, parted, tokenised
from tongsu.data.splitting import unique
from tongsu.data.text import Level, shortened
from tongsu.errors import Problem
from tongsu.locale import t

CELL = 1 << 20  # characters; more is not a sentence but an accident
DELIMITERS = (",", "\t", ";", "|")
JSON_SUFFIXES = {".jsonl", ".ndjson"}
LEAST = 3  # examples of each class: one to learn from, one to choose by, one to examine

Row = tuple[int, dict[str, str | None]]  # its number, and its cells


def load(where: str, *, words: int = 10_000, length: int = 200, level: Level = "word", split_seed: int = 0) -> Dataset:
    """Texts and labels of a table: 80 % train, 10 % validation, 10 % test, stratified; each text once.

    where: `FILE?text=COLUMN&label=COLUMN`, and `&encoding=gbk` if the file is not in UTF-8.
    Raises Problem for everything that could make the table mean something else than the person thinks.
    """
    check(words, length)
    path, options = parse(where)
    text_column, label_column = options.get("text"), options.get("label")
    raw = read_bytes(path)
    content = decoded(raw, path, options.get("encoding"))
    if not text_column or not label_column:
        name_columns(content, path, (text_column, label_column))
    assert text_column and label_column
    found = rows(content, path, [text_column, label_column])
    texts, names = collect(found, path, text_column, label_column)
    labels = tuple(sorted(set(names), key=_in_order))
    _check_labels(labels, names, path, label_column)
    kept, repeats, quarrels = unique(texts, names, plain)  # "Good!" and "good" must not both teach and examine
    texts, names = [texts[at] for at in kept], [names[at] for at in kept]
    for label in labels:
        if names.count(label) < LEAST:
            raise Problem("data.few_of_label", file=path, label=label, count=names.count(label), least=LEAST)
    targets = [labels.index(name) for name in names]
    tenth = max(len(labels), round(len(texts) / 10))
    key = [hashlib.sha256(raw).hexdigest(), sorted(options.items()), words, length, level, split_seed]
    key += [kept] if repeats or quarrels else []

    def make() -> Prepared:
        return tokenised(*parted(texts, targets, tenth, tenth, split_seed), words, length, level)

    tensors, info = remembered("table", key, make)
    sentence = t("data.split.table", count=f"{tenth:,}", file=path.name, dropped=f"{repeats + quarrels:,}")
    return assemble(f"table:{where}", tensors, info, labels, length, level, sentence, fingerprint("table", *key))


def parse(where: str) -> tuple[Path, dict[str, str]]:
    """`FILE?text=COLUMN&label=COLUMN` -> the file and the options. Raises Problem for an option we do not know."""
    name, _, query = where.rpartition("?") if "?" in where else (where, "", "")
    options = dict(parse_qsl(query, keep_blank_values=True))
    for option in options:
        if option not in ("text", "label", "encoding"):
            raise Problem("data.table_option", option=option)
    return Path(name).expanduser(), options


def name_columns(content: str, path: Path, asked: tuple[str | None, str | None]) -> NoReturn:
    """Which columns there are to choose from, for a person who has not named both."""
    first = next(rows(content, path, [column for column in asked if column]), (0, {}))[1]
    raise Problem("data.table_columns", file=path, columns=", ".join(first) or "-")


def read_bytes(path: Path) -> bytes:
    if not path.is_file():
        raise Problem("data.file_missing", file=path)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise Problem("data.unreadable", file=path, reason=error.strerror) from None
    if not raw.strip():
        raise Problem("data.empty_table", file=path)
    return raw


def decoded(raw: bytes, path: Path, encoding: str | None = None) -> str:
    """Text in UTF-8, or UTF-16 with its mark, or the `encoding` asked for. Raises Problem, naming the row."""
    if encoding is None:
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8"
    try:
        content = raw.decode("utf-8-sig" if encoding == "utf-8" else encoding)
    except LookupError:
        raise Problem("data.unknown_encoding", encoding=encoding) from None
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        likely = "utf-16" if b"\0" in raw else _likely(raw)
        raise Problem("data.wrong_encoding", file=path, row=row, encoding=encoding, likely=likely) from None
    if "\0" in content:
        row = content.count("\n", 0, content.index("\0")) + 1
        raise Problem("data.wrong_encoding", file=path, row=row, encoding=encoding, likely="utf-16")
    return content


def _likely(raw: bytes) -> str:
    """An encoding worth trying: GBK when the bytes can be that and give mostly Han characters."""
    try:
        foreign = [c for c in raw.decode("gb18030") if ord(c) > 127]
    except UnicodeDecodeError:
        return "latin-1"
    chinese = sum("\u4e00" <= c <= "\u9fff" or c in "，。！？、；：（）“”《》" for c in foreign)
    return "gbk" if chinese > 0.8 * len(foreign) else "latin-1"


def rows(content: str, path: Path, wanted: list[str]) -> Iterator[Row]:
    """The rows of a table with their numbers. Raises Problem for a broken row or a missing column."""
    read = _json_rows if path.suffix.lower() in JSON_SUFFIXES else _csv_rows
    yield from read(content, path, wanted)


def _csv_rows(content: str, path: Path, wanted: list[str]) -> Iterator[Row]:
    # The line ends of tables, and no others: a cell may hold U+2028 and its kind.
    head = next((line for line in io.StringIO(content) if line.strip()), "")
    delimiter = _delimiter(head, path, wanted)
    csv.field_size_limit(CELL)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    number = 0
    try:
        for cells in reader:
            number += 1
            if not any(cell.strip() for cell in cells) and len(cells) <= 1:
                continue  # a blank line
            if header is None:
                header = [cell.strip() for cell in cells]
                _check_columns(header, path, wanted)
            elif len(cells) != len(header):
                raise Problem("data.row_width", file=path, row=number, found=len(cells), expected=len(header))
            else:
                yield number, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        if "field limit" in str(error):
            raise Problem("data.cell_too_large", file=path, row=number + 1, limit="1 MB") from None
        raise Problem("data.broken_row", file=path, row=number + 1, reason=error) from None


def _delimiter(head: str, path: Path, wanted: list[str]) -> str:
    """What parts the columns: a tab in .tsv; else the sign under which most of the wanted columns are found."""
    if path.suffix.lower() in (".tsv", ".tab"):
        return "\t"

    def score(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([head], delimiter=delimiter), [])
        return sum(name in [cell.strip() for cell in cells] for name in wanted), len(cells)

    return max(DELIMITERS, key=score)


def _json_rows(content: str, path: Path, wanted: list[str]) -> Iterator[Row]:
    for number, line in enumerate(content.split("\n"), start=1):
        if not line.strip():
            continue
        if len(line) > 4 * CELL:
            raise Problem("data.cell_too_large", file=path, row=number, limit="1 MB")
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Problem("data.broken_row", file=path, row=number, reason=error) from None
        if not isinstance(cells, dict):
            raise Problem("data.broken_row", file=path, row=number, reason=t("data.text.no_object"))
        for name in wanted:
            if name not in cells:
                raise Problem("data.missing_column", file=path, column=name, columns=", ".join(cells), row=number)
        yield number, {name: v if isinstance(v, str | None) else json.dumps(v) for name, v in cells.items()}


def _check_columns(header: list[str], path: Path, wanted: list[str]) -> None:
    for name in wanted:
        if name not in header:
            raise Problem("data.missing_column", file=path, column=name, columns=", ".join(header), row=1)
        if header.count(name) > 1:
            raise Problem("data.double_column", file=path, column=name)


def collect(found: Iterator[Row], path: Path, text_column: str, label_column: str) -> tuple[list[str], list[str]]:
    """Texts and labels, one of each in every row. Raises Problem with the row where one is missing."""
    texts, names = [], []
    for number, cells in found:
        text, label = cells[text_column], cells[label_column]
        for name, cell in ((text_column, text), (label_column, label)):
            if cell is None or not cell.strip():
                raise Problem("data.empty_cell", file=path, row=number, column=name)
            if len(cell) >= CELL:
                raise Problem("data.cell_too_large", file=path, row=number, limit="1 MB")
        assert text is not None and label is not None
        texts.append(text)
        names.append(label.strip())
    if not texts:
        raise Problem("data.empty_table", file=path)
    return texts, names


def _check_labels(labels: tuple[str, ...], names: list[str], path: Path, column: str) -> None:
    if len(labels) == 1:
        raise Problem("data.one_label", file=path, column=column, label=shortened(labels[0]))
    once = sum(1 for count in Counter(names).values() if count == 1)
    if len(labels) > 20 and once > len(names) / 2:
        raise Problem("data.many_labels", file=path, column=column, count=len(labels), example=shortened(labels[0]))


def _in_order(label: str) -> tuple[float, str]:
    """Numbers by size, then words by alphabet."""
    return (float(label), label) if label.lstrip("-").isdecimal() else (float("inf"), label)
