"""Processes that train: alive from the first moment, one for each run, and nothing left of those that are killed."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from tongsu.errors import Problem
from tongsu.runs.store import Run, RunStore
from tongsu.studio.channel import Channel, State
from tongsu.studio.jobs import Jobs

FEW = {"hidden": [8], "examples": 200, "batch_size": 16, "frames": 2}


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    started = Jobs(RunStore(tmp_path))
    yield started
    for child in started.children:
        child.kill()
        child.wait()


def until(jobs: Jobs, run: Run, *states: str) -> dict:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        state = jobs.state(run)
        if state and state["state"] in states:
            return state
        time.sleep(0.01)
    raise AssertionError(f"{run.name} is {jobs.state(run)}, not {states}")


def test_at_no_moment_does_a_new_training_look_dead(jobs):
    """Others ask all the time, from before the process exists until after it has ended."""
    run, seen, ended = Run(jobs.store.root / "mlp-quick-1"), [], threading.Event()

    def watch() -> None:
        while not ended.is_set():
            seen.append(jobs.state(run))

    watchers = [threading.Thread(target=watch) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    assert jobs.start("mlp", "quick", "digits", {**FEW, "epochs": 2}) == run
    until(jobs, run, "finished", "failed")
    ended.set()
    for watcher in watchers:
        watcher.join()
    assert {state["state"] for state in seen if state} <= {"preparing", "running", "finished"}
    assert all(state["alive"] for state in seen if state and state["state"] in ("preparing", "running"))


def test_one_process_for_a_run_however_often_one_clicks(jobs):
    run = jobs.start("mlp", "quick", "digits", {**FEW, "epochs": 3000})
    until(jobs, run, "running")
    with pytest.raises(Problem) as problem:
        jobs.resume(run, {})
    assert problem.value.kind == "in-training"
    with pytest.raises(Problem):
        jobs.remove(run)
    assert jobs.command(run, {"do": "stop"})[0]["state"] in ("stopping", "stopped")
    until(jobs, run, "stopped")
    answers: list[str] = []

    def click() -> None:
        try:
            jobs.resume(run, {})
            answers.append("begun")
        except Problem as refused:
            answers.append(refused.kind)

    clicks = [threading.Thread(target=click) for _ in range(4)]
    for thread in clicks:
        thread.start()
    for thread in clicks:
        thread.join()
    assert sorted(answers) == ["begun", "in-training", "in-training", "in-training"]
    until(jobs, run, "running")
    jobs.command(run, {"do": "stop"})
    until(jobs, run, "stopped")
    jobs.remove(run)
    assert not run.path.exists() and not Channel.of(run).path.exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such signals")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_ended_while_the_data_are_loaded_nothing_is_left(jobs, number):
    run = jobs.start("mlp", "quick", "digits", {**FEW, "examples": 60_000})  # takes a while to draw
    assert jobs.state(run)["state"] == "preparing"
    os.kill(jobs.children[-1].pid, number)
    jobs.children[-1].wait()
    assert not run.exists()
    state = jobs.state(run)
    assert not state["alive"]
    assert (state["state"], (state["error"] or {}).get("kind")) in {("failed", "died"), ("stopped", None)}
    jobs.sweep()
    assert list(jobs.store.root.glob("[!.]*")) == []
    assert jobs.start("mlp", "quick", "digits", FEW).name == run.name  # the name is free again


def test_a_process_that_cannot_start_says_so(jobs, monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    run = jobs.start("mlp", "quick", "digits", FEW)
    state = jobs.state(run)
    assert (state["state"], state["alive"], state["error"]["kind"]) == ("failed", False, "died")
    assert not run.path.exists()


def test_orders_reach_only_who_can_obey(jobs, tmp_path):
    run = Run(tmp_path / "nobody")
    with pytest.raises(Problem) as problem:
        jobs.command(run, {"do": "pause"})
    assert problem.value.kind == "not-training"


@pytest.mark.parametrize("name", ["..", ".studio", "a/b", "/etc", "~", "", "last:", "best:..", "none"])
def test_only_names_of_runs_are_found(jobs, name, tmp_path):
    (tmp_path.parent / "recipe.json").write_text("{}")  # a run, if one could get there
    try:
        with pytest.raises(Problem):
            jobs.find(name)
    finally:
        (tmp_path.parent / "recipe.json").unlink()


def test_commands_are_lines_that_are_read_once(tmp_path):
    channel = Channel(tmp_path / "c")
    channel.open({"run": "x"})
    assert channel.request() == {"run": "x"} and channel.commands(0) == ([], 0)
    assert [channel.ask({"do": "step", "count": n}) for n in (1, 2)] == [1, 2]
    found, position = channel.commands(0)
    assert [command["count"] for command in found] == [1, 2]
    with (channel.path / "commands.jsonl").open("ab") as file:
        file.write(b'{"do": "pau')  # somebody is writing
    assert channel.commands(position) == ([], position)
    with (channel.path / "commands.jsonl").open("ab") as file:
        file.write(b'se"}\n')
    assert channel.commands(position)[0] == [{"do": "pause"}]


def test_the_lock_is_whose_process_lives(tmp_path):
    channel = Channel(tmp_path / "c")
    channel.open({})
    channel.tell(State("running", begun=True))
    assert not channel.alive()
    with channel.living():
        assert channel.alive()
        with pytest.raises(OSError), Channel(channel.path).living():
            pass
    assert not channel.alive()
