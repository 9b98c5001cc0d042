"""One export or one server as a process of its own: `python -m tongsu.studio.shipper FOLDER`, its channel's folder."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Any

from tongsu.studio.channel import Channel, State


def work(channel: Channel) -> State:
    """Do what was asked; the last word on it."""
    from tongsu.errors import Problem
    from tongsu.runs.store import Run

    request = channel.request()
    run = Run(Path(request["run"]))
    try:
        if "port" in request:
            serve(run, request["port"], channel)
            return State("stopped", begun=True)
        export(run, request["to"], request["quantize"])
        return State("finished", begun=True)
    except Problem as known:
        problem = known
    except Exception as error:
        traceback.print_exc()
        problem = Problem("studio.ship_broke", run=run.name, reason=type(error).__name__, log=channel.log)
    error_told = {"kind": problem.kind, "message": problem.message, "hint": problem.hint}
    return State("failed", begun=True, error=error_told)


def export(run: Any, to: str, quantize: str | None) -> None:
    from tongsu.export import export as write
    from tongsu.learned import Learned

    write(Learned.load(run), to, quantize=quantize)


def serve(run: Any, port: int, channel: Channel) -> None:
    """Until SIGTERM; the address is told once the model is loaded and requests are taken."""
    from tongsu.locale import language
    from tongsu.serving.settings import Settings
    from tongsu.serving.supervisor import serve as answer

    def ready(address: str, _: list[int]) -> None:
        channel.tell(State("running", begun=True, result={"pid": os.getpid(), "address": address}))

    answer(Settings((str(run.path),), (run.name,), port=port, language=language()), ready)


def main() -> None:
    channel = Channel(Path(sys.argv[1]))
    with channel.living():
        channel.tell(State("preparing", begun=True, result={"pid": os.getpid()}))
        channel.tell(work(channel))


if __name__ == "__main__":
    main()
