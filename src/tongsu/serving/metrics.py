"""What happened, in the words of Prometheus. With several workers each writes into a folder that all can read."""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)  # fmt: skip

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "tongsu_requests", "Requests for predictions, by model and status", ("model", "status"),
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "tongsu_request_seconds", "Time from body to answer", ("model",), buckets=SECONDS, registry=self.registry
        )
        self.sizes = Histogram(
            "tongsu_batch_inputs", "Inputs that the model answered together", ("model",), buckets=SIZES,
            registry=self.registry,
        )  # fmt: skip
        self.waiting = Gauge(
            "tongsu_waiting_inputs", "Inputs in line", ("model",), registry=self.registry,
            multiprocess_mode="livesum",
        )  # fmt: skip

    def text(self) -> tuple[bytes, str]:
        registry = self.registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)
        return generate_latest(registry), CONTENT_TYPE_LATEST
