"""How long one waits before anything happens, and what watching and keeping a training cost.

    python benchmarks/startup.py --out benchmarks/results/startup.json

Three questions: `tongsu --help` and the first progress of `tongsu train mlp`, in seconds from the shell, each beside
what a bare Python takes to import the libraries that it stands on; and a training with run folder, frames, checkpoints
and progress against the same steps in a bare loop, in turns, in one process. As two trainings of the same seconds
differ by more than what is looked for, the time that passes inside store and display is counted as well.
"""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from tongsu.cli import progress
from tongsu.runs.atomic import write_json
from tongsu.runs.run import Run
from tongsu.runs.store import RunStore
from tongsu.session import Session, environment, prepare
from tongsu.training import checkpoint
from tongsu.training.batches import all_steps, epoch_batches
from tongsu.training.device import autocast
from tongsu.training.loop import Training
from tongsu.training.optim import rate, set_rate

TONGSU = [sys.executable, "-m", "tongsu"]
OF_A_STEP = re.compile(r"\b\d+\s*/\s*\d+\b")  # "120 / 860", in every language


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=10, help="of each start")
    parser.add_argument("--pairs", type=int, default=6, help="of trainings with and without the run store")
    parser.add_argument("--nets", nargs="+", default=["mlp", "cnn"])
    parser.add_argument("--data", help="another data set, for a trial")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/startup.json"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environ = {**os.environ, "TONGSU_RUNS": folder, "TONGSU_LANG": "en"}
        environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as on anybody's machine
        waited: dict[str, list[float]] = {name: [] for name in STARTS}
        for _ in range(asked.times):  # in turns, so that a slow moment is everybody's
            for name, start in STARTS.items():
                waited[name].append(start(environ, asked.data))
        answer = {
            "made": time.strftime("%Y-%m-%d"),
            "environment": {**environment(), "arguments": []},
            **{name: spread(seconds) for name, seconds in waited.items()},
            "keeping": [keeping(net, asked.pairs, asked.data, Path(folder)) for net in asked.nets],
        }
    write_json(asked.out, answer)
    print(json.dumps(answer, indent=2))


def spread(values: list[float]) -> dict[str, Any]:
    return {"median": statistics.median(values), "least": min(values), "n": len(values), "values": values}


def of(*words: str) -> Callable[[dict[str, str], str | None], float]:
    """Seconds from the shell to the end of a Python that does only this."""

    def start(environ: dict[str, str], _: str | None) -> float:
        began = time.perf_counter()
        subprocess.run([sys.executable, *words], env=environ, stdout=subprocess.DEVNULL, check=True)
        return time.perf_counter() - began

    return start


def of_first_progress(environ: dict[str, str], data: str | None) -> float:
    """Until the first line with a number of steps stands on the screen; then Ctrl-C."""
    began = time.perf_counter()
    words = [*TONGSU, "train", "mlp", *(["--data", data] if data else [])]
    with subprocess.Popen(words, env=environ, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr
        for line in process.stderr:
            if OF_A_STEP.search(line):
                took = time.perf_counter() - began
                process.send_signal(signal.SIGINT)
                process.stderr.read()
                return took
    raise SystemExit("tongsu train mlp showed no progress")


STARTS: dict[str, Callable[[dict[str, str], str | None], float]] = {
    "help_seconds": of("-m", "tongsu", "--help"),
    "typer_alone_seconds": of("-c", "import typer, rich.console"),
    "first_progress_seconds": of_first_progress,
    "torch_alone_seconds": of("-c", "import torch"),
}


def keeping(net: str, pairs: int, data: str | None, folder: Path) -> dict[str, Any]:
    """The same training kept and watched, and bare; each pair in turns, after one of each to warm up."""
    kept: list[float] = []
    bare: list[float] = []
    counted: list[float] = []
    for turn in range(pairs + 1):
        session = prepare(net, "fast", data, store=RunStore(folder))
        ways: list[tuple[list[float], Callable[[Session], None]]] = [(kept, watched), (bare, alone)]
        for times, way in ways if turn % 2 else reversed(ways):
            gc.collect()
            began = time.perf_counter()
            with counting() as inside:
                way(session)
            if turn:
                times.append(time.perf_counter() - began)
                counted += [sum(inside) / times[-1]] if way is watched else []
    cost = [a / b - 1 for a, b in zip(kept, bare, strict=True)]
    return {"net": net, "kept_seconds": spread(kept), "bare_seconds": spread(bare), "cost": spread(cost),
            "counted": spread(counted)}  # fmt: skip


KEEPING: list[tuple[Any, str]] = [
    (checkpoint, "save_frame"), (checkpoint, "save"), (checkpoint, "save_weights"), (Run, "append"),
    (Run, "write_results"), (progress.Bar, "__enter__"), (progress.Bar, "show"), (progress.Bar, "__exit__"),
]  # fmt: skip


@contextmanager
def counting() -> Iterator[list[float]]:
    """Seconds of each call of store and display in this block; none of them calls another."""
    inside: list[float] = []
    originals = [getattr(owner, name) for owner, name in KEEPING]

    def timed(call: Callable[..., Any]) -> Callable[..., Any]:
        def and_counted(*args: Any, **named: Any) -> Any:
            began = time.perf_counter()
            try:
                return call(*args, **named)
            finally:
                inside.append(time.perf_counter() - began)

        return and_counted

    for (owner, name), call in zip(KEEPING, originals, strict=True):
        setattr(owner, name, timed(call))
    try:
        yield inside
    finally:
        for (owner, name), call in zip(KEEPING, originals, strict=True):
            setattr(owner, name, call)


def watched(session: Session) -> None:
    """As `tongsu train` does it, in front of a terminal that nobody looks at."""
    progress.console = Console(file=io.StringIO(), force_terminal=True)
    progress.follow(session.events("cpu"), session.recipe)


def alone(session: Session) -> None:
    """The loop's own steps and measurements, and nothing else: no events, no files, no display."""
    recipe = session.recipe
    training = Training(recipe, session.run, session.dataset, torch.device("cpu"))
    inputs, targets = training.split(session.dataset.train)
    step, total = 0, all_steps(recipe, len(targets))
    training.model.train()
    for epoch in range(recipe.epochs):
        losses = training.losses.before if training.losses else None
        for some, answers, places in epoch_batches(recipe, epoch, inputs, targets, losses=losses):
            training.freeze_when_due(step, total)
            set_rate(training.optimizers.values(), rate(recipe, step / total))
            with autocast(training.device, recipe.precision):
                measures = training.task.step(training.model, (training.scaled(some), answers), training.optimizers)
            if training.average:
                training.average.update(training.model)
            training.add(measures, places)
            step += 1
        if training.losses:
            training.losses.before.copy_(training.losses.latest)
        training.evaluate(session.dataset.validation, training.answering())
    training.evaluate(session.dataset.test, training.answering())


if __name__ == "__main__":
    main()
