"""Models at hand: the right weights for every frame, bounded, one request at a time, and never older than the file."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from tongsu.errors import Problem
from tongsu.runs.store import Run, RunStore
from tongsu.session import prepare
from tongsu.studio.answers import Answers, Shelf
from tongsu.training import checkpoint


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    few = ("hidden=16", "examples=400", "batch_size=32", "frames=6", "dropout=0")
    session = prepare("mlp", "quick", "digits", few, store=RunStore(tmp_path_factory.mktemp("runs")))
    list(session.events())
    return session.run


def by_hand(file: Path, x: np.ndarray) -> np.ndarray:
    """The net in float64 from its weights, (N, 10)."""
    weights = {name: value.astype(np.float64) for name, value in load_file(file).items()}
    matrices = [name.removesuffix(".weight") for name in weights if name.endswith(".weight")]
    for name in matrices:
        x = x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
        x = np.maximum(x, 0) if name != matrices[-1] else x
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def test_every_frame_answers_with_its_own_weights(run):
    answers = Answers()
    x = torch.randn(5, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    for _ in range(2):  # from the files, and from memory
        for step, file in run.frames():
            with answers.model(run, step) as (learned, frame):
                assert frame == step
                found = learned.probabilities(x).numpy()
            np.testing.assert_allclose(found, by_hand(file, x.flatten(1).double().numpy()), atol=1e-5)
    with answers.model(run) as (learned, frame):
        assert frame is None
        found = learned.probabilities(x).numpy()
    np.testing.assert_allclose(found, by_hand(run.weights, x.flatten(1).double().numpy()), atol=1e-5)


def test_no_weights_yet_the_newest_frame_answers(run, tmp_path):
    young = Run(tmp_path / "young")
    (young.path / "frames").mkdir(parents=True)
    for name in ("recipe.json", "preprocessing.json", "environment.json"):
        (young.path / name).write_bytes((run.path / name).read_bytes())
    with pytest.raises(Problem) as problem, Answers().model(young):
        pass
    assert problem.value.kind == "nothing-learned"
    steps = [step for step, _ in run.frames()]
    for step in steps[:3]:
        checkpoint.save_frame(young, step, checkpoint.load_frame(run, step))
    answers = Answers()
    with answers.model(young) as (_, frame):
        assert frame == steps[2]


def test_a_file_that_changed_is_read_anew(run, tmp_path):
    answers, other = Answers(), Run(tmp_path / "other")
    (other.path / "frames").mkdir(parents=True)
    for name in ("recipe.json", "preprocessing.json"):
        (other.path / name).write_bytes((run.path / name).read_bytes())
    first, last = run.frames()[0][0], run.frames()[-1][0]
    checkpoint.save_frame(other, 7, checkpoint.load_frame(run, first))
    with answers.model(other, 7) as (learned, _):
        before = learned.model.state_dict()
    checkpoint.save_frame(other, 7, checkpoint.load_frame(run, last))
    with answers.model(other, 7) as (learned, _):
        after = learned.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in checkpoint.load_frame(run, last).items())
    assert any(not torch.equal(value, after[name]) for name, value in before.items())


def test_an_unknown_frame_is_refused(run):
    with pytest.raises(Problem) as problem, Answers().model(run, 123456):
        pass
    assert problem.value.kind == "no-frame"


def test_the_shelf_is_bounded_and_keeps_what_was_asked_last():
    made: list[int] = []

    def make(number: int) -> int:
        made.append(number)
        return number

    shelf: Shelf[int] = Shelf(3, lambda _: 1)
    for number in (1, 2, 3, 1, 4, 1, 2):
        assert shelf.get(number, lambda n=number: make(n)) == number
    assert list(shelf.things) == [4, 1, 2]
    assert made == [1, 2, 3, 4, 2]  # 2 had to go, 1 never


def test_large_models_push_others_out(run):
    one = Answers()
    with one.model(run) as (learned, _):
        size = sum(v.numel() * v.element_size() for v in learned.model.state_dict().values())
    small = Answers(room=2.5 * size)
    for step, _ in run.frames():
        with small.model(run, step):
            pass
    assert len(small.models.things) == 2


def test_nobody_else_has_the_model_meanwhile(run):
    answers, order = Answers(), []

    def use(name: str) -> None:
        with answers.model(run):
            order.append((name, "in"))
            time.sleep(0.05)
            order.append((name, "out"))

    threads = [threading.Thread(target=use, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [what for _, what in order] == ["in", "out"] * 3
    assert all(a[0] == b[0] for a, b in zip(order[::2], order[1::2], strict=True))


def test_data_that_are_no_longer_the_same_are_refused(run):
    answers = Answers()
    with answers.model(run) as (learned, _):
        assert len(answers.dataset(learned).test) == 40
        assert answers.dataset(learned) is answers.dataset(learned)
        other = {**learned.recipe.data_args, "data_seed": 5}
        changed = replace(learned, recipe=replace(learned.recipe, data_args=other))
        with pytest.raises(Problem) as problem:
            answers.dataset(changed)
    assert problem.value.kind == "data-changed"


