"""Running what a person wrote: in a process of its own, with limits of time and memory, in a folder of its own, without
the environment of this one. It keeps mistakes from doing harm; it is no prison for code that means harm."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tongsu.errors import Problem

CHILD = Path(__file__).with_name("child.py")
SECONDS = 10.0  # on the clock; on the processor a little less
MEMORY = 1 << 30
FILE_SIZE = 1 << 20
ANSWER = 1 << 20  # bytes that are read of an answer
SOURCE = 100_000  # bytes of a person's file
TIMED_OUT = {-signal.SIGXCPU} if hasattr(signal, "SIGXCPU") else set()
KEPT = ("PATH", "SYSTEMROOT", "LANG")  # of the environment


@dataclass(frozen=True)
class Answer:
    """outputs: one for each call, as JSON has it; or `error`: missing, syntax, raised, memory, time, size, died."""

    outputs: tuple[Any, ...] = ()
    error: str = ""
    line: int = 0
    message: str = ""


def run_apart(
    file: Path, function: str, calls: list[list[Any]], *, arrays: bool = True, seconds: float = SECONDS,
    memory: int = MEMORY,
) -> Answer:  # fmt: skip
    """Call `function` of the file once for each list of arguments (numbers and nested lists; as NumPy arrays if
    `arrays`). Raises Problem when there is no such file."""
    try:
        size = file.stat().st_size
        if not file.is_file() or size > SOURCE:
            raise Problem("lessons.not_a_program", file=file, most=SOURCE)
        source = file.read_bytes()
    except OSError as error:
        raise Problem("lessons.no_file", file=file, reason=error.strerror or error) from None
    question = {"function": function, "calls": calls, "arrays": arrays,
                "limits": [max(1, int(seconds * 0.8)), memory, FILE_SIZE]}  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="tongsu-exercise-") as folder:
        copy = Path(folder) / "exercise.py"
        copy.write_bytes(source)
        return _started(copy, question, seconds)


def _started(file: Path, question: dict[str, Any], seconds: float) -> Answer:
    own = {name: os.environ[name] for name in KEPT if name in os.environ}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    home = {name: str(file.parent) for name in ("HOME", "TMPDIR")}
    late = threading.Event()
    with subprocess.Popen(
        [sys.executable, "-I", "-X", "utf8", str(CHILD), str(file)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=file.parent,
        env={**own, **threads, **home}, start_new_session=True,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None

        def stop() -> None:
            late.set()
            _kill(process)

        clock = threading.Timer(seconds, stop)
        clock.start()
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(question).encode())
                process.stdin.close()
            told = process.stdout.read(ANSWER + 1)
            if len(told) <= ANSWER:
                process.wait()
        finally:
            clock.cancel()
            _kill(process)
    if len(told) > ANSWER:
        return Answer(error="size")
    if late.is_set() or process.returncode in TIMED_OUT:
        return Answer(error="time")
    return _read(told)


def _read(told: bytes) -> Answer:
    try:
        found = json.loads(told)
        return Answer(**{**found, "outputs": tuple(found.get("outputs", ()))})
    except (ValueError, TypeError, AttributeError):
        return Answer(error="died")


def _kill(process: subprocess.Popen[bytes]) -> None:
    """It and whatever it has started."""
    with suppress(OSError):
        if os.name == "posix":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
