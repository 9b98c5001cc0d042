"""The line before the model: full, late, stopping, and who shares a batch. The model waits for the test's signal, so
that no clock decides."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any

import pytest

from tongsu.errors import Problem
from tongsu.serving.batcher import MicroBatcher, Refused


class Model:
    """Answers each input with its double, once the test lets it; notes the sizes of its batches."""

    def __init__(self) -> None:
        self.go, self.busy = threading.Event(), threading.Event()
        self.sizes: list[int] = []

    def __call__(self, inputs: list[float]) -> list[list[float]]:
        self.busy.set()
        assert self.go.wait(20)
        self.sizes.append(len(inputs))
        if 13 in inputs:
            raise RuntimeError("bad luck")
        return [[2 * each] for each in inputs]


def batcher(model: Model, **changes: Any) -> MicroBatcher:
    return MicroBatcher(model, **{"max_batch": 4, "max_wait": 0.0, "queue": 6, "deadline": 20.0, **changes})


def running(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 30))


async def occupied(line: MicroBatcher, model: Model) -> asyncio.Task[Any]:
    """The model busy with one input, so that whatever comes now has to wait."""
    first = asyncio.create_task(line.ask([0]))
    await asyncio.to_thread(model.busy.wait)
    return first


def test_what_waits_together_is_answered_together_and_each_gets_its_own() -> None:
    async def work() -> None:
        model = Model()
        line = batcher(model)
        first = await occupied(line, model)
        others = [asyncio.create_task(line.ask(inputs)) for inputs in ([1], [2, 3], [4], [5, 6])]
        await asyncio.sleep(0)
        model.go.set()
        answers = await asyncio.gather(first, *others)
        assert answers == [[[0]], [[2]], [[4], [6]], [[8]], [[10], [12]]]
        assert model.sizes == [1, 4, 2]
        await line.stop()

    running(work())


def test_a_full_line_refuses_at_once() -> None:
    async def work() -> None:
        model = Model()
        line = batcher(model)
        first = await occupied(line, model)
        others = [asyncio.create_task(line.ask([1, 2, 3])) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await line.ask([7])
        assert refused.value.status == 429 and refused.value.retry_after >= 1
        model.go.set()
        await asyncio.gather(first, *others)
        assert (await line.ask([7])) == [[14]]  # there is room again
        await line.stop()

    running(work())


def test_what_could_not_be_done_before_the_deadline_is_refused_at_once() -> None:
    async def work() -> None:
        model = Model()
        model.go.set()
        line = batcher(model, queue=1000, deadline=10.0)
        line.whole = 3.0  # seconds for each pass of four
        with pytest.raises(Refused) as refused:
            await line.ask([1] * 9)
        assert refused.value.status == 429 and refused.value.retry_after == 9
        assert (await line.ask([1])) == [[2]]
        await line.stop()

    running(work())


def test_the_late_are_told_and_their_work_is_not_done() -> None:
    async def work() -> None:
        model = Model()
        line = batcher(model, deadline=0.2)
        first = await occupied(line, model)
        late = [asyncio.create_task(line.ask([number])) for number in (1, 2)]
        for task in (first, *late):
            with pytest.raises(Refused) as refused:
                await task
            assert refused.value.status == 504
        model.go.set()
        await line.stop()
        assert model.sizes == [1] and line.waiting == 0  # only the one that was being computed already

    running(work())


def test_stopping_answers_what_was_accepted_and_takes_nothing_new() -> None:
    async def work() -> None:
        model = Model()
        line = batcher(model)
        first = await occupied(line, model)
        second = asyncio.create_task(line.ask([1]))
        await asyncio.sleep(0)
        end = asyncio.create_task(line.stop())
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await line.ask([2])
        assert refused.value.status == 503
        model.go.set()
        assert await asyncio.gather(first, second) == [[[0]], [[2]]]
        await end

    running(work())


def test_a_slow_model_gets_small_batches_so_that_none_outlasts_the_deadline() -> None:
    async def work() -> None:
        model = Model()
        line = batcher(model, max_batch=64, queue=64)
        first = await occupied(line, model)
        line.each = 2.4  # seconds for an input: five seconds, a quarter of the deadline, are two of them
        others = [asyncio.create_task(line.ask([number])) for number in range(4)]
        await asyncio.sleep(0)
        line.whole = 0.0
        model.go.set()
        await asyncio.gather(first, *others)
        assert model.sizes[:2] == [1, 2] and sum(model.sizes) == 5
        await line.stop()

    running(work())


def test_an_error_in_the_model_reaches_those_whom_it_concerns_and_the_next_are_answered() -> None:
    async def work() -> None:
        model = Model()
        model.go.set()
        line = batcher(model)
        with pytest.raises(RuntimeError):
            await line.ask([13])
        assert (await line.ask([1])) == [[2]]
        await line.stop()

    running(work())


def test_a_lonely_input_waits_for_company_only_as_long_as_it_was_told() -> None:
    async def work() -> None:
        model = Model()
        model.go.set()
        line = batcher(model, max_wait=15.0)
        four = [asyncio.create_task(line.ask([number])) for number in range(4)]
        assert await asyncio.gather(*four) == [[[0]], [[2]], [[4]], [[6]]]  # at once: the batch is full
        assert model.sizes == [4]
        line.max_wait = 0.05
        assert (await line.ask([9])) == [[18]]
        await line.stop()

    running(work())


def test_refusals_are_problems_with_words() -> None:
    assert issubclass(Refused, Problem) and Refused("serving.busy", 429).hint
