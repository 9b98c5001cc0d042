"""One training as a process of its own: `python -m tongsu.studio.worker FOLDER`, the folder of its channel.

It consumes the training's events and carries out commands between two of them. Pausing is not asking for the next
event. What a page shows comes from the run's folder, so nothing here waits for a page.
"""

from __future__ import annotations

import signal
import sys
import time
import traceback
from collections.abc import Generator
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tongsu.studio.channel import Channel, Condition, State

if TYPE_CHECKING:
    from tongsu.errors import Problem
    from tongsu.runs.store import Run
    from tongsu.session import Session
    from tongsu.training.control import Control
    from tongsu.training.events import Event

PATIENCE = 0.02  # seconds between two looks at the commands while a training stands still


class Interrupted(BaseException):
    """SIGTERM before the training began: nothing is there that would have to be saved."""


class Worker:
    """`left`: the updates to take before standing still; it counts only while the training is watched closely."""

    def __init__(self, channel: Channel) -> None:
        self.channel, self.said = channel, State("preparing", begun=True)
        self.position, self.asked, self.left, self.stopping, self.begun = 0, 0, 0, False, False

    def work(self) -> None:
        request = self.channel.request()
        signal.signal(signal.SIGTERM, lambda *_: self.terminate())
        self.channel.tell(self.said)
        from tongsu.errors import Problem
        from tongsu.runs.store import Run
        from tongsu.session import environment

        run = Run(Path(request["runs"]) / request["run"])
        try:
            session = prepare(request, run)
            run.write_environment({**environment(), "arguments": ["studio", run.name]})
            self.train(session, request["device"])
        except Interrupted:
            self.say("stopped")
        except Problem as problem:
            self.fail(problem)
        except Exception as error:
            traceback.print_exc()
            self.fail(Problem("studio.crashed", reason=error, log=self.channel.log))
        finally:
            with suppress(OSError):
                run.path.rmdir()  # claimed, and nothing came of it

    def terminate(self) -> None:
        self.stopping = True
        if not self.begun:
            raise Interrupted

    def say(self, state: Condition, **values: Any) -> None:
        self.said = replace(self.said, state=state, **values)
        self.channel.tell(self.said)

    def fail(self, problem: Problem) -> None:
        self.say("failed", error={"kind": problem.kind, "message": problem.message, "hint": problem.hint})

    def train(self, session: Session, device: str) -> None:
        from tongsu.illustrate import illustrate
        from tongsu.learned import Learned
        from tongsu.training.control import Control
        from tongsu.training.events import Finished

        control = Control()
        self.remember(session.run, session.recipe.lr, control)
        self.begun = True
        self.say("running")
        finished = self.follow(session.events(device, control), control, session)
        if not finished:
            saved = session.run.timeline()[-1]  # closing saved later than the last report
            self.say("stopped", step=saved["step"], obeyed=self.asked)
            return
        assert isinstance(finished, Finished)
        illustrate(Learned.load(session.run), session.dataset)
        self.say("finished", step=finished.step, obeyed=self.asked)

    def follow(self, events: Generator[Event, None, None], control: Control, session: Session) -> Event | None:
        """The last event, or None when somebody asked to stop (everything is saved then)."""
        from tongsu.training.events import Finished, Started, Step

        with closing(events):
            for event in events:
                if isinstance(event, Finished):
                    return event
                if isinstance(event, Step):
                    self.said = replace(self.said, step=event.step)
                watched = control.closely
                self.obey(control, session)
                if isinstance(event, Step) and watched and control.closely:
                    self.left -= 1
                    if self.left <= 0 and not self.stopping:
                        self.wait(control, session)
                elif self.asked != self.said.obeyed and not control.closely and not self.stopping:
                    self.say("running", obeyed=self.asked)
                if self.stopping and not isinstance(event, Started):  # which is told before there is something to save
                    self.say("stopping", obeyed=self.asked)
                    return None
        return None

    def wait(self, control: Control, session: Session) -> None:
        """Stand still until there is something to do."""
        began = time.perf_counter()
        self.say("paused", obeyed=self.asked)
        while self.left <= 0 and control.closely and not self.stopping:
            time.sleep(PATIENCE)
            self.obey(control, session)
            if self.left <= 0 and control.closely and not self.stopping and self.asked != self.said.obeyed:
                self.say("paused", obeyed=self.asked)
        control.waited += time.perf_counter() - began
        if not control.closely and not self.stopping:
            self.say("running", obeyed=self.asked)

    def obey(self, control: Control, session: Session) -> None:
        """Carry out what was asked since the last look."""
        commands, self.position = self.channel.commands(self.position)
        for command in commands:
            self.asked += 1
            match command["do"]:
                case "pause" if not control.closely:
                    control.closely, self.left = True, 1  # one more update, of which a frame is kept
                case "step":
                    self.left = (max(self.left, 0) if control.closely else 0) + command["count"]
                    control.closely = True
                case "continue":
                    control.closely, self.left = False, 0
                case "stop":
                    self.stopping = True
                case "set":
                    self.change(command, control, session)

    def change(self, command: dict[str, Any], control: Control, session: Session) -> None:
        """Another rate, or other parts that learn. The run's events keep it, so that a resume goes on with it."""
        if "lr" in command:
            self.said = replace(self.said, lr=command["lr"])
        if "parts" in command:
            parts = command["parts"]
            self.said = replace(self.said, parts=None if parts is None else tuple(parts))
        apply(self.said, session.recipe.lr, control)
        session.run.append(
            {"event": "Control", "step": self.said.step, "lr": self.said.lr, "parts": self.said.parts}
        )  # fmt: skip

    def remember(self, run: Run, lr: float, control: Control) -> None:
        """What a person had changed before the training was stopped."""
        for event in run.timeline():
            if event["event"] == "Control":
                parts = event["parts"]
                self.said = replace(self.said, lr=event["lr"], parts=None if parts is None else tuple(parts))
            self.said = replace(self.said, step=event.get("step", self.said.step))
        apply(self.said, lr, control)


def apply(said: State, lr: float, control: Control) -> None:
    control.rate = 1.0 if said.lr is None else said.lr / lr
    control.parts = said.parts


def prepare(request: dict[str, Any], run: Run) -> Session:
    from tongsu import session
    from tongsu.runs.store import RunStore

    if request["resume"]:
        return session.resume(
            run.name, None, request["changes"], force=request["force"], store=RunStore(run.path.parent)
        )  # fmt: skip
    return session.prepare(request["chapter"], request["preset"], request["data"], request["changes"], run=run)


def main() -> None:
    channel = Channel(Path(sys.argv[1]))
    with channel.living():
        Worker(channel).work()


if __name__ == "__main__":
    main()
