"""How many requests a second? `tongsu serve` beside a plain FastAPI + PyTorch endpoint and LitServe, in one run.

    pip install --no-deps --target FOLDER litserve pyzmq psutil
    python benchmarks/serving.py --litserve FOLDER
    python benchmarks/serving.py --overload 600                # twice the capacity for ten minutes

The road map's CNN (pictures as PNG in base64) and LSTM (reviews as texts, 200 words). Every server gets the same bytes
over kept connections, reads them with the same preprocessing, and is one process (LitServe: one for HTTP, one for the
model). The servers take turns, level by level: so many clients, each of which asks again as soon as it is answered.
What counts is the most requests a second at which 99 of 100 are answered within LIMIT milliseconds. The weights are
untrained: speed does not depend on them. The clients run on the same machine and take their share of it.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import datetime
import io
import json
import os
import platform
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "serving.json"
LIMIT = 50.0  # milliseconds
LEVELS = (1, 2, 4, 8, 16, 32, 64)
ROUNDS, SECONDS = 3, 0.6
# "-2": two workers. "-1": with one thread in PyTorch (OMP_NUM_THREADS=1), which small nets like and its default is not.
SYSTEMS = ("tongsu", "tongsu-onnx", "tongsu-onnx-2", "plain", "plain-1", "litserve", "litserve-1")
MODELS = ("cnn", "lstm")


# What is asked -------------------------------------------------------------------------------------------------


def make_runs(folder: Path) -> dict[str, list[str]]:
    """The two runs (in `folder`), and inputs of each as JSON has them."""
    import torch
    from PIL import Image

    from tongsu.runs.store import RunStore
    from tongsu.session import prepare
    from tongsu.training import checkpoint
    from tongsu.training.build import build_model

    inputs: dict[str, list[str]] = {}
    for name, chapter, data, changes in (
        ("cnn", "cnn", "digits", ["examples=2000"]), ("lstm", "rnn", "imdb", ["cell=lstm"]),
    ):  # fmt: skip
        session = prepare(chapter, "reference", data, changes, store=RunStore(folder), name=name)
        torch.manual_seed(0)
        checkpoint.save_weights(session.run, build_model(session.recipe).state_dict())
        examples = session.dataset.test.inputs[:200]
        if chapter == "cnn":
            inputs[name] = []
            for pixels in examples[:, 0]:
                file = io.BytesIO()
                Image.fromarray(pixels.numpy()).save(file, "PNG")
                inputs[name].append(base64.b64encode(file.getvalue()).decode())
        else:
            words = session.dataset.preprocessing.to_dict()["vocabulary"]
            inputs[name] = [" ".join(words[at] for at in row if at > 2) for row in examples.tolist()]
    return inputs


# Who answers ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(system: str, folder: Path, place: str | None, *more: str) -> Iterator[tuple[int, int]]:
    """A server process that answers: its port and its process."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port = any_port.getsockname()[1]
    words = [
        sys.executable,
        str(Path(__file__).with_name(f"serving_{system.removesuffix('-1')}.py")),
        str(folder),
        str(port),
    ]
    if system.startswith("tongsu"):
        backend, count = "onnx" if "onnx" in system else "torch", "2" if system.endswith("-2") else "1"
        words = [
            sys.executable,
            "-m",
            "tongsu",
            "serve",
            str(folder),
            "--port",
            str(port),
            "--backend",
            backend,
            "--workers",
            count,
            *more,
        ]
    around = {**os.environ, **({"OMP_NUM_THREADS": "1"} if system.endswith("-1") else {})}
    if place and system.startswith("litserve"):
        around["PYTHONPATH"] = place
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(words, env=around, stdout=log, stderr=log, start_new_session=True)
        try:
            end = time.monotonic() + 90
            while True:
                try:
                    if asyncio.run(load(port, [b"{}"], 1, 0.05))["answers"]:
                        break
                except OSError:
                    pass
                if process.poll() is not None or time.monotonic() > end:
                    log.seek(0)
                    raise SystemExit(f"{system} does not start:\n{log.read().decode()[-3000:]}")
                time.sleep(0.3)
            yield port, process.pid
        finally:
            os.killpg(process.pid, signal.SIGCONT)  # it was stopped, and would not hear of its end
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):  # LitServe's own processes outlive it, and keep spinning
                os.killpg(process.pid, signal.SIGKILL)


# Who asks ------------------------------------------------------------------------------------------------------


class Client(asyncio.Protocol):
    """One kept connection: asks, waits for the answer, asks again; `pause` spaces the questions evenly."""

    def __init__(
        self, questions: list[bytes], at: int, end: float, seen: list[tuple[int, float]], pause: float
    ) -> None:
        self.questions, self.at, self.end, self.seen, self.pause = questions, at, end, seen, pause
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.due = time.perf_counter() + pause * (at % 97) / 97

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.next()

    def next(self) -> None:
        now = time.perf_counter()
        if now >= self.end:
            self.transport.close()
            if not self.done.done():
                self.done.set_result(None)
        elif self.pause and now < self.due:
            asyncio.get_running_loop().call_later(self.due - now, self.next)
        else:
            self.due = max(self.due + self.pause, now)
            self.start = now
            self.at += 1
            self.transport.write(self.questions[self.at % len(self.questions)])

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, body = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        lower = head.lower()
        length = int(lower.partition(b"content-length:")[2].partition(b"\r\n")[0] or 0)
        if len(body) >= length:
            self.buffer = b""
            self.seen.append((int(head[9:12]), time.perf_counter() - self.start))
            self.next()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server hung up"))


async def load(port: int, bodies: list[bytes], clients: int, seconds: float, pause: float = 0.0) -> dict[str, Any]:
    head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: "
    questions = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
    seen: list[tuple[int, float]] = []
    start = time.perf_counter()
    loop = asyncio.get_running_loop()
    lines = [Client(questions, at, start + seconds, seen, pause) for at in range(clients)]
    for line in lines:
        await loop.create_connection(lambda line=line: line, "127.0.0.1", port)  # type: ignore[misc]
    await asyncio.gather(*(line.done for line in lines))
    spent = time.perf_counter() - start
    good = sorted(1000 * took for status, took in seen if status == 200)
    return {
        "answers": len(seen), "good": len(good), "statuses": sorted({status for status, _ in seen}),
        "per_second": len(good) / spent,
        "p50": good[len(good) // 2] if good else None, "p99": good[int(0.99 * len(good))] if good else None,
    }  # fmt: skip


def asked(port: int, inputs: list[str], clients: int, seconds: float, pause: float = 0.0) -> dict[str, Any]:
    """In a process of its own loop; uvloop where there is one, so that asking costs little."""
    bodies = [json.dumps({"inputs": [each]}).encode() for each in inputs]
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run(load(port, bodies, clients, seconds, pause))
    return asyncio.run(load(port, bodies, clients, seconds, pause))


# What comes of it ----------------------------------------------------------------------------------------------


def compare(folder: Path, inputs: dict[str, list[str]], place: str | None, seconds: float) -> dict[str, Any]:
    systems = [system for system in SYSTEMS if place or not system.startswith("litserve")]
    found: dict[str, Any] = {}
    for model in MODELS:
        rows: dict[str, list[dict[str, Any]]] = {system: [] for system in systems}
        with contextlib.ExitStack() as servers:
            up = {}
            for system in systems:
                up[system] = servers.enter_context(served(system, folder / model, place))
                with alone(up[system][1]):
                    for level in LEVELS:  # warm
                        asked(up[system][0], inputs[model], level, 0.15)
            for number in range(ROUNDS):
                for level in LEVELS:
                    for system, (port, pid) in up.items():
                        with alone(pid):
                            spent = family(pid)["seconds"]
                            row = {"round": number, "clients": level, **asked(port, inputs[model], level, seconds)}
                            spent = family(pid)["seconds"] - spent
                        row["cpu_ms"] = 1000 * spent / max(row["good"], 1)  # for each answer, whoever else is busy
                        rows[system].append(row)
                        print(model, system, json.dumps(row), file=sys.stderr, flush=True)
        found[model] = {system: summary(rows[system]) for system in systems}
        for told in found[model].values():  # beside the better of the other's two settings
            for other in ("plain", "litserve"):
                best = max((row["mean"] for name, row in found[model].items() if name.startswith(other)), default=0.0)
                told[f"times_{other}"] = told["mean"] / best if best else None
    return found


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The best level of each round within the limit, and their mean and spread."""
    best = []
    for number in sorted({row["round"] for row in rows}):
        kept = [row for row in rows if row["round"] == number and row["statuses"] == [200] and row["p99"] <= LIMIT]
        none = {"per_second": 0.0, "clients": 0, "p99": None}
        best.append(max(kept, key=lambda row: row["per_second"], default=none))
    values = [row["per_second"] for row in best]
    return {
        "n": len(values), "mean": statistics.mean(values), "spread": statistics.stdev(values) if len(values) > 1 else 0,
        "cpu_ms": statistics.mean(row["cpu_ms"] for row in rows if row["clients"] == 16),
        "values": values, "clients": [row["clients"] for row in best], "p99": [row["p99"] for row in best],
        "levels": rows,
    }  # fmt: skip


def family(pid: int) -> dict[str, float]:
    """Bytes in memory and processor seconds of a process and all that descend from it (Linux)."""
    parents, bytes_, seconds = {}, {}, {}
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            words = (path / "stat").read_text().rpartition(")")[2].split()
            parents[int(path.name)] = int(words[1])
            seconds[int(path.name)] = (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
            bytes_[int(path.name)] = int((path / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
    found = {pid}
    while new := {child for child, parent in parents.items() if parent in found} - found:
        found |= new
    return {"bytes": sum(bytes_.get(each, 0) for each in found), "seconds": sum(seconds.get(each, 0) for each in found)}


@contextlib.contextmanager
def alone(pid: int) -> Iterator[None]:
    """A server's processes run inside the block and are stopped outside: who waits shall cost the others nothing."""
    os.killpg(pid, signal.SIGCONT)
    try:
        yield
    finally:
        os.killpg(pid, signal.SIGSTOP)


def overload(folder: Path, inputs: dict[str, list[str]], seconds: float) -> dict[str, Any]:
    """The LSTM at twice the capacity: 256 clients that ask by the clock, whatever becomes of their last question."""
    deadline, clients = 1000, 256
    with served("tongsu", folder / "lstm", None, "--queue", "64", "--deadline-ms", str(deadline)) as (port, pid):
        capacity = max(asked(port, inputs["lstm"], level, 3)["per_second"] for level in (16, 32, 64))
        pause = clients / (2 * capacity)
        asked(port, inputs["lstm"], clients, max(5.0, seconds / 20), pause)
        before = family(pid)["bytes"]
        start = time.monotonic()
        told = asked(port, inputs["lstm"], clients, seconds, pause)
        after = family(pid)["bytes"]
    return {
        "seconds": time.monotonic() - start, "clients": clients, "deadline_ms": deadline,
        "capacity": capacity, "asked": 2 * capacity,
        "memory_before": before, "memory_after": after, "memory_drift": after / before - 1, **told,
    }  # fmt: skip


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--litserve", metavar="FOLDER", help="where LitServe is installed")
    options.add_argument("--overload", type=float, metavar="SECONDS", help="only the overload, for so long")
    options.add_argument("--seconds", type=float, default=SECONDS, help="for each level of each round")
    options.add_argument("--out", type=Path, default=RESULTS)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        inputs = make_runs(folder)
        told = json.loads(given.out.read_text(encoding="utf-8")) if given.out.exists() else {}
        if given.overload:
            told["overload"] = overload(folder, inputs, given.overload)
        else:
            told["models"] = compare(folder, inputs, given.litserve, given.seconds)
        told |= {
            "made": datetime.date.today().isoformat(), "device": "cpu", "cores": os.cpu_count(),
            "machine": platform.machine(), "limit_ms": LIMIT, "rounds": ROUNDS, "seconds": given.seconds,
            "levels": LEVELS, "load": os.getloadavg(),
            "versions": told.get("versions", {}) | versions(given.litserve),  # an overload knows no LitServe
        }  # fmt: skip
        given.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    for model, systems in told.get("models", {}).items():
        for system, row in systems.items():
            print(
                f"{model:5} {system:12} {row['mean']:8.0f} ± {row['spread']:5.0f}  x{row['times_plain'] or 0:.2f} "
                f"{row['cpu_ms']:.2f} ms"
            )


def versions(place: str | None) -> dict[str, str]:
    """Those of the packages that are there; LitServe lies in `place`."""
    if place:
        sys.path.append(place)
    found = {}
    for name in ("torch", "onnxruntime", "fastapi", "uvicorn", "uvloop", "litserve"):
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


if __name__ == "__main__":
    main()
