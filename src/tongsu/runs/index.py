"""An index over the runs of one folder, so that questions about many runs need not open many files.

It is a cache and nothing else: before every answer the rows of changed folders are read anew, a missing or
damaged index is built from the folders, and where none can be written the answer comes from memory.
"""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tongsu.errors import Problem
from tongsu.runs.run import Run, Status, status_of

FILE = "index.sqlite"
SCHEMA = """
create table if not exists runs (
    name text primary key, stamp text not null, chapter text, preset text, model text, data text,
    seed integer, parameters integer, seconds real, events integer, last_event text, created real, active real
) without rowid;
create table if not exists metrics (
    run text, name text, value real, primary key (run, name)
) without rowid;
"""
COLUMNS = (
    "name", "chapter", "preset", "model", "data", "seed", "parameters", "seconds", "events", "last_event",
    "created", "active",
)  # fmt: skip
READ_FROM = ("recipe.json", "events.jsonl", "results.json")
# Nothing is wrong with the file: somebody holds it, or it cannot be written here.
NOT_DAMAGE = {
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_PERM,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the index knows of a run. `created` and `active` (the last event) are seconds since 1970.

    `parameters`, `seconds` (in training) and `metrics` are None and empty until it has finished.
    """

    path: Path
    name: str
    chapter: str
    preset: str
    model: str
    data: str
    seed: int
    parameters: int | None
    seconds: float | None
    events: int
    last_event: str | None
    created: float
    active: float
    metrics: dict[str, float] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        return status_of(self.last_event, self.active, self.parameters is not None)


def entries(root: Path) -> list[Entry]:
    """All runs in the folder `root`, the one last active first."""
    place = root / FILE
    try:
        return _ask(place, root)
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF not in NOT_DAMAGE:
            forget(root)
            with suppress(sqlite3.DatabaseError):
                return _ask(place, root)
    return _ask(":memory:", root)


def forget(root: Path) -> None:
    """Delete the index; the next question builds it again."""
    for ending in ("", "-wal", "-shm"):
        with suppress(OSError):
            (root / f"{FILE}{ending}").unlink()


def _ask(place: Path | str, root: Path) -> list[Entry]:
    if not root.is_dir():
        return []
    with closing(sqlite3.connect(place, timeout=30, isolation_level=None)) as base:
        base.execute("pragma journal_mode = wal")
        base.execute("pragma synchronous = normal")
        base.executescript(SCHEMA)
        _refresh(base, root)
        return _read(base, root)


def _refresh(base: sqlite3.Connection, root: Path) -> None:
    """Read what changed first, then write it in one short transaction.

    If two processes overtake each other, an older row may win: its stamp does not fit its folder, so the next
    question reads it anew.
    """
    known = dict(base.execute("select name, stamp from runs"))
    found = {run.name: (run, _stamp(run)) for run in map(Run, root.iterdir()) if _counts(run)}
    changed = [(run, stamp) for run, stamp in found.values() if known.get(run.name) != stamp]
    rows = [(row, stamp, metrics) for run, stamp in changed for row, metrics in _row(run)]
    gone = (known.keys() - found.keys()) | {run.name for run, _ in changed}
    if not gone:
        return
    base.execute("begin immediate")
    for name in gone:
        base.execute("delete from runs where name = ?", (name,))
        base.execute("delete from metrics where run = ?", (name,))
    marks = ", ".join("?" * (len(COLUMNS) + 1))
    for row, stamp, metrics in rows:
        values = [row[name] for name in COLUMNS]
        base.execute(f"insert into runs ({', '.join(COLUMNS)}, stamp) values ({marks})", (*values, stamp))
        pairs = [(row["name"], name, value) for name, value in metrics.items()]
        base.executemany("insert into metrics values (?, ?, ?)", pairs)
    base.execute("commit")


def _read(base: sqlite3.Connection, root: Path) -> list[Entry]:
    metrics: dict[str, dict[str, float]] = {}
    for run, name, value in base.execute("select run, name, value from metrics order by run, name"):
        metrics.setdefault(run, {})[name] = value
    rows = base.execute(f"select {', '.join(COLUMNS)} from runs order by active desc, name desc")
    named = (dict(zip(COLUMNS, row, strict=True)) for row in rows)
    return [Entry(**row, path=root / row["name"], metrics=metrics.get(row["name"], {})) for row in named]


def _counts(run: Run) -> bool:
    return not run.name.startswith(".") and run.exists()


def _stamp(run: Run) -> str:
    """Changes whenever one of the files that a row is read from changes."""
    parts = []
    for name in READ_FROM:
        with suppress(OSError):
            stat = (run.path / name).stat()
            parts.append(f"{name}:{stat.st_size}:{stat.st_mtime_ns}")
    return " ".join(parts)


def _row(run: Run) -> list[tuple[dict[str, Any], dict[str, float]]]:
    """One row and its metrics; none for a damaged folder, which must not hide the others."""
    try:
        recipe, results = run.recipe(), run.results()
        written = (run.path / "recipe.json").stat().st_mtime
    except (Problem, OSError):
        return []
    first, last = next(run.events(), None) or {}, run.last_event() or {}
    measured = results.get("metrics")
    row = {
        "name": run.name,
        **{name: str(recipe.get(name, "?")) for name in ("chapter", "preset", "model", "data")},
        "seed": _number(recipe.get("seed")) or 0,
        "parameters": _number(results.get("parameters")),
        "seconds": _number(results.get("train_seconds")),
        "events": _lines(run),
        "last_event": last.get("event"),
        "created": _number(first.get("time")) or written,
        "active": _number(last.get("time")) or written,
    }
    pairs = measured.items() if isinstance(measured, dict) else ()
    return [(row, {name: float(value) for name, value in pairs if _number(value) is not None})]


def _lines(run: Run) -> int:
    try:
        with (run.path / "events.jsonl").open("rb") as file:
            return sum(line != b"\n" for line in file)
    except OSError:
        return 0


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and math.isfinite(value) else None
