"""Run folders: names, finding, events of many processes, and the index that can always be built again."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tongsu.errors import Problem
from tongsu.locale import set_language
from tongsu.runs import index
from tongsu.runs.run import QUIET
from tongsu.runs.store import Run, RunStore

fork = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture
def store(tmp_path: Path) -> RunStore:
    return RunStore(tmp_path / "runs")


def make(store: RunStore, chapter: str = "cnn", *, name: str | None = None, **metrics: float) -> Run:
    run = store.create(chapter, "fast", name)
    run.write_recipe({"chapter": chapter, "preset": "fast", "model": chapter, "data": "mnist", "seed": 0})
    if metrics:
        run.append({"event": "Finished", "step": 1, "seconds": 1.0, "metrics": metrics})
        run.write_results({"metrics": metrics, "parameters": 10, "train_seconds": 1.5})
    return run


def test_names_are_short_and_count_up(store: RunStore) -> None:
    assert [make(store).name for _ in range(2)] == ["cnn-fast-1", "cnn-fast-2"]
    assert make(store, "gan").name == "gan-fast-1"
    store.remove(store.find("cnn-fast-1"))
    assert make(store).name == "cnn-fast-3"  # a number is not given twice while later ones stand
    assert make(store, name="我的-run_1.0").name == "我的-run_1.0"


def test_the_root_is_the_environments_or_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TONGSU_RUNS", raising=False)
    assert RunStore().root == Path("runs")
    monkeypatch.setenv("TONGSU_RUNS", str(tmp_path))
    assert RunStore().root == tmp_path


BAD_NAMES = ("", ".", "..", ".hidden", "a/b", "../a", "last", "best:cnn", "a" * 61, "a b", "-x")


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_no_folder_should_have(store: RunStore, name: str) -> None:
    with pytest.raises(Problem) as caught:
        store.create("cnn", "fast", name)
    assert caught.value.kind == "bad-name"


def test_a_taken_name(store: RunStore) -> None:
    make(store, name="mine")
    with pytest.raises(Problem, match="already is a run “mine”"):
        store.create("cnn", "fast", "mine")


def _create_many(root: Path, queue: Any) -> None:
    queue.put([make(RunStore(root)).name for _ in range(25)])


def test_processes_never_share_a_folder(store: RunStore) -> None:
    queue = fork.Queue()
    workers = [fork.Process(target=_create_many, args=(store.root, queue)) for _ in range(4)]
    for worker in workers:
        worker.start()
    names = [name for _ in workers for name in queue.get(timeout=60)]
    for worker in workers:
        worker.join()
    assert len(set(names)) == 100 == len(store.list())


def test_find(store: RunStore, tmp_path: Path) -> None:
    first, second = make(store, test_accuracy=0.9), make(store, "mlp", test_accuracy=0.8)
    assert store.find("cnn-fast-1") == first
    assert store.find(str(second.path)) == second
    time.sleep(0.002)
    first.append({"event": "Started", "step": 0})
    assert store.find("last") == first
    elsewhere = make(RunStore(tmp_path / "elsewhere"))
    assert store.find(str(elsewhere.path)).path == elsewhere.path


def test_an_unknown_run_names_the_nearest(store: RunStore) -> None:
    with pytest.raises(Problem) as caught:
        store.find("cnn-fast-1")
    assert caught.value.kind == "none"
    make(store), make(store, "transformer")
    with pytest.raises(Problem) as caught:
        store.find("transfromer-fast-1")
    assert caught.value.kind == "unknown" and "transformer-fast-1" in caught.value.hint
    (store.root / "empty").mkdir()
    with pytest.raises(Problem) as caught:
        store.find("empty")
    assert caught.value.kind == "not-a-run"


def test_the_best_is_chosen_by_validation(store: RunStore) -> None:
    make(store, val_accuracy=0.97, test_accuracy=0.99)
    good = make(store, val_accuracy=0.98, test_accuracy=0.98)
    make(store)  # nothing to compare
    assert store.find("best:cnn") == good
    make(store, "gan", val_frechet_distance=90.0)
    sharp = make(store, "gan", val_frechet_distance=60.0)
    assert store.find("best:gan") == sharp
    better = make(store, "mlp", test_accuracy=0.5), make(store, "mlp", test_accuracy=0.6)
    assert store.find("best:mlp") == better[1]
    with pytest.raises(Problem, match="No finished run of “rnn”") as caught:
        store.find("best:rnn")
    assert "cnn, gan, mlp" in caught.value.hint


def test_events_with_a_torn_line(store: RunStore) -> None:
    run = make(store)
    assert list(run.events()) == [] and run.last_event() is None and run.status == "new"
    run.append({"event": "Started", "step": 0})
    with (run.path / "events.jsonl").open("ab") as file:
        file.write(b'{"event": "Step", "st')  # killed here
    assert [event["event"] for event in run.events()] == ["Started"]
    assert run.last_event()["event"] == "Started"  # type: ignore[index]
    run.append({"event": "Step", "step": 2, "loss": float("inf")})
    assert [(event["event"], event["step"]) for event in run.events()] == [("Started", 0), ("Step", 2)]
    assert list(run.events())[-1]["loss"] is None


def test_status_follows_the_events(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(store)
    for event, status in [("Started", "training"), ("Step", "training"), ("Stopped", "interrupted"),
                          ("Started", "training"), ("Finished", "finished")]:  # fmt: skip
        run.append({"event": event, "step": 1})
        assert run.status == status == store.list()[0].status
    run.append({"event": "Started", "step": 1})
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + QUIET + 1)  # nothing was heard since: it was killed
    assert run.status == "interrupted" == store.list()[0].status


def test_a_resume_takes_back_what_came_after_its_checkpoint(store: RunStore) -> None:
    run = make(store)

    def step(number: int, loss: float) -> None:
        run.append({"event": "Step", "step": number, "seconds": number / 10, "measures": {"loss": loss}})

    run.append({"event": "Started", "step": 0})
    for number in (1, 2, 3):
        step(number, 1.0 / number)
    run.append({"event": "Started", "step": 2})
    step(3, 0.25)
    run.append({"event": "Evaluated", "step": 3, "seconds": 0.3, "validation": {"accuracy": 0.5}})
    training, validation = run.history()
    assert training == {"step": [1, 2, 3], "seconds": [0.1, 0.2, 0.3], "loss": [1.0, 0.5, 0.25]}
    assert validation == {"step": [3], "seconds": [0.3], "accuracy": [0.5]}
    assert len(list(run.events())) == 7  # the log itself keeps everything


def test_frames_in_order(store: RunStore) -> None:
    run = make(store)
    run.frames_folder.mkdir()
    for step in (100, 0, 7):
        (run.frames_folder / f"step-{step:08d}.safetensors").write_bytes(b"weights")
    (run.frames_folder / ".step-00000009.safetensors.tmp").write_bytes(b"weights")
    (run.frames_folder / "step-00000200.safetensors").touch()  # as a power cut leaves the newest
    assert [step for step, _ in run.frames()] == [0, 7, 100]


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_damaged_json_is_named(store: RunStore, content: bytes) -> None:
    run = make(store)
    make(store, "mlp")
    (run.path / "recipe.json").write_bytes(content)
    with pytest.raises(Problem) as caught:
        run.recipe()
    assert caught.value.kind == "damaged-json" and "recipe.json" in caught.value.message
    assert [entry.name for entry in store.list()] == ["mlp-fast-1"]  # the others can still be seen


def test_remove(store: RunStore) -> None:
    run, other = make(store, test_accuracy=0.5), make(store)
    (run.path / "checkpoints").mkdir()
    (run.path / "checkpoints" / "file").write_bytes(b"x")
    left = store.root / ".removing-old-1"
    left.mkdir()
    store.remove(run)
    assert [path.name for path in store.root.iterdir() if path.is_dir()] == [other.name]
    other.append({"event": "Started", "step": 0})
    with pytest.raises(Problem) as caught:
        store.remove(other)
    assert caught.value.kind == "in-training" and other.exists()


def test_removing_a_link_keeps_what_it_points_to(store: RunStore, tmp_path: Path) -> None:
    real = make(RunStore(tmp_path / "elsewhere"))
    store.root.mkdir()
    (store.root / "link").symlink_to(real.path)
    store.remove(store.find("link"))
    assert real.exists() and not (store.root / "link").exists()


def dump(store: RunStore) -> tuple[list[Any], list[Any]]:
    with sqlite3.connect(store.root / index.FILE) as base:
        runs = base.execute("select * from runs order by name").fetchall()
        metrics = base.execute("select * from metrics order by run, name").fetchall()
    base.close()
    return runs, metrics


def test_the_index_rebuilt_equals_the_one_it_replaces(store: RunStore) -> None:
    runs = [make(store, chapter) for chapter in ("cnn", "gan", "mlp", "cnn")]
    for number, run in enumerate(runs):
        for step in range(number):
            run.append({"event": "Step", "step": step})
            store.list()
    for metrics in ({"test_accuracy": 0.9, "odd": None}, {"test_accuracy": 0.95}):
        runs[0].write_results({"metrics": metrics, "parameters": 5, "train_seconds": 2.5})
        store.list()
    runs[3].write_recipe({"chapter": "cnn", "preset": "quick", "model": "vgg", "data": "digits", "seed": 3})
    runs[2].append({"event": "Stopped", "step": 2, "reason": "left"})
    store.remove(runs[2])
    listed, old = store.list(), dump(store)
    index.forget(store.root)
    assert not (store.root / index.FILE).exists()
    assert store.list() == listed and dump(store) == old
    assert len(old[0]) == 3 and old[1] == [("cnn-fast-1", "test_accuracy", 0.95)]


@pytest.mark.parametrize("damage", [b"", b"this is no database, not at all" * 100, None, "schema", "flip"])
def test_a_damaged_index_is_rebuilt_silently(store: RunStore, damage: bytes | str | None) -> None:
    for chapter in ("cnn", "mlp"):
        make(store, chapter, test_accuracy=0.5)
    listed, good, path = store.list(), dump(store), store.root / index.FILE
    if damage is None:
        path.unlink()
    elif damage == "schema":
        path.unlink()
        with sqlite3.connect(path) as base:
            base.execute("create table runs (something text)")
        base.close()
    elif damage == "flip":
        data = bytearray(path.read_bytes())
        data[100:] = bytes(len(data) - 100)
        path.write_bytes(data)
    else:
        path.write_bytes(damage)  # type: ignore[arg-type]
    assert store.list() == listed
    assert dump(store) == good


def test_runs_are_listed_where_no_index_can_be_written(store: RunStore) -> None:
    make(store)
    (store.root / index.FILE).mkdir()  # nothing can be opened there, not even by root
    assert [entry.name for entry in store.list()] == ["cnn-fast-1"]


def test_an_index_that_somebody_holds(store: RunStore) -> None:
    make(store)
    store.list()
    make(store, "mlp")
    holder = sqlite3.connect(store.root / index.FILE, isolation_level=None, check_same_thread=False)
    holder.execute("begin immediate")
    release = threading.Timer(0.3, holder.execute, ("commit",))
    release.start()
    assert len(store.list()) == 2  # waits, and is not refused
    release.join()
    holder.close()
    assert len(dump(store)[0]) == 2


def _write_events(root: Path, name: str, who: int, count: int) -> None:
    store, run = RunStore(root), Run(root / name)
    for number in range(count):
        run.append({"event": "Step", "step": number, "who": who, "text": "字" * (number % 50)})
        if number % 500 == 0:
            store.list()  # readers and writers of the index at the same time


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.long)])
def test_eight_processes_write_events(store: RunStore, count: int) -> None:
    run = make(store)
    shared = (store.root, run.name)
    workers = [fork.Process(target=_write_events, args=(*shared, who, count)) for who in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 8
    events = list(run.events())
    assert len(events) == 8 * count
    for who in range(8):
        assert [event["step"] for event in events if event["who"] == who] == list(range(count))
    listed, old = store.list(), dump(store)
    assert listed[0].events == 8 * count
    index.forget(store.root)
    assert store.list() == listed and dump(store) == old


def test_a_foreign_folder_with_odd_values_is_only_odd(store: RunStore) -> None:
    run = make(store)
    run.write_recipe({"chapter": ["?"], "seed": {"a": 1}})
    run.write_results({"metrics": ["no"], "parameters": "many", "train_seconds": None})
    (run.path / "events.jsonl").write_text('{"event": "Step", "time": "noon"}\n[1]\n"x"\n{"event": 3}\n')
    (entry,) = store.list()
    assert (entry.events, entry.seed, entry.parameters, entry.metrics) == (4, 0, None, {})
