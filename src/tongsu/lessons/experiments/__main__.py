"""`python -m tongsu.lessons.experiments [NAME...]`: measure, and keep the figures with device and versions."""

from __future__ import annotations

import datetime
import sys
import time
from typing import Any

from tongsu.errors import Problem
from tongsu.lessons.experiments import EXPERIMENTS
from tongsu.lessons.figures import RESULTS, results
from tongsu.runs.atomic import write_json
from tongsu.session import environment


def measure(names: list[str]) -> None:
    """All, or those of these names. Raises Problem for an unknown one."""
    for name in names:
        if name not in EXPERIMENTS:
            raise Problem("lessons.no_experiment", name=name, known=", ".join(EXPERIMENTS))
    kept: dict[str, Any] = dict(results()) if RESULTS.exists() else {}
    machine = {name: value for name, value in environment().items() if name != "arguments"} | {"threads": 1}
    for name in names or EXPERIMENTS:
        experiment, began = EXPERIMENTS[name], time.perf_counter()
        figures = experiment.measure()
        seconds = round(time.perf_counter() - began, 1)
        rounded = {key: value if isinstance(value, int) else float(f"{value:.4g}") for key, value in figures.items()}
        kept[name] = {
            "figures": rounded,
            "claims": {claim: holds(figures) for claim, holds in experiment.claims.items()},
            "seconds": seconds, "made": datetime.date.today().isoformat(), "machine": machine,
        }  # fmt: skip
        print(name, f"{seconds} s", kept[name]["figures"], kept[name]["claims"], sep="\n  ", flush=True)
        write_json(RESULTS, {key: kept[key] for key in EXPERIMENTS if key in kept})


if __name__ == "__main__":
    try:
        measure(sys.argv[1:])
    except Problem as problem:
        raise SystemExit(str(problem)) from None
