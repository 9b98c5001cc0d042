"""What every script of the speed benchmark shares: the command line, the clock, and the one line of JSON at the end.

The rule for the clock is the same for all: it runs from the moment the arrays lie in memory (scaling, building,
compiling and training count) and stands still while the test data are looked at after each epoch. Nobody's validation
is timed. Only the standard library here, as the scripts run in different environments.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BEGAN = time.time()
WARM = 5  # steps whose time a projection does not repeat: compilation, first touch of memory


def peak_memory() -> int:
    """Bytes this process has held at most (0 where the system does not say)."""
    if sys.platform == "win32":
        return 0
    if sys.platform == "linux":  # getrusage would count what `run.py` held before this program took its place
        status = Path("/proc/self/status").read_text()
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def arguments(words: list[str] | None = None, *, own: list[str] | None = None) -> argparse.Namespace:
    """What every script takes; `own` names further options, each a text."""
    parser = argparse.ArgumentParser()
    parser.add_argument("net", choices=["mlp", "cnn", "simple-rnn", "lstm", "gan"])
    parser.add_argument("--arrays", type=Path, help="an .npz file: x_train, y_train, x_test, y_test (and noise)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=0, help="0: as many as the net is trained for")
    parser.add_argument("--steps", type=int, default=0, help="stop after so many steps, which tell the time of all")
    parser.add_argument("--drawings", type=Path, help="folder for what the generator draws after each epoch")
    parser.add_argument("--device", default="cpu")
    for name in own or []:
        parser.add_argument(f"--{name}")
    return parser.parse_args(words)


def since_shell() -> float:
    """Seconds since `run.py` started this process."""
    return time.time() - float(os.environ.get("BENCH_BEGAN", BEGAN))


class Clock:
    """Seconds of training alone, and what was measured while it stood still."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self.asked = asked
        self.seconds, self.since = 0.0, 0.0
        self.import_seconds = self.start_seconds = 0.0
        self.steps, self.memory = 0, 0
        self.warm_steps, self.warm_seconds = 0, 0.0
        self.epochs: list[dict[str, Any]] = []

    @contextmanager
    def importing(self) -> Iterator[None]:
        before = time.perf_counter()
        yield
        self.import_seconds = time.perf_counter() - before

    def run(self) -> None:
        self.since = time.perf_counter()

    def halt(self) -> None:
        self.seconds += time.perf_counter() - self.since

    def now(self) -> float:
        """Seconds so far, while the clock runs."""
        return self.seconds + time.perf_counter() - self.since

    def step(self) -> bool:
        """Call after each step; True when `--steps` are done. Costs a comparison or two."""
        self.steps += 1
        if self.steps == 1:  # from the shell to the first update
            self.start_seconds = since_shell()
        if self.steps == WARM:
            self.warm_steps, self.warm_seconds = WARM, self.now()
        return self.steps == self.asked.steps

    def end_of_epoch(self) -> None:
        """Call before anything is measured. The memory of the first epoch is that of training alone."""
        self.halt()
        self.memory = self.memory or peak_memory()

    def measured(self, quality: float | None = None) -> None:
        """Call after measuring; the clock runs again."""
        self.epochs.append({"epoch": len(self.epochs) + 1, "seconds": self.seconds, "quality": quality})
        self.run()

    def tell(self, **facts: Any) -> None:
        """The line of JSON that `run.py` reads. `seconds` of a shortened run is `steps_seconds` alone."""
        print(
            json.dumps(
                {
                    "net": self.asked.net, "seed": self.asked.seed, "epochs": self.epochs, "steps": self.steps,
                    "steps_seconds": self.seconds, "warm_steps": self.warm_steps, "warm_seconds": self.warm_seconds,
                    "import_seconds": self.import_seconds, "start_seconds": self.start_seconds,
                    "peak_memory": self.memory or peak_memory(), **facts,
                    "versions": {**facts.get("versions", {}), "python": platform.python_version()},
                }
            ),
            flush=True,
        )  # fmt: skip
