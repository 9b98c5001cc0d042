"""The report of `tongsu roadmap`: one HTML file that holds everything and asks nobody for anything.

Pictures are embedded; there is no script, no font and no style from elsewhere. It follows the reader's light
or dark screen, and can be printed. The two languages are two files that link to each other.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jinja2
import numpy as np
from numpy.typing import ArrayLike

from tongsu.locale import LANGUAGES, Language, catalogue
from tongsu.plots.text import spaced
from tongsu.runs.atomic import write_bytes

OTHER_NAMES: dict[Language, str] = {"zh": "中文", "en": "English"}


@dataclass(frozen=True)
class Row:
    """One trained model in the table. `metric` is a share from 0 to 1 if `metric_name` ends in "accuracy";
    seconds are of training. None: the road map has no figure. `run` is the name of the training record."""

    chapter: str
    title: str
    model: str
    parameters: int
    metric_name: str
    metric: float
    split: str
    seconds: float
    reference_metric: float | None = None
    reference_seconds: float | None = None
    run: str = ""
    data: str = ""


@dataclass(frozen=True)
class Picture:
    title: str
    caption: str
    png: bytes
    kind: str = ""  # what it shows, as one word: "curves", "confusion", ...


@dataclass(frozen=True)
class ColouredText:
    """Words (T) and the model's probability (T,) of `names[1]` after each of them; `truth` is a label."""

    title: str
    words: Sequence[str]
    probabilities: ArrayLike
    truth: str | None = None
    names: tuple[str, str] | None = None  # the two classes, "negative" and "positive" unless told


@dataclass(frozen=True)
class Section:
    chapter: str
    title: str
    paragraphs: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    texts: Sequence[ColouredText] = ()


@dataclass(frozen=True)
class Report:
    """`created` is shown as it stands; `environment` has rows of what and value (see `[environment]` of
    the catalogue for the names that are translated); `pictures` stand below the table."""

    language: Language
    created: str
    environment: Mapping[str, object]
    rows: Sequence[Row]
    sections: Sequence[Section]
    pictures: Sequence[Picture] = ()


def file_name(language: Language) -> str:
    return f"report.{language}.html"


def write(report: Report, folder: Path | str) -> Path:
    """Write `report.zh.html` or `report.en.html` into the folder, whole or not at all."""
    path = Path(folder) / file_name(report.language)
    write_bytes(path, render(report).encode())
    return path


def render(report: Report) -> str:
    """The whole report as one HTML document."""
    words = catalogue("report", report.language)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    others = [(name, OTHER_NAMES[name], file_name(name)) for name in LANGUAGES if name != report.language]
    return environment.get_template("report.html.j2").render(
        report=report,
        say=words,
        lang="zh-CN" if report.language == "zh" else "en",
        others=others,
        facts=[(_named(words, "environment", key), value) for key, value in report.environment.items()],
        rows=[_row(row, words) for row in report.rows],
        image=_image,
        text=lambda text: _text(text, words),
    )


def _named(words: Mapping[str, object], part: str, key: str) -> str:
    return cast("dict[str, str]", words[part]).get(key, key)


def _row(row: Row, words: Mapping[str, object]) -> dict[str, Any]:
    name = row.metric_name.removeprefix("test_").removeprefix("val_")
    reference = row.reference_metric
    higher = name.endswith("accuracy")
    ahead = None if reference is None else (row.metric >= reference) == higher or row.metric == reference
    return {
        "chapter": row.chapter, "title": row.title, "model": row.model, "parameters": f"{row.parameters:,}",
        "metric_name": _named(words, "metric", name), "metric": _metric(name, row.metric), "split": row.split,
        "seconds": _duration(row.seconds, words), "data": row.data, "run": row.run, "ahead": ahead,
        "reference": "–" if reference is None else _metric(name, reference, 1),
        "reference_seconds": _duration(row.reference_seconds, words),
    }  # fmt: skip


def _metric(name: str, value: float, digits: int = 2) -> str:
    return f"{value:.{digits}%}" if name.endswith("accuracy") else f"{value:.1f}"


def _duration(seconds: float | None, words: Mapping[str, object]) -> str:
    if seconds is None:
        return "–"
    if seconds < 99.5:
        number = f"{seconds:.1f}" if seconds < 9.95 else f"{seconds:.0f}"
        return str(words["seconds"]).format(seconds=number)
    minutes, rest = divmod(round(seconds), 60)
    return str(words["minutes"]).format(minutes=minutes, seconds=rest)


def _image(picture: Picture) -> dict[str, Any]:
    """A PNG is saved at two dots a pixel: it is shown at half the width and height that its header states."""
    width, height = (int.from_bytes(picture.png[at : at + 4], "big") for at in (16, 20))
    data = base64.b64encode(picture.png).decode()
    return {"src": f"data:image/png;base64,{data}", "width": width // 2, "height": height // 2}


def _text(text: ColouredText, words: Mapping[str, object]) -> dict[str, Any]:
    """Words with their colour, and the line below as points of a 100 x 100 drawing."""
    chances = np.asarray(text.probabilities, dtype=float)
    low, high = text.names or (str(words["negative"]), str(words["positive"]))
    spans, before = [], ""
    for word, chance in zip(text.words, chances, strict=True):
        side = "high" if chance >= 0.5 else "low"
        title = str(words["after_word"]).format(word=word, name=high, chance=f"{chance:.0%}")
        spans.append({
            "word": word, "space": spaced(before, word), "side": side, "title": title,
            "alpha": f"{0.6 * abs(2 * chance - 1):.2f}", "chance": f"{chance:.0%}",
        })  # fmt: skip
        before = word
    step = 100 / max(1, len(chances))
    points = " ".join(f"{(i + 0.5) * step:.2f},{100 - 100 * chance:.1f}" for i, chance in enumerate(chances))
    last = float(chances[-1]) if len(chances) else 0.5
    answer = str(words["final"]).format(
        name=high if last >= 0.5 else low, chance=f"{max(last, 1 - last):.0%}"
    )
    return {"spans": spans, "points": points, "low": low, "high": high, "answer": answer}
