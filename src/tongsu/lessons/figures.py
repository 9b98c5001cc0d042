"""`{{measured EXPERIMENT.FIGURE FORMAT}}`: what an experiment measured, as it stands in `experiments/results.json`."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from tongsu.errors import Problem
from tongsu.lessons.directives import Directive
from tongsu.locale import Language

RESULTS = Path(__file__).parent / "experiments" / "results.json"
FORMATS = ("percent", "count", "short", "times", "power")
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@cache
def results(path: Path = RESULTS) -> dict[str, dict[str, Any]]:
    """Experiment -> {"figures", "seconds", "machine"}."""
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


def measured(directive: Directive, lang: Language) -> str:
    """Raises Problem, naming the lesson's file and line, for a figure or a format that is not there."""
    experiment, _, name = directive.target.partition(".")
    figures = results().get(experiment, {}).get("figures", {})
    if name not in figures:
        known = ", ".join(f"{experiment}.{one}" for one in figures) or ", ".join(results())
        raise Problem("lessons.no_figure", place=directive.place, name=directive.target, known=known)
    value = figures[name]
    form = directive.words[1] if len(directive.words) > 1 else "count" if isinstance(value, int) else "short"
    if form not in FORMATS:
        raise Problem("lessons.no_format", place=directive.place, name=form, known=", ".join(FORMATS))
    return say(value, form, lang)


def say(value: float, form: str, lang: Language) -> str:
    """percent: 0.9764 is 97.6 %; count: 109,386; short: three digits; times: two digits, 3,400; power: 2.1·10⁻⁹."""
    if form == "percent":
        return f"{100 * value:.1f}" + ("%" if lang == "zh" else " %")
    if form == "count":
        return f"{round(value):,}"
    if form == "times":
        return f"{float(f'{value:.2g}'):,.0f}" if abs(value) >= 10 else f"{value:.2g}"
    if form == "power":
        digits, _, power = f"{value:.1e}".partition("e")
        return f"{digits}·10{str(int(power)).translate(SUPERSCRIPT)}"
    return f"{value:.3g}"
