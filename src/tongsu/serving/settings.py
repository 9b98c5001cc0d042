"""What a person may set, in one place; it goes to the workers as JSON."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from tongsu.errors import Problem

BACKENDS = ("torch", "onnx")


@dataclass(frozen=True)
class Settings:
    """runs: folders, the first one answers where no name is given. queue: how many inputs may wait for each model.
    deadline_ms: when a request is too old to be answered. max_wait_ms: how long a lonely input waits for company."""

    runs: tuple[str, ...]
    names: tuple[str, ...]
    host: str = "127.0.0.1"
    port: int = 8000
    backend: str = "torch"
    max_batch: int = 64
    max_wait_ms: float = 0.0
    queue: int = 256
    deadline_ms: float = 2000.0
    workers: int = 1
    max_body: int = 16 * 2**20
    language: str = "en"

    def check(self) -> None:
        """Raise Problem for what cannot be."""
        if self.backend not in BACKENDS:
            raise Problem("serving.unknown_backend", backend=self.backend, known=", ".join(BACKENDS))
        limits = {"max-batch": (1, 4096), "queue": (1, 100_000), "workers": (1, 64), "port": (0, 65535),
                  "deadline-ms": (1, 3_600_000), "max-wait-ms": (0, 10_000), "max-body": (1024, 2**30)}  # fmt: skip
        for name, (least, most) in limits.items():
            value = getattr(self, name.replace("-", "_"))
            if not least <= value <= most:
                raise Problem("serving.out_of_range", option=name, value=value, least=least, most=most)
        if self.max_wait_ms >= self.deadline_ms:
            raise Problem("serving.out_of_range", option="max-wait-ms", value=self.max_wait_ms, least=0,
                          most=self.deadline_ms)  # fmt: skip

    @property
    def is_local(self) -> bool:
        return self.host in ("127.0.0.1", "localhost", "::1")

    def to_json(self) -> bytes:
        return json.dumps(dataclasses.asdict(self)).encode()

    @staticmethod
    def from_json(data: bytes) -> Settings:
        values: Any = json.loads(data)
        fields: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return Settings(**fields)
