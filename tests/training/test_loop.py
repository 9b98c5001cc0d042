"""Every chapter: what the events say, stopping anywhere and going on bit for bit, what stops a training by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tongsu.errors import Failure
from tongsu.models import MODELS
from tongsu.recipes import CHAPTERS
from tongsu.runs.store import Run, RunStore
from tongsu.training import checkpoint, loop
from tongsu.training.build import build_model, complete
from tongsu.training.events import CheckpointSaved, Evaluated, Finished, FrameSaved, Started, Step, Stopped
from tongsu.training.recipe import Recipe

SMALL = {"rnn": {"embedding": 8, "hidden": 6, "dense": 4, "bidirectional": True}, "gan": {"width": 4},
         "transformer": {"width": 8, "heads": 2, "feedforward": 8}, "resnet": {"width": 4},
         "cnn": {"filters": [4, 4], "dense": 8}}  # fmt: skip


# Where no GPU is, its half is skipped and says so.
ON_DEVICES = pytest.mark.parametrize(
    "device",
    ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"))],
)


def small(chapter: str, data, **changes) -> Recipe:
    recipe = replace(CHAPTERS[chapter]["fast"](), epochs=2, batch_size=16, frames=4, lengths=(), **changes)
    args = {**recipe.model_args, **SMALL.get(chapter, {})}
    return complete(replace(recipe, model_args=args), data)


def data_of(chapter: str, request) -> object:
    text = chapter in ("rnn", "transformer")
    return request.getfixturevalue("made_sentences" if text else "made_images")


def new_run(folder: Path, recipe: Recipe) -> Run:
    run = RunStore(folder).create(recipe.chapter, recipe.preset)
    run.write_recipe(recipe.to_dict())
    return run


@pytest.fixture(autouse=True)
def report_every_step(monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)


@ON_DEVICES
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_interrupted_and_resumed_equals_uninterrupted_bit_for_bit(chapter, device, tmp_path, request):
    data = data_of(chapter, request)
    recipe = small(chapter, data, average=0.9, deterministic=device == "cuda")
    whole = new_run(tmp_path, recipe)
    expected = list(loop.train(recipe, whole, data, device=device))

    parts = new_run(tmp_path, recipe)
    for again, stop_at in enumerate((5, 17)):  # the middle of the first epoch, the middle of the second
        events = loop.train(recipe, parts, data, device=device, resume=bool(again))
        for event in events:
            if isinstance(event, Step) and event.step >= stop_at:
                break
        events.close()
        torch.randn(7, device=device)  # whatever happens in between
    last = list(loop.train(recipe, parts, data, device=device, resume=True))[-1]

    a, b = checkpoint.load(whole), checkpoint.load(parts)
    for name in a.model:
        assert torch.equal(a.model[name], b.model[name]), name
        assert torch.equal(a.average[name], b.average[name]), name
    assert bool(a.losses) == (recipe.hardest < 1) and a.losses.keys() == b.losses.keys()
    assert all(torch.equal(a.losses[name], b.losses[name]) for name in a.losses)
    for part in a.optimizers:
        for index, state in a.optimizers[part]["state"].items():
            for key, value in state.items():
                assert torch.equal(value, b.optimizers[part]["state"][index][key]), (part, index, key)
    assert isinstance(last, Finished) and last.metrics == expected[-1].metrics
    histories = [run.results()["history"] for run in (whole, parts)]
    for one, other in zip(*histories, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_the_first_layer_is_frozen_from_its_step_on(tmp_path, made_images):
    recipe = replace(small("cnn", made_images, average=0.0), hardest=1.0, freeze=0.5, frames=100)
    run = new_run(tmp_path, recipe)
    started = list(loop.train(recipe, run, made_images))[0]
    total = started.steps
    assert run.results()["parameters"] == started.parameters == sum(p.numel() for p in build_model(recipe).parameters())
    frames = [checkpoint.load_frame(run, step) for step in range(total + 1)]
    for step, (one, other) in enumerate(zip(frames, frames[1:], strict=False)):
        stays = {name for name in one if torch.equal(one[name], other[name])}
        assert stays == ({"convolutions.0.weight", "convolutions.0.bias"} if step >= total / 2 else set()), step


def test_a_training_that_goes_on_with_other_examples_forgets_their_losses(tmp_path, made_images):
    recipe = replace(small("mlp", made_images, average=0.0), hardest=0.5, epochs=3)
    run = new_run(tmp_path, recipe)
    events = loop.train(recipe, run, made_images)
    next(event for event in events if isinstance(event, Evaluated))
    events.close()
    train = made_images.train
    fewer = replace(made_images, train=replace(train, inputs=train.inputs[:-16], targets=train.targets[:-16]))
    assert isinstance(list(loop.train(recipe, run, fewer, resume=True))[-1], Finished)


@ON_DEVICES
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_training_learns_and_tells(chapter, device, tmp_path, request):
    data = data_of(chapter, request)
    recipe = replace(small(chapter, data, lr=1e-2), epochs=6, average=0.0, hardest=1.0)
    run = new_run(tmp_path, recipe)
    events = list(loop.train(recipe, run, data, device=device))
    assert isinstance(events[0], Started) and isinstance(events[-1], Finished)
    assert events[0].device.startswith(device)
    steps = [event for event in events if isinstance(event, Step)]
    assert [event.step for event in steps] == list(range(1, events[0].steps + 1))
    epochs = [event for event in events if isinstance(event, Evaluated)]
    assert [event.epoch for event in epochs] == list(range(1, 7))
    if recipe.task == "classify":
        assert epochs[-1].train["loss"] < 0.9 * epochs[0].train["loss"]
    frames = [event.step for event in events if isinstance(event, FrameSaved)]
    assert [step for step, _ in run.frames()] == [0, *frames] and frames[-1] == events[0].steps
    assert [line["event"] for line in run.events()] == [type(event).__name__ for event in events]
    model = build_model(Recipe.from_dict(run.recipe()))
    model.load_state_dict(checkpoint.load_weights(run))  # wherever they were learned, they are read on a CPU


@ON_DEVICES
@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_model_answers_the_same_on_every_device(chapter, device, monkeypatch, request):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)  # 10 bits of mantissa in a convolution otherwise
    data = data_of(chapter, request)
    torch.manual_seed(0)
    model = build_model(small(chapter, data)).double().eval()
    if chapter == "gan":
        inputs = torch.randn(8, model.noise, dtype=torch.float64)
    else:
        inputs = data.preprocessing.scale(data.test.inputs[:8])
        inputs = inputs.double() if inputs.is_floating_point() else inputs
    expected = model(inputs)
    answer = model.float().to(device)((inputs.float() if inputs.is_floating_point() else inputs).to(device)).cpu()
    torch.testing.assert_close(answer.double(), expected, rtol=1e-4, atol=1e-5)


def test_measuring_does_not_change_the_training(tmp_path, made_images):
    """More or fewer reports, frames and evaluations: the same weights."""
    recipe = small("cnn", made_images)
    ends = []
    for every, frames in ((0.0, 16), (1e9, 0)):
        loop.REPORT_EVERY = every
        run = new_run(tmp_path, replace(recipe, frames=frames))
        list(loop.train(replace(recipe, frames=frames), run, made_images))
        ends.append(checkpoint.load_weights(run))
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_the_seed_decides(tmp_path, made_images):
    traces = []
    for seed in (0, 0, 1):
        recipe = small("mlp", made_images, seed=seed)
        events = loop.train(recipe, new_run(tmp_path, recipe), made_images)
        traces.append([event.measures["loss"] for event in events if isinstance(event, Step)])
    assert traces[0] == traces[1] != traces[2]


def test_a_loss_that_explodes_ends_with_the_step_and_the_last_good_checkpoint(tmp_path, made_images):
    recipe = small("mlp", made_images, lr=1e18)
    run = new_run(tmp_path, recipe)
    with pytest.raises(Failure) as failure:
        list(loop.train(recipe, run, made_images))
    assert failure.value.kind == "not-finite" and failure.value.exit_code == 1
    assert all(torch.isfinite(v).all() for s in checkpoint.steps(run) for v in checkpoint.load(run, s).model.values())


def test_early_stopping_keeps_the_best_epoch(tmp_path, made_images):
    recipe = small("mlp", made_images, patience=2, restore_best=True, monitor="val_accuracy", lr=1e-9)
    recipe = replace(recipe, epochs=9)
    run = new_run(tmp_path, recipe)
    events = list(loop.train(recipe, run, made_images))
    # Nothing improves at this learning rate: the first epoch is the best, two more are waited for.
    assert [e.epoch for e in events if isinstance(e, Evaluated)] == [1, 2, 3]
    assert any(isinstance(e, Stopped) and e.reason == "early" for e in events)
    best = checkpoint.load(run, "best").model
    final = checkpoint.load_weights(run)
    assert all(torch.equal(best[name], final[name]) for name in best)
    assert checkpoint.load(run, "best").progress["step"] == 12


def test_checkpoints_come_by_time(tmp_path, made_images, monkeypatch):
    monkeypatch.setattr(loop, "CHECKPOINT_EVERY", 0.0)
    recipe = small("mlp", made_images)
    events = list(loop.train(recipe, new_run(tmp_path, recipe), made_images))
    assert sum(isinstance(event, CheckpointSaved) for event in events) == events[0].steps


def test_frames_are_log_spaced():
    assert loop.frame_steps(1000, 0) == set()
    steps = sorted(loop.frame_steps(1000, 8))
    assert steps[0] == 0 and steps[-1] == 1000 and len(steps) == 8
    gaps = [b - a for a, b in zip(steps, steps[1:], strict=False)]
    assert gaps == sorted(gaps)


def test_every_model_of_the_catalogue_is_taught_by_some_chapter_or_named_as_a_variant():
    taught = {preset().model for presets in CHAPTERS.values() for preset in presets.values()}
    assert taught <= set(MODELS) and set(MODELS) - taught == {"lenet5", "vgg", "resnet", "efficientnet-lite", "minilm"}


