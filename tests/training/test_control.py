"""What a listener may change while a training runs; and that nothing changes as long as nobody does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tongsu.recipes import CHAPTERS
from tongsu.runs.store import RunStore
from tongsu.training import checkpoint, loop
from tongsu.training.build import complete
from tongsu.training.control import Control
from tongsu.training.events import FrameSaved, Step


def begin(folder: Path, data, chapter: str = "mlp", control: Control | None = None, **changes):
    small = {"gan": {"width": 4}, "mlp": {"hidden": [8]}}[chapter]
    recipe = replace(CHAPTERS[chapter]["reference"](), epochs=2, batch_size=16, frames=2, model_args=small, **changes)
    recipe = complete(recipe, data)
    run = RunStore(folder).create(chapter, "reference")
    run.write_recipe(recipe.to_dict())
    return run, loop.train(recipe, run, data, control=control)


def test_watched_closely_every_update_is_told_and_kept(tmp_path, made_images):
    control = Control(closely=True)
    run, events = begin(tmp_path, made_images, control=control)
    told = list(events)
    steps = [event.step for event in told if isinstance(event, Step)]
    total = told[-1].step
    assert steps == list(range(1, total + 1))
    assert [event.step for event in told if isinstance(event, FrameSaved)] == steps
    assert [step for step, _ in run.frames()] == [0, *steps]


def test_watching_closely_and_standing_still_change_nothing_of_what_is_learned(tmp_path, made_images):
    plain, events = begin(tmp_path, made_images)
    list(events)
    control = Control()
    watched, events = begin(tmp_path, made_images, control=control)
    for count, _ in enumerate(events):
        control.closely = count < 9
        control.waited += 0.5
    a, b = checkpoint.load(plain), checkpoint.load(watched)
    for name, value in a.model.items():
        assert torch.equal(value, b.model[name]), name
    assert {step for step, _ in plain.frames()} < {step for step, _ in watched.frames()}


def test_the_rate_is_the_recipes_times_the_factor(tmp_path, made_images):
    """One SGD step without momentum moves each weight by rate · gradient: a factor of 3 moves it three times as far."""

    def first_move(factor: float) -> dict[str, torch.Tensor]:
        sgd = {"optimizer": "sgd", "optimizer_args": {"momentum": 0.0}, "lr": 0.01}
        control = Control(closely=True, rate=factor)
        run, events = begin(tmp_path, made_images, control=control, **sgd)
        step = next(event for event in events if isinstance(event, Step))
        assert step.lr == pytest.approx(0.01 * factor)
        events.close()
        before, after = (checkpoint.load_frame(run, at) for at in (0, 1))
        return {name: after[name].double() - before[name].double() for name in before}

    one, three = first_move(1.0), first_move(3.0)
    for name, moved in one.items():
        assert torch.allclose(3 * moved, three[name], atol=2e-7), name


@pytest.mark.parametrize("part", ["discriminator", "generator"])
def test_only_the_named_part_of_the_game_learns(tmp_path, made_images, part):
    control = Control(closely=True, parts=(part,))
    run, events = begin(tmp_path, made_images, "gan", control=control)
    seen = 0
    for event in events:
        if isinstance(event, Step):
            seen += 1
            if seen == 3:
                control.parts = None  # and then both again
            if seen == 4:
                break
    events.close()
    frames = [checkpoint.load_frame(run, step) for step in (0, 3, 4)]

    def moved(at: int, name: str) -> bool:
        learned = [key for key in frames[0] if key.startswith(name) and "running" not in key and "num_b" not in key]
        return any(not torch.equal(frames[at][key], frames[at + 1][key]) for key in learned)

    other = {"discriminator": "generator", "generator": "discriminator"}[part]
    assert moved(0, part) and not moved(0, other)
    assert moved(1, part) and moved(1, other)


def test_time_in_which_nobody_asked_is_no_training_time(tmp_path, made_images):
    control = Control(closely=True)
    _, events = begin(tmp_path, made_images, control=control)
    told = []
    for event in events:
        told.append(event)
        if isinstance(event, Step) and event.step == 2:
            control.waited += 1000.0  # as if a person had thought for a while
    after = [event.seconds for event in told if isinstance(event, Step) and event.step > 2]
    assert after and max(after) < 0  # a thousand seconds less than the clock says
