"""A run's events as they are written: the whole past first, then what happens, from the folder and from nowhere else.

So it works for a training of any process, and any number of pages may watch: each reads the file by itself.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from tongsu.runs.store import Run
from tongsu.studio.jobs import Jobs

PULSE = 0.1  # seconds between two looks at the file
AT_ONCE = 2000  # events in a message


@dataclass
class Tail:
    """Reads whole lines of `events.jsonl` from a line number on."""

    run: Run
    line: int = 0
    position: int = 0

    def new(self) -> list[dict[str, Any]]:
        """The events that came since the last look; a torn line counts and is passed over."""
        try:
            with (self.run.path / "events.jsonl").open("rb") as file:
                file.seek(self.position)
                block = file.read()
        except FileNotFoundError:
            return []
        whole = block[: block.rfind(b"\n") + 1]
        self.position += len(whole)
        lines = whole.split(b"\n")[:-1]
        self.line += len(lines)
        return [event for event in map(_event, lines) if event]

    def skip(self, lines: int) -> list[dict[str, Any]]:
        """All that is there after the first `lines` lines."""
        try:
            content = (self.run.path / "events.jsonl").read_bytes()
        except FileNotFoundError:
            return []
        whole = content[: content.rfind(b"\n") + 1]
        every = whole.split(b"\n")[:-1]
        self.position, self.line = len(whole), len(every)
        events = [event for event in map(_event, every[lines:]) if event]
        return events if lines else past(events)


def past(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What leads to where the run stands, as Run.timeline has it."""
    kept: list[dict[str, Any]] = []
    for event in events:
        if event["event"] == "Started":
            kept = [old for old in kept if old.get("step", 0) <= event["step"]]
        kept.append(event)
    return kept


async def messages(run: Run, jobs: Jobs, after: int = 0) -> AsyncIterator[dict[str, Any]]:
    """`{"kind": "state"}` and `{"kind": "events"}`, for ever; the state whenever it changes."""
    tail = Tail(run)
    state = await asyncio.to_thread(jobs.state, run, False)
    yield {"kind": "state", "state": state}
    events = await asyncio.to_thread(tail.skip, after)
    for start in range(0, max(len(events), 1), AT_ONCE):
        last = start + AT_ONCE >= len(events)
        yield {"kind": "events", "next": tail.line if last else after, "events": events[start : start + AT_ONCE]}
    while True:
        await asyncio.sleep(PULSE)
        found, now = await asyncio.to_thread(lambda: (tail.new(), jobs.state(run, False)))
        if found:
            yield {"kind": "events", "next": tail.line, "events": found}
        if now != state:
            state = now
            yield {"kind": "state", "state": state}


def _event(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
