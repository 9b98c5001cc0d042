"""The studio as a process: a socket of this machine alone, and the application behind it."""

from __future__ import annotations

import errno
import os
import socket
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import uvicorn

from tongsu.data.sources import home
from tongsu.errors import Problem
from tongsu.runs.store import Run, RunStore
from tongsu.studio.app import STATIC, create_app
from tongsu.studio.jobs import Jobs
from tongsu.studio.security import kept_key, new_token

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Opened:
    port: int
    token: str
    store: RunStore
    socket: socket.socket

    @property
    def address(self) -> str:
        return f"http://{HOST}:{self.port}/?token={self.token}"

    @property
    def runs(self) -> Path:
        return self.store.root.absolute()

    @property
    def built(self) -> bool:
        return (STATIC / "index.html").is_file()

    def show(self) -> None:
        webbrowser.open(self.address)

    def trainings(self) -> list[Run]:
        return Jobs(self.store).living()

    def serve(self) -> None:
        """Until Ctrl-C or SIGTERM. Trainings are processes of their own and go on."""
        torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))  # the other half is for the trainings
        app = create_app(self.store.root, port=self.port, token=self.token, key=kept_key(home() / "studio.key"))
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, server_header=False, proxy_headers=False, lifespan="off",
            ws="websockets-sansio", ws_max_size=1 << 16, timeout_graceful_shutdown=3,
        )  # fmt: skip
        uvicorn.Server(config).run(sockets=[self.socket])


@contextmanager
def listening(port: int) -> Iterator[Opened]:
    """Take the port (0: any that is free). Raises Problem when somebody else has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as opened:
        if os.name != "nt":  # on Windows this would let two programs share a port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            opened.bind((HOST, port))
        except OSError as error:
            key = "studio.port_taken" if error.errno == errno.EADDRINUSE else "studio.no_port"
            raise Problem(key, port=port, reason=error.strerror or error) from None
        opened.listen(128)
        yield Opened(opened.getsockname()[1], new_token(), RunStore(), opened)
