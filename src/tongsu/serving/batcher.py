"""Micro-batching: inputs that wait while the model is busy are answered together in its next pass.

Nothing waits without end. The queue is bounded in number and in time: who could not be answered before the deadline
is turned away at once (429), and who is late all the same gets 504 at the deadline. A queue that only delays helps
nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from tongsu.errors import Problem

Row = list[float]
SHARE = 0.7  # of the deadline that waiting may be expected to take; the rest is for what was not foreseen
PASS = 0.25  # of the deadline that one pass may take: a slow model gets smaller batches
FORGET = 0.2  # how much of what is believed the last pass decides


class Refused(Problem):
    """No answer this time: 429 (busy), 503 (stopping) or 504 (late). `retry_after` in seconds."""

    def __init__(self, key: str, status: int, retry_after: int = 1, /, **values: object) -> None:
        super().__init__(key, **values)
        self.status, self.retry_after = status, retry_after


@dataclass(slots=True, eq=False)
class Waiting:
    inputs: Sequence[Any]
    answer: asyncio.Future[list[Row]]
    arrived: float


class MicroBatcher:
    """`run` answers a list of inputs with a row of numbers each, in a thread of its own.

    seen: told the size of each batch. Made and used inside one event loop.
    """

    def __init__(
        self, run: Callable[[list[Any]], list[Row]], *, max_batch: int, max_wait: float, queue: int, deadline: float,
        seen: Callable[[int], None] = lambda size: None,
    ) -> None:  # fmt: skip
        self.run, self.seen = run, seen
        self.max_batch, self.max_wait, self.queue, self.deadline = max_batch, max_wait, queue, deadline
        self.line: deque[Waiting] = deque()
        self.waiting = 0  # inputs in the line
        self.running = 0  # inputs in the model
        self.each = self.whole = 0.0  # seconds for an input and for a pass, as they lately were
        self.stopping = False
        self.filled, self.enough = asyncio.Event(), asyncio.Event()
        self.pool = ThreadPoolExecutor(1, "model")
        self.worker = asyncio.create_task(self._work())

    async def ask(self, inputs: Sequence[Any]) -> list[Row]:
        """The answers to at most `max_batch` inputs. Raises Refused."""
        if self.stopping:
            raise Refused("serving.stopping", 503)
        ahead = self.waiting + self.running + len(inputs)
        expected = math.ceil(ahead / self.size) * self.whole  # seconds until these would be answered
        if self.waiting + len(inputs) > self.queue or expected > SHARE * self.deadline:
            raise Refused("serving.busy", 429, max(1, math.ceil(expected)))
        loop = asyncio.get_running_loop()
        item = Waiting(inputs, loop.create_future(), loop.time())
        self.line.append(item)
        self.waiting += len(inputs)
        self.filled.set()
        if self.waiting >= self.max_batch:
            self.enough.set()
        try:
            async with asyncio.timeout_at(item.arrived + self.deadline):
                return await item.answer
        except TimeoutError:
            raise Refused("serving.late", 504, seconds=self.deadline) from None

    @property
    def size(self) -> int:
        """How many inputs one pass may have."""
        most = self.max_batch
        return most if self.each * most <= PASS * self.deadline else max(1, int(PASS * self.deadline / self.each))

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self.filled.wait()
            await self._company(self.line[0].arrived + self.max_wait - loop.time())
            batch = self._next()
            if not batch:
                continue
            inputs = [each for item in batch for each in item.inputs]
            self.running = len(inputs)
            start = time.perf_counter()
            try:
                rows = await loop.run_in_executor(self.pool, self.run, inputs)
            except Exception as error:
                for item in batch:
                    if not item.answer.done():
                        item.answer.set_exception(error)
                continue
            finally:
                self.running = 0
            spent = time.perf_counter() - start
            self.each += FORGET * (spent / len(inputs) - self.each)
            self.whole += FORGET * (spent - self.whole)
            self.seen(len(inputs))
            at = 0
            for item in batch:
                if not item.answer.done():  # whoever gave up has cancelled it
                    item.answer.set_result(rows[at : at + len(item.inputs)])
                at += len(item.inputs)

    async def _company(self, patience: float) -> None:
        """Wait for more inputs, at most `patience` seconds."""
        if patience > 0 and self.waiting < self.max_batch:
            self.enough.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self.enough.wait()

    def _next(self) -> list[Waiting]:
        """The oldest requests that fit into one batch, without those whose clients gave up."""
        batch: list[Waiting] = []
        size, most = 0, self.size
        while self.line and (not batch or size + len(self.line[0].inputs) <= most):
            item = self.line.popleft()
            self.waiting -= len(item.inputs)
            if not item.answer.done():
                batch.append(item)
                size += len(item.inputs)
        if not self.line:
            self.filled.clear()
        return batch

    async def stop(self) -> None:
        """Answer what was accepted, and take nothing new."""
        self.stopping = True
        while self.line or self.running:
            await asyncio.sleep(0.01)
        self.worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self.worker
        self.pool.shutdown()
