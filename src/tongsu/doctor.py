"""What this machine offers, measured rather than believed, and what to mend."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tongsu.locale import t
from tongsu.runs.atomic import size_text
from tongsu.runs.store import RunStore

LEAST_PYTHON, LEAST_TORCH = (3, 11), (2, 9)
LEAST_MEMORY, LEAST_DISK = 2e9, 2e9  # bytes
LEAST_SPEED = 20.0  # GFLOP/s: below that a laptop of 2015 is faster
OFFLINE = ("TONGSU_OFFLINE", "HF_HUB_OFFLINE")


@dataclass(frozen=True)
class Finding:
    """`ok` is None where there is nothing to judge; `advice` is empty unless something can be mended."""

    name: str
    value: str
    ok: bool | None = None
    advice: str = ""

    @property
    def title(self) -> str:
        return t(f"doctor.name.{self.name}")


def examine(*, network: bool = False) -> list[Finding]:
    """Everything about this machine that a training depends on; takes about two seconds.

    The package index is asked only with `network`.
    """
    from tongsu.data.sources import home

    cache, runs = home(), RunStore().root
    found = [
        _python(), _torch(), _cores(), _memory(), _device(), _speed(),
        _folder("cache", cache, "TONGSU_HOME"), _folder("runs", runs, "TONGSU_RUNS"), _data(cache),
        _font(), _offline(),
    ]  # fmt: skip
    return [*found, _index()] if network else found


def _finding(name: str, value: str, ok: bool, **values: object) -> Finding:
    """With the catalogue's advice if it is not all right."""
    return Finding(name, value, ok, "" if ok else t(f"doctor.advice.{name}", **values))


def _python() -> Finding:
    value = f"{platform.python_version()} · {platform.system()} {platform.machine()}"
    return _finding("python", value, sys.version_info >= LEAST_PYTHON)


def _torch() -> Finding:
    import torch

    numbers = tuple(int(part) for part in torch.__version__.split("+")[0].split(".")[:2])
    return _finding("torch", torch.__version__, numbers >= LEAST_TORCH)


def _cores() -> Finding:
    """As many threads as there are cores for us: fewer are slow, more are slower."""
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    threads = torch.get_num_threads()
    # Where two threads share a core, torch rightly takes one of them.
    return _finding("cores", f"{cores} / {threads}", cores // 2 <= threads <= cores, cores=cores)


def _memory() -> Finding:
    total, free = _memory_bytes()
    if total is None:
        return Finding("memory", "?")
    value = size_text(total) if free is None else t("doctor.of", free=size_text(free), total=size_text(total))
    return _finding("memory", value, (free or total) >= LEAST_MEMORY)


def _memory_bytes() -> tuple[int | None, int | None]:
    """In all and available; None where the system does not say."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        known = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
        return known["MemTotal"], known["MemAvailable"]
    except (OSError, KeyError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), None
    except (AttributeError, ValueError, OSError):
        return None, None


def _device() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("device", f"CUDA · {torch.cuda.get_device_name()}", True)
    if torch.backends.mps.is_available():
        return Finding("device", "MPS", True)
    return Finding("device", f"CPU · {torch.backends.cpu.get_cpu_capability()}", True)


def _speed() -> Finding:
    """Products of float32 matrices."""
    import torch

    from tongsu.training.device import matmul_speed

    speed = matmul_speed(torch.device("cpu")) / 1e9
    value = f"{speed:.0f} GFLOP/s"
    if speed < LEAST_SPEED:  # worth a word, yet nothing is broken
        return Finding("speed", value, None, t("doctor.advice.speed"))
    return Finding("speed", value, True)


def _folder(name: str, folder: Path, variable: str) -> Finding:
    """Free space, and whether a file can really be written there (or where the folder would be made)."""
    place = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(place).free
    value = t("doctor.free", folder=folder, free=size_text(free))
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"x")
    except OSError:
        advice = t("doctor.advice.not_writable", folder=place, variable=variable)
        return Finding(name, value, False, advice)
    if free < LEAST_DISK:
        return Finding(name, value, False, t("doctor.advice.little_space", variable=variable))
    return Finding(name, value, True)


def _data(cache: Path) -> Finding:
    files = [path for path in cache.rglob("*") if path.is_file()] if cache.is_dir() else []
    if not files:
        return Finding("data", t("doctor.nothing"), None, t("doctor.advice.data"))
    size = sum(path.stat().st_size for path in files)
    return Finding("data", t("doctor.files", count=len(files), size=size_text(size)), True)


def _font() -> Finding:
    """Whether pictures can show Chinese."""
    from tongsu.plots.style import drawable, fonts

    return _finding("font", fonts()[0], drawable("通俗深度学习") == "通俗深度学习")


def _offline() -> Finding:
    asked = [name for name in OFFLINE if os.environ.get(name, "").lower() not in ("", "0", "false", "no")]
    advice = t("doctor.advice.offline") if asked else ""
    return Finding("offline", ", ".join(asked) or t("doctor.no"), None, advice)


def _index() -> Finding:
    """Ask the package indexes that pip or uv is set up with, where data come from; one is enough."""
    import requests

    from tongsu.data.indexes import settings, without_password

    asked = settings()
    remote = [index.rstrip("/") for index in asked.indexes if index.startswith("http")]
    for index in remote:
        try:
            with requests.Session() as session:
                session.verify = asked.certificates or True
                session.proxies = {"http": asked.proxy, "https": asked.proxy} if asked.proxy else {}
                session.get(f"{index}/pip/", timeout=10).raise_for_status()
            return Finding("index", without_password(index), True)
        except (requests.RequestException, OSError):
            continue
    return _finding("index", ", ".join(map(without_password, remote)) or "–", False)
