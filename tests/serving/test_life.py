"""Birth, death and overload of real servers: signals, killed workers, twice as many requests as can be answered."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from servers import Start, until

BACK = 5.0  # seconds until a killed worker must answer again


def test_a_killed_worker_comes_back(start: Start) -> None:
    """Twice in a row, and the faster time counts: the machine may have other work."""
    server = start("moons")
    point = [[0.5, -0.2]]
    before = server.post("/predict", point).json()
    took = []
    for _ in range(2):
        pid = until(lambda: server.get("/readyz").json()["worker"])
        os.kill(pid, signal.SIGKILL)
        begun = time.monotonic()
        assert until(lambda: server.post("/predict", point).json()) == before
        took.append(time.monotonic() - begun)
        assert server.get("/readyz").json()["worker"] != pid
    assert min(took) < BACK


def test_a_stop_answers_what_was_accepted(start: Start) -> None:
    server = start("reviews", "--max-batch", "4", "--queue", "1000", "--deadline-ms", "60000")
    texts = ["the film " * 30] * 100
    codes: list[int] = []
    begun = threading.Event()

    def order() -> None:
        begun.set()
        codes.append(server.post("/batch", texts * 4).status_code)

    threads = [threading.Thread(target=order) for _ in range(3)]
    for thread in threads:
        thread.start()
    until(lambda: "tongsu_batch_inputs_count" in server.get("/metrics").text)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(40) == 0
    for thread in threads:
        thread.join()
    assert codes == [200] * 3
    with pytest.raises(requests.ConnectionError):
        server.get("/healthz")


def test_ctrl_c(start: Start) -> None:
    server = start("moons")
    server.process.send_signal(signal.SIGINT)
    assert server.process.wait(30) == 130


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for processes in /proc")
def test_no_worker_outlives_its_supervisor(start: Start) -> None:
    server = start("moons", "--workers", "2")
    assert len(set(server.workers)) == 2
    server.process.kill()
    until(lambda: not any(map(lives, server.workers)))


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_figures_of_several_workers_are_added_up(start: Start) -> None:
    server = start("moons", "--workers", "2")
    for _ in range(24):
        assert requests.post(server.address + "/predict", json={"inputs": [[0, 0]]}, timeout=9).ok
    found = server.get("/metrics").text
    assert 'tongsu_requests_total{model="moons",status="200"} 24.0' in found


@pytest.mark.long
def test_twice_the_capacity(start: Start) -> None:
    """Six seconds of as many clients as find no place in the line: no error of the server, only 429; those who are
    accepted are answered before the deadline (99 of 100 of them); afterwards all is as before."""
    deadline = 2.0
    server = start("reviews", "--queue", "8", "--max-batch", "4", "--deadline-ms", str(int(deadline * 1000)))
    text = "the film " * 200
    seen: list[tuple[int, float]] = []
    end = time.monotonic() + 6

    def client(_: int) -> None:
        with requests.Session() as line:
            while time.monotonic() < end:
                begun = time.monotonic()
                answer = line.post(server.address + "/predict", json={"inputs": [text]}, timeout=30)
                seen.append((answer.status_code, time.monotonic() - begun))

    with ThreadPoolExecutor(32) as clients:
        list(clients.map(client, range(32)))
    counts = Counter(status for status, _ in seen)
    assert set(counts) == {200, 429} and counts[200] > 50
    accepted = sorted(seconds for status, seconds in seen if status == 200)
    assert accepted[int(0.99 * len(accepted))] < deadline
    assert server.post("/predict", [text]).status_code == 200
