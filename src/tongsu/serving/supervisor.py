"""The parent of the workers: it owns the port, so that no connection is lost while a dead worker comes back.

Workers start from a server process that has imported PyTorch already (`forkserver`), so one is back in about a second.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import multiprocessing
import os
import shutil
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from tongsu.errors import Failure, Problem
from tongsu.serving.settings import Settings
from tongsu.serving.worker import GRACE, work

SICK = 5.0  # seconds: who dies younger than this, three times in a row, will not get better


class Told(Problem):
    """A worker's Problem, with its own words."""

    def __init__(self, told: dict[str, str], exit_code: int) -> None:
        Exception.__init__(self, told["message"])
        self.kind, self.message, self.hint = told["kind"], told["message"], told["hint"]
        self.exit_code = exit_code


@dataclasses.dataclass
class Worker:
    process: BaseProcess
    pipe: Connection
    born: float
    ready: bool = False


def open_port(settings: Settings) -> socket.socket:
    """Listening already, so that early clients wait instead of being refused. Raises Problem."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    port = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port.bind((settings.host, settings.port))
        port.listen(2048)
    except OSError as error:
        port.close()
        raise Problem(
            "serving.no_port", host=settings.host, port=settings.port, reason=error.strerror or error
        ) from None
    port.set_inheritable(True)
    return port


def serve(settings: Settings, ready: Callable[[str, list[int]], None]) -> int:
    """Serve until SIGTERM or Ctrl-C; `ready` is told the address and the workers. Returns the exit code.

    Raises Problem when the port is taken or a model cannot be served; Failure when workers keep dying.
    """
    settings.check()
    asked: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: asked.append(number))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    shared = tempfile.mkdtemp(prefix="tongsu-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared
    workers: list[Worker] = []
    port = open_port(settings)
    try:
        context = _context()
        workers += [_start(context, settings, port) for _ in range(settings.workers)]
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        address = f"http://{host}:{port.getsockname()[1]}"
        _watch(context, settings, port, workers, asked, lambda pids: ready(address, pids))
        return 130 if asked[0] == signal.SIGINT else 0
    finally:
        _stop(workers)
        port.close()
        for number, handler in before.items():
            signal.signal(number, handler)
        shutil.rmtree(shared, ignore_errors=True)
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)


def _context() -> Any:
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["uvicorn", "tongsu.serving.app"])  # they take long and start no thread
    return context


def _start(context: Any, settings: Settings, port: socket.socket) -> Worker:
    ours, theirs = context.Pipe()
    process = context.Process(target=work, args=(settings.to_json(), port, theirs), name="tongsu-worker")
    process.start()
    theirs.close()
    return Worker(process, ours, time.monotonic())


def _watch(
    context: BaseContext, settings: Settings, port: socket.socket, workers: list[Worker], asked: list[int],
    ready: Callable[[list[int]], None],
) -> None:  # fmt: skip
    """Until a signal comes: announce that all are ready, and bring back whoever dies."""
    announced, early = False, 0
    while not asked:
        pipes = [worker.pipe for worker in workers if not worker.pipe.closed]
        with contextlib.suppress(InterruptedError):
            wait([*pipes, *(worker.process.sentinel for worker in workers)], timeout=0.2)
        for number, worker in enumerate(workers):
            _listen(worker)
            if worker.process.is_alive() or asked:
                continue
            early = early + 1 if time.monotonic() - worker.born < SICK else 0
            if early >= 3:
                raise Failure("serving.worker_dies", code=worker.process.exitcode)
            _forget(worker)
            workers[number] = _start(context, settings, port)
        if not announced and all(worker.ready for worker in workers):
            announced = True
            ready([worker.process.pid or 0 for worker in workers])


def _listen(worker: Worker) -> None:
    """What a worker has to say: that it is ready, or why it cannot be."""
    try:
        while not worker.pipe.closed and worker.pipe.poll():
            told = json.loads(worker.pipe.recv_bytes())
            if "problem" in told:
                raise Told(told["problem"], told["exit_code"])
            worker.ready = True
    except (EOFError, OSError):
        worker.pipe.close()


def _forget(worker: Worker) -> None:
    from prometheus_client import multiprocess

    worker.process.join()
    worker.pipe.close()
    multiprocess.mark_process_dead(worker.process.pid)


def _stop(workers: list[Worker]) -> None:
    """Ask all to finish what they have accepted; after their time is up, insist."""
    for worker in workers:
        if worker.process.is_alive():
            worker.process.terminate()
    end = time.monotonic() + GRACE + 5
    for worker in workers:
        worker.process.join(max(0.1, end - time.monotonic()))
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
