"""What tests say to a server that runs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests


@dataclass
class Server:
    process: subprocess.Popen[str]
    address: str
    workers: list[int]

    def post(self, path: str, inputs: list[Any] | None = None, **more: Any) -> requests.Response:
        if inputs is not None:
            more["json"] = {"inputs": inputs}
        return requests.post(self.address + path, timeout=30, **more)

    def get(self, path: str, **more: Any) -> requests.Response:
        return requests.get(self.address + path, timeout=30, **more)


Start = Callable[..., Server]


def until(happens: Callable[[], Any], seconds: float = 20) -> Any:
    """Wait for what must come sooner or later."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := happens():
                return found
        except requests.RequestException:
            pass
        time.sleep(0.05)
    raise AssertionError(f"did not happen within {seconds} s")
