"""One worker process: loads the models, tells the supervisor that it is ready, and answers until it is told to stop.

It is started by the supervisor with the open port and a pipe. On the pipe stand JSON lines, never pickles.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from multiprocessing.connection import Connection
from typing import cast

from tongsu.errors import Problem
from tongsu.locale import Language, set_language

GRACE = 30  # seconds for what was accepted, when we are asked to stop


def work(settings_json: bytes, port: socket.socket, pipe: Connection) -> None:
    import torch
    import uvicorn

    from tongsu.serving.answering import prepare
    from tongsu.serving.app import create_app
    from tongsu.serving.settings import Settings

    settings = Settings.from_json(settings_json)
    set_language(cast(Language, settings.language))
    threads = max(1, (os.cpu_count() or 1) // settings.workers - 1)  # one core is for HTTP
    torch.set_num_threads(threads)
    try:
        models = {name: prepare(settings, number, threads) for number, name in enumerate(settings.names)}
    except Problem as problem:
        told = {"kind": problem.kind, "message": problem.message, "hint": problem.hint}
        pipe.send_bytes(json.dumps({"problem": told, "exit_code": problem.exit_code}).encode())
        sys.exit(problem.exit_code)
    config = uvicorn.Config(
        create_app(settings, models), access_log=False, log_level="warning", server_header=False, lifespan="on",
        timeout_graceful_shutdown=GRACE, timeout_keep_alive=30, ws="none", date_header=False,
    )  # fmt: skip
    server = uvicorn.Server(config)
    threading.Thread(target=_orphaned, args=(pipe, server), daemon=True).start()

    async def serve() -> None:
        running = asyncio.create_task(server.serve(sockets=[port]))
        while not (server.started or running.done()):
            await asyncio.sleep(0.01)
        pipe.send_bytes(b'{"ready": true}')
        await running

    loop = config.get_loop_factory()
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(serve())


def _orphaned(pipe: Connection, server: object) -> None:
    """The supervisor never writes; when its end closes it is gone, and so must we be."""
    try:
        pipe.recv_bytes()
    except (EOFError, OSError):
        server.should_exit = True  # type: ignore[attr-defined]
