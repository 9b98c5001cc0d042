"""Tongsu through its public interface: a session, its events, the run folder and all that a person gets.

    .venv/bin/python benchmarks/speed/tongsu_script.py lstm --preset fast --seed 0

What is measured after each epoch is the test data, as for everybody: they take the place of the validation data, which
nothing in these presets learns or chooses from. Their time is taken out by the events' own clock.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace

import measuring

asked = measuring.arguments(own=["preset", "data", "share"])
clock = measuring.Clock(asked)
with clock.importing():
    import tongsu  # first, as the command does it: it settles how threads wait before torch starts them

    import torch  # isort: skip
    from tongsu.data.dataset import Split
    from tongsu.runs.store import RunStore
    from tongsu.session import Session, prepare
    from tongsu.training.events import Evaluated, Step

NETS = {"simple-rnn": ("rnn", ["cell=simple"]), "lstm": ("rnn", ["cell=lstm"])}


def session(folder: str) -> Session:
    """The preset's own training; of a share of the data, and with the test data in the place of validation."""
    chapter, changes = NETS.get(asked.net, (asked.net, []))
    changes = [*changes, f"seed={asked.seed}", *([f"epochs={asked.epochs}"] if asked.epochs else [])]
    prepared = prepare(chapter, asked.preset or "fast", asked.data, changes, store=RunStore(folder))
    recipe, dataset = prepared.recipe, prepared.dataset
    if asked.data:  # a trial; on little data the best epoch would be kept
        recipe = replace(recipe, restore_best=False)
    if recipe.patience or recipe.restore_best:
        raise SystemExit("this preset chooses by validation data, so the test data cannot take their place")
    count = round(len(dataset.train) * float(asked.share or 1))
    train = Split(dataset.train.inputs[:count], dataset.train.targets[:count])
    return replace(prepared, recipe=recipe, dataset=replace(dataset, train=train, validation=dataset.test))


def train(prepared: Session) -> None:
    """Pure training at the end of epoch k = all time so far, less what was spent measuring.

    `seconds` of an event counts from a moment `began` inside the loop; each `Step` tells when that was, to less than
    a millisecond, as what lies between its clock and its arrival here can only make `began` later, which lengthens
    our time and never shortens it.
    """
    clock.run()
    zero, began, measuring_took = clock.since, float("inf"), 0.0
    for event in prepared.events(asked.device):
        now = measuring.time.perf_counter()
        if isinstance(event, Step):
            began = min(began, now - event.seconds)
            clock.start_seconds = clock.start_seconds or measuring.since_shell()  # or a report later
            clock.steps, clock.seconds = event.step, now - zero - measuring_took
            if event.step >= measuring.WARM and not clock.warm_seconds:
                clock.warm_seconds, clock.warm_steps = clock.seconds, event.step
            if not clock.epochs:
                clock.memory = measuring.peak_memory()
            if asked.steps and event.step >= asked.steps:
                break
        elif isinstance(event, Evaluated):
            began = min(began, now - event.seconds)
            clock.start_seconds = clock.start_seconds or measuring.since_shell()
            measuring_took += now - began - event.seconds
            clock.steps, clock.seconds = event.step, now - zero - measuring_took
            quality = event.validation.get("frechet_distance", event.validation.get("accuracy"))
            clock.epochs.append({"epoch": event.epoch, "seconds": clock.seconds, "quality": quality})
            if event.epoch == prepared.recipe.epochs:
                break  # what follows would only measure the test data again


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        prepared = session(folder)
        train(prepared)
    clock.tell(recipe=prepared.recipe.to_dict(), examples=len(prepared.dataset.train),
               versions={"tongsu": tongsu.__version__, "torch": torch.__version__})  # fmt: skip
