"""Exports and servers of the studio over HTTP: the same figures and answers as the commands, and every way to fail."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from client import Page, Studio, shippers
from shipyard import FEW, FORGER, command, train

from tongsu.runs.store import Run, RunStore
from tongsu.studio.jobs import Jobs
from tongsu.studio.shipping import Shipping, exports

pytestmark = pytest.mark.long
POINT = "0.5,-0.2"


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    own = Studio(tmp_path_factory.mktemp("shipping"))
    train(own.runs, "digits", "mlp", "digits", FEW)
    train(own.runs, "moons", "mlp", "moons", ["hidden=8", "epochs=3", "frames=2"])
    own.start()
    yield own
    own.close()


@pytest.fixture
def page(yard: Studio) -> Page:
    return Page(yard.address)


def until(page: Page, run: str, right: Callable[[dict[str, Any]], Any], seconds: float = 120) -> dict[str, Any]:
    """What the studio shows of a run's exports and server, as soon as it is as wanted."""
    end = time.monotonic() + seconds
    while not right(shown := page.get(f"runs/{run}/shipping")):
        assert time.monotonic() < end, shown
        time.sleep(0.1)
    return shown


def exported(page: Page, run: str, **wish: str) -> dict[str, Any]:
    page.post(f"runs/{run}/export", wish, status=202)
    return until(page, run, lambda shown: shown["export"]["state"] != "preparing")


def ready(page: Page, run: str, **wish: int) -> str:
    page.post(f"runs/{run}/serving", wish, status=202)
    shown = until(page, run, lambda shown: shown["serving"]["ready"] or shown["serving"]["error"])
    assert shown["serving"]["error"] is None, shown
    return shown["serving"]["address"]


def refused(page: Page, method: str, path: str, wish: Any = None) -> str:
    status, answer = page(method, path, json=wish or {})
    assert status in (404, 422), answer
    assert answer["error"]["message"] and answer["error"]["hint"]
    return answer["error"]["kind"]


def test_an_export_is_that_of_the_command(yard: Studio, page: Page) -> None:
    """... and while it is made, the studio answers others and begins no second one."""
    page.post("runs/digits/export", {"to": "onnx", "quantize": "int8"}, status=202)
    assert refused(page, "POST", "runs/digits/export", {"to": "hf"}) == "busy-export"
    assert refused(page, "DELETE", "runs/digits") == "busy-export"
    assert page.get("runs/digits/shipping")["export"] == {
        "state": "preparing", "error": None, "to": "onnx", "quantize": "int8",
    }  # fmt: skip
    shown = until(page, "digits", lambda shown: shown["export"]["state"] == "finished")
    (made,) = shown["exports"]
    said, _ = command(yard, "export", "digits", "--quantize", "int8")
    assert (made["to"], made["folder"], made["files"]) == ("onnx", said["folder"], said["files"])
    assert made["check"] == said["check"] and made["quantized"] == said["quantized"]
    assert 0 <= made["check"]["largest_difference"] <= made["check"]["tolerance"] and made["current"]
    assert set(made["files"]) == {"model.onnx", "model.int8.onnx", "tongsu.json"}


@pytest.mark.parametrize(("to", "file"), [("safetensors", "model.safetensors"), ("hf", "README.md")])
def test_plain_forms_answer_bit_for_bit(page: Page, to: str, file: str) -> None:
    shown = exported(page, "moons", to=to)
    made = next(one for one in shown["exports"] if one["to"] == to)
    assert made["check"]["largest_difference"] == 0 and made["quantized"] is None
    assert (Path(made["folder"]) / file).stat().st_size == made["files"][file]


def test_an_export_of_earlier_weights_says_so(yard: Studio, page: Page) -> None:
    exported(page, "moons", to="safetensors")
    run = Run(yard.runs / "moons")
    later = time.time() + 10
    os.utime(run.weights, (later, later))  # as a training that went on would leave them
    assert [one["current"] for one in exports(run) if one["to"] == "safetensors"] == [False]
    os.utime(run.weights)
    again = exported(page, "moons", to="safetensors")["exports"]
    assert [one["current"] for one in again if one["to"] == "safetensors"] == [True]


def test_what_cannot_be_exported_is_said(yard: Studio, page: Page) -> None:
    assert refused(page, "POST", "runs/digits/export", {"to": "pickle"}) == "unknown-format"
    assert refused(page, "POST", "runs/digits/export", {"to": "../hf"}) == "unknown-format"
    assert refused(page, "POST", "runs/digits/export", {"to": "hf", "quantize": "int8"}) == "unknown-quantization"
    assert refused(page, "POST", "runs/nobody/export", {"to": "onnx"}) == "unknown"
    table = yard.folder / "moods.csv"
    rows = [f"a {word} film number {n},{mood}" for n in range(40) for mood, word in (("good", "fine"), ("bad", "dull"))]
    table.write_text("\n".join(["text,mood", *rows]), encoding="utf-8")
    small = ["cell=gru", "embedding=4", "hidden=4", "epochs=1", "frames=2"]
    train(yard.runs, "lost", "rnn", f"table:{table}?text=text&label=mood", small)
    table.unlink()
    failed = exported(page, "lost", to="onnx")
    assert failed["export"]["state"] == "failed" and "moods.csv" in failed["export"]["error"]["message"]
    assert failed["exports"] == [] and not list((yard.runs / "lost").glob("export/*"))


def test_a_run_in_training_waits_for_its_end(page: Page) -> None:
    wish = {"chapter": "mlp", "preset": "quick", "data": "moons", "changes": {"epochs": 500_000}}
    run = page.post("trainings", wish, status=201)["run"]
    for what in ("export", "serving"):
        assert refused(page, "POST", f"runs/{run}/{what}") in ("not-finished", "not-a-run", "unknown")
    page.reached(run, 1)
    for what in ("export", "serving"):
        assert refused(page, "POST", f"runs/{run}/{what}") == "not-finished"
    page.command(run, "stop")
    page.over(run)
    assert refused(page, "POST", f"runs/{run}/export") == "not-finished"  # stopped early: no final weights


def test_a_generator_is_exported_but_not_served(yard: Studio, page: Page) -> None:
    train(yard.runs, "forger", "gan", "digits", FORGER)
    page.post("runs/forger/serving", status=202)
    shown = until(page, "forger", lambda shown: shown["serving"]["state"] != "preparing")["serving"]
    assert (shown["state"], shown["error"]["kind"], shown["address"]) == ("failed", "not-a-classifier", None)
    shown = exported(page, "forger", to="onnx", quantize="int8")
    assert shown["export"]["state"] == "finished" and shown["exports"][0]["quantized"]["mean_difference"] > 0


def test_a_served_run_answers_as_predict_and_outlives_the_studio(yard: Studio, page: Page) -> None:
    address = ready(page, "moons")
    said, _ = command(yard, "predict", "moons", POINT)
    wanted = {name: said["predictions"][0][name] for name in ("label", "probability", "probabilities")}
    assert requests.post(f"{address}/predict", json={"inputs": [POINT]}, timeout=20).json()["predictions"] == [wanted]
    assert [one["run"] for one in page.get("serving")["servers"]] == ["moons"]
    assert refused(page, "POST", "runs/moons/serving") == "busy-serving"
    assert refused(page, "DELETE", "runs/moons") == "busy-serving"
    port = int(address.rpartition(":")[2])
    assert refused(page, "POST", "runs/digits/serving", {"port": port}) == "serve-port"

    yard.end(signal.SIGKILL)
    again = yard.start()
    (server,) = again.get("serving")["servers"]
    assert (server["run"], server["address"], server["ready"]) == ("moons", address, True)
    status, shown = again("DELETE", "runs/moons/serving")
    assert status in (200, 202)
    assert until(again, "moons", lambda shown: shown["serving"] is None)["serving"] is None
    assert again.get("serving")["servers"] == []
    end = time.monotonic() + 20
    while shippers(yard.runs) and time.monotonic() < end:  # it answers what it has accepted, and goes
        time.sleep(0.1)
    assert shippers(yard.runs) == []
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{address}/readyz", timeout=5)
    assert ready(again, "moons", port=port) == address  # the same port, free again
    again("DELETE", "runs/moons/serving")


def test_a_server_that_hangs_is_not_called_ready_and_a_dead_one_says_so(yard: Studio) -> None:
    page = Page(yard.address)
    address = ready(page, "digits")
    worker = requests.get(f"{address}/readyz", timeout=20).json()["worker"]
    os.kill(worker, signal.SIGSTOP)
    assert page.get("runs/digits/shipping")["serving"]["ready"] is False
    os.kill(worker, signal.SIGCONT)
    assert until(page, "digits", lambda shown: shown["serving"]["ready"])
    for pid in shippers(yard.runs):
        os.kill(pid, signal.SIGKILL)
    shown = until(page, "digits", lambda shown: shown["serving"]["state"] == "failed")["serving"]
    assert shown["error"]["kind"] == "ship-died" and not shown["ready"] and page.get("serving")["servers"] == []
    assert page("DELETE", "runs/digits/serving")[0] == 200  # read and put away
    assert refused(page, "DELETE", "runs/digits/serving") == "not-served"


def test_wrong_wishes_are_refused(yard: Studio) -> None:
    page = Page(yard.address)
    for wish in ({"port": 70_000}, {"port": -1}, {"port": "x"}, {"host": "0.0.0.0"}):
        assert refused(page, "POST", "runs/moons/serving", wish) == "bad-request"
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert refused(page, "POST", "runs/moons/serving", {"port": taken}) == "serve-port"


def test_a_process_that_cannot_start_says_so(yard: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    shipping = Shipping(Jobs(RunStore(yard.runs)))
    run = Run(yard.runs / "moons")
    monkeypatch.setattr("sys.executable", "/bin/false")
    shipping.export(run, "onnx")
    state = shipping.state(run, "export")
    assert state is not None and (state["state"], state["error"]["kind"]) == ("failed", "ship-died")


def test_a_run_that_is_deleted_leaves_nothing(yard: Studio) -> None:
    page = Page(yard.address)
    train(yard.runs, "short", "mlp", "moons", ["hidden=4", "epochs=1", "frames=2"])
    exported(page, "short", to="safetensors")
    assert (yard.runs / ".shipping" / "short").is_dir()
    assert page("DELETE", "runs/short")[0] == 200
    assert not (yard.runs / "short").exists() and not (yard.runs / ".shipping" / "short").exists()
