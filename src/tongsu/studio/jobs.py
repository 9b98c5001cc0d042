"""Trainings as processes of their own: begun here, asked here, and found again by whichever studio comes next."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from tongsu.errors import Problem
from tongsu.locale import language
from tongsu.recipes.choose import choose
from tongsu.runs.run import Status
from tongsu.runs.store import NAME, Run, RunStore
from tongsu.studio.channel import BUSY, FOLDER, STARTING, Channel, State

PATIENCE = 3.0  # seconds to wait for a command to be carried out; long steps take longer
PARTS = ("discriminator", "generator")


@dataclass
class Jobs:
    store: RunStore
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, name: str) -> Run:
        """A run of this folder by its name, `last` or `best:CHAPTER`; never a path."""
        if not self.named(name.removeprefix("best:")):
            raise Problem("studio.no_run", run=name)
        run = self.store.find(name)
        if run.path.parent != self.store.root:
            raise Problem("studio.no_run", run=name)
        return run

    @staticmethod
    def named(name: str) -> bool:
        """Whether it can be a run's name: no path, nothing hidden."""
        return NAME.fullmatch(name) is not None

    def start(
        self, chapter: str, preset: str, data: str | None, changes: dict[str, Any], *, name: str | None = None,
        device: str = "auto",
    ) -> Run:  # fmt: skip
        """Begin a training. What is wrong with the recipe is said at once; the data are loaded by the process, and
        until then the run is an empty folder that nobody else can have."""
        recipe = choose(chapter, preset, data, pairs(changes))
        check_device(device)
        run = self.store.create(chapter, preset, name)
        self.launch(run, {
            "resume": False, "chapter": chapter, "preset": preset, "data": recipe.data,
            "changes": pairs(changes), "device": device,
        })  # fmt: skip
        return run

    def resume(self, run: Run, changes: dict[str, Any], *, force: bool = False, device: str = "auto") -> None:
        """Go on from the last checkpoint. Raises Problem while somebody trains it."""
        check_device(device)
        with self.lock:  # a second click
            if self.status(run) == "training":
                raise Problem("studio.in_training", run=run.name)
            self.launch(run, {"resume": True, "changes": pairs(changes), "force": force, "device": device})

    def launch(self, run: Run, request: dict[str, Any]) -> None:
        channel = Channel.of(run)
        about = {"runs": str(self.store.root.absolute()), "run": run.name, **request}
        if not begin(channel, "tongsu.studio.worker", about, self.children):
            channel.tell(self.died(run, State("preparing", begun=True)))
            self.sweep()

    def state(self, run: Run, fresh: bool = True) -> dict[str, Any] | None:
        """What a page is told of a run's training process; None: the studio never had one. `fresh`: at the step of
        the last event, which whoever reads the events knows by himself."""
        channel = Channel.of(run)
        if channel.state() is None:
            return None
        alive = channel.alive()  # asked before the state that is shown: a process that ends in between has said so
        said = channel.state()
        if said is None:
            return None
        if said.state in BUSY and not alive:
            said = self.died(run, said)
        shown = {name: getattr(said, name) for name in ("state", "step", "lr", "parts", "error")}
        if fresh and said.state == "running":
            shown["step"] = max(said.step, (run.last_event() or {}).get("step", 0))
        return {**shown, "alive": alive}

    @staticmethod
    def died(run: Run, said: State) -> State:
        """The last words that a process should have said."""
        problem = Problem("studio.died", run=run.name, log=Channel.of(run).log)
        error = {"kind": problem.kind, "message": problem.message, "hint": problem.hint}
        return replace(said, state="failed", error=error)

    def sweep(self) -> None:
        """Empty folders that a killed process had claimed, and channels of runs that are gone."""
        for path in (self.store.root / FOLDER).glob("*"):
            run = Run(self.store.root / path.name)
            if path.is_dir() and not Channel(path).alive():
                with suppress(OSError):
                    run.path.rmdir()
                if not run.path.exists() and (Channel(path).state() or State("failed")).state != "failed":
                    Channel(path).close()

    def status(self, run: Run, said: Status | None = None) -> Status:
        """The run's own status, corrected by what is known of its process: one that lives trains, and after the last
        word of one that does not live nobody trains, unless events came later (from a terminal)."""
        state, status = self.state(run, fresh=False), said or run.status
        if state is None:
            return status
        if state["alive"] and state["state"] in BUSY:
            return "training"
        over = (run.last_event() or {}).get("time", 0.0) <= Channel.of(run).told_at() + 1
        return "interrupted" if status == "training" and (over or self.lost(run)) else status

    @staticmethod
    def lost(run: Run) -> bool:
        """Whether its process ended without a word."""
        said = Channel.of(run).state()
        return said is not None and said.state in BUSY

    def watched(self, name: str) -> Run:
        """Like `find`, and also a run whose data are still being loaded, or could not be."""
        try:
            return self.find(name)
        except Problem:
            run = Run(self.store.root / name)
            if self.named(name) and Channel.of(run).state() is not None:
                return run
            raise

    def living(self) -> list[Run]:
        """The runs that have a process now, in whichever studio they were begun."""
        folders = sorted(path for path in (self.store.root / FOLDER).glob("*") if path.is_dir())
        return [Run(self.store.root / path.name) for path in folders if Channel(path).alive()]

    def command(self, run: Run, command: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """Ask the process; its state, and whether it has obeyed. Raises Problem when there is none."""
        channel, state = Channel.of(run), self.state(run)
        if state is None or not state["alive"] or state["state"] not in BUSY:
            raise Problem("studio.not_training", run=run.name)
        self.check(run, command)
        if state["state"] == "preparing" and command["do"] == "stop":
            self.terminate(run)
        number = channel.ask(command)
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            said = channel.state()
            if said and (said.obeyed >= number or said.state not in BUSY) or not channel.alive():
                return self.state(run) or state, True
            time.sleep(0.01)
        return self.state(run) or state, False

    def terminate(self, run: Run) -> None:
        """Stop a process that is not yet training, and so reads no commands."""
        for child in self.children:
            if child.poll() is None and str(Channel.of(run).path) in child.args:  # type: ignore[operator]
                child.terminate()

    def check(self, run: Run, command: dict[str, Any]) -> None:
        lr, parts = command.get("lr"), command.get("parts")
        if lr is not None and not (math.isfinite(lr) and lr > 0):
            raise Problem("studio.bad_rate", lr=lr)
        if parts is not None and (not parts or not set(parts) <= set(PARTS) or run.recipe()["task"] != "gan"):
            raise Problem("studio.bad_parts", parts=", ".join(parts) or "–", known=", ".join(PARTS))

    def remove(self, run: Run) -> None:
        if self.status(run) == "training":
            raise Problem("runs.in_training", run=run.name)
        if run.path.exists():  # or its data could not be loaded, and all there is is the message
            self.store.remove(run)
        Channel.of(run).close()


def begin(channel: Channel, module: str, request: dict[str, Any], children: list[subprocess.Popen[bytes]]) -> bool:
    """Start `python -m module FOLDER`, a process that speaks through this channel and goes on when the studio ends; it
    joins `children`. Whether its first word was heard; if not, it is dead."""
    channel.open(request)
    channel.tell(State("preparing"))
    options: dict[str, Any] = {"start_new_session": True}  # Ctrl-C in the studio's terminal is not meant for it
    if os.name == "nt":
        options = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}  # type: ignore[attr-defined]
    with channel.log.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", module, str(channel.path)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env={**os.environ, "TONGSU_LANG": language()},
            **options,
        )  # fmt: skip
    children[:] = [other for other in children if other.poll() is None] + [child]

    def begun() -> bool:
        said = channel.state()
        return said is not None and said.begun

    end = time.monotonic() + STARTING
    while child.poll() is None and time.monotonic() < end and not begun():
        time.sleep(0.01)
    if begun():
        return True
    child.kill()
    child.wait()
    channel.tell(State("preparing", begun=True))
    return False


def pairs(changes: dict[str, Any]) -> list[str]:
    """As the command line has them: key=value."""
    return [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in changes.items()]


def check_device(device: str) -> None:
    from tongsu.training.device import pick_device

    pick_device(device)
