"""Trainings from the page: begun, watched, stopped in mid-air, stepped, and found again after the studio was gone."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
from client import Page, Studio, hear, workers
from safetensors.numpy import load_file

LONG = {"epochs": 500_000, "frames": 4, "lr": 0.01}  # hours, if nobody stopped it


def begin(page: Page, **wish: Any) -> str:
    asked = {"chapter": "mlp", "preset": "quick", "data": "moons", "changes": LONG, **wish}
    return page.post("trainings", asked, status=201)["run"]


def weights(runs: Path, run: str, step: int) -> dict[str, np.ndarray]:
    return load_file(runs / run / "frames" / f"step-{step:08d}.safetensors")


def test_a_newcomers_path(page: Page) -> None:
    """Train, watch, pause, one update, continue, stop, go on to the end, and ask."""
    run = begin(page, data="digits", changes={"epochs": 500_000, "lr": 0.05})
    page.reached(run, 1)
    paused = page.command(run, "pause")
    assert paused["state"] == "paused" and paused["alive"]
    assert page.state(run) == paused  # it stands still
    after = page.command(run, "step")
    assert (after["state"], after["step"]) == ("paused", paused["step"] + 1)
    frames = page.get(f"runs/{run}")["frames"]
    assert {paused["step"], after["step"]} <= set(frames)
    one, other = (weights(page.runs, run, step) for step in (paused["step"], after["step"]))
    assert any((one[name] != other[name]).any() for name in one)
    assert page.command(run, "step", count=3)["step"] == after["step"] + 3
    assert page.command(run, "continue")["state"] == "running"
    page.reached(run, after["step"] + 10)
    assert page.command(run, "stop")["state"] in ("stopping", "stopped")
    stopped = page.over(run)
    assert stopped["state"] == "stopped"
    assert page.get(f"runs/{run}")["status"] == "interrupted"

    page.post(f"runs/{run}/resume", {"changes": {}}, status=201)
    page.reached(run, stopped["step"] + 1)
    told = [event for event in events(page.runs, run) if event["event"] in ("Started", "Stopped")]
    assert [event["step"] for event in told] == [0, stopped["step"], stopped["step"]]
    page.command(run, "stop")
    page.over(run)


def test_one_update_is_gradient_descent(page: Page) -> None:
    """A single step with the rate that the page set: plain SGD moves the weights in proportion to it."""
    changes = {"epochs": 500_000, "optimizer": "sgd", "momentum": 0.0, "nesterov": False, "weight_decay": 0.0}
    changes = {name: value for name, value in changes.items() if name in fields(page, "mlp", "quick", "moons")}
    run = begin(page, changes=changes)
    page.reached(run, 1)
    page.command(run, "pause")
    moves = []
    for lr in (1e-4, 1e-9):
        start = page.state(run)["step"]
        assert page.command(run, "set", lr=lr)["lr"] == lr
        assert page.command(run, "step")["step"] == start + 1
        one, other = weights(page.runs, run, start), weights(page.runs, run, start + 1)
        moves.append(max(float(abs(other[name] - one[name]).max()) for name in one))
    assert moves[0] > 0
    assert moves[1] < 1e-3 * moves[0]
    assert page.command(run, "set", lr=None)["lr"] is None
    controls = [event for event in events(page.runs, run) if event["event"] == "Control"]
    assert [event["lr"] for event in controls] == [1e-4, 1e-9, None]
    page.command(run, "stop")


def test_only_one_of_the_two_players_learns(page: Page) -> None:
    small = {"width": 8, "epochs": 500_000, "batch_size": 8}
    small = {name: value for name, value in small.items() if name in fields(page, "gan", "quick", "digits")}
    run = begin(page, chapter="gan", data="digits", changes=small)
    page.until(run, lambda state: state["state"] in ("running", "failed"))
    page.command(run, "pause")
    page.until(run, lambda state: state["state"] == "paused")
    for part in ("discriminator", "generator"):
        assert page.command(run, "set", parts=[part])["parts"] == [part]
        start = page.state(run)["step"]
        page.command(run, "step")
        page.until(run, lambda state, start=start: state["step"] == start + 1)  # type: ignore[misc]
        one, other = weights(page.runs, run, start), weights(page.runs, run, start + 1)
        moved = {name.split(".")[0] for name in one if (one[name] != other[name]).any()}
        assert moved == {part}
    status, answer = page("POST", f"runs/{run}/commands", json={"do": "set", "parts": ["judge"]})
    assert (status, answer["error"]["kind"]) == (422, "bad-parts")
    page.command(run, "stop")


def test_two_watch_and_both_hear_everything(page: Page) -> None:
    run = begin(page)

    def late(message: dict[str, Any]) -> bool:
        return any(event["event"] == "Step" and event["step"] > 400 for event in message.get("events", []))

    with page.live(run) as one, page.live(run) as other:
        heard = [hear(socket, late) for socket in (one, other)]
    assert heard[0][0]["kind"] == "state"
    told = [[event for message in messages for event in message.get("events", [])] for messages in heard]
    assert told[0][: min(map(len, told))] == told[1][: min(map(len, told))]
    assert told[0][0]["event"] == "Started"
    assert page.state(run)["alive"]  # nobody watches, and it goes on
    page.command(run, "stop")
    page.over(run)
    written = events(page.runs, run)
    after = next(message["next"] for message in heard[0] if message["kind"] == "events" and message["events"])
    with page.live(run, after) as later:  # a page that was away hears the rest, once
        rest = hear(later, lambda message: message.get("next") == len(written))
    assert [event for message in rest for event in message.get("events", [])] == written[after:]


def test_a_studio_that_is_killed_finds_its_trainings_again(studio: Studio) -> None:
    page = studio.start()
    run = begin(page)
    page.reached(run, 1)
    studio.end(signal.SIGKILL)
    worker = only_worker(studio.runs, run)
    page = studio.start()
    assert [training["run"] for training in page.get("trainings")["trainings"]] == [run]
    before = page.command(run, "pause")
    assert before["state"] == "paused"
    assert studio.end(signal.SIGTERM) in (-signal.SIGTERM, 128 + signal.SIGTERM, 0)
    page = studio.start()
    assert page.state(run) == before
    assert page.command(run, "step")["step"] == before["step"] + 1
    assert only_worker(studio.runs, run) == worker
    page.command(run, "stop")
    assert page.over(run)["state"] == "stopped"
    assert page.get("trainings")["trainings"] == []


def test_a_training_that_is_killed_says_so_and_goes_on_where_it_was_saved(page: Page) -> None:
    run = begin(page)
    page.reached(run, 1)
    page.command(run, "stop")
    saved = page.over(run)["step"]
    page.post(f"runs/{run}/resume", {}, status=201)
    page.reached(run, saved + 1)
    worker = only_worker(page.runs, run)
    os.kill(worker, signal.SIGKILL)
    dead = page.over(run)
    assert (dead["state"], dead["error"]["kind"]) == ("failed", "died")
    page.post(f"runs/{run}/resume", {}, status=201)
    assert page.reached(run, 1) >= saved
    page.command(run, "stop")


def test_what_is_finished_answers_as_its_weights_do(page: Page) -> None:
    """Predictions over HTTP against a forward pass in NumPy from the checkpoint."""
    run = begin(page, data="moons", changes={"epochs": 3, "activation": "relu"})
    page.until(run, lambda state: state["state"] == "finished")
    shown = page.get(f"runs/{run}")
    assert shown["status"] == "finished" and shown["state"]["error"] is None
    saved = load_file(Path(shown["path"]) / "weights.safetensors")
    values = np.array([0.3, -0.7])
    answer = page.post(f"runs/{run}/predict", {"input": {"kind": "point", "values": values.tolist()}})
    scaled = np.array(values, np.float64)
    layers = sorted(name.removesuffix(".weight") for name in saved if name.endswith(".weight"))
    for layer in layers:  # hidden.0, hidden.1, ..., output
        scaled = saved[f"{layer}.weight"].astype(np.float64) @ scaled + saved[f"{layer}.bias"]
        scaled = np.maximum(scaled, 0) if layer != layers[-1] else scaled
    second = 1 / (1 + np.exp(-scaled[0]))  # two classes, one logit: that of the second
    expected = [1 - second, second]
    assert np.allclose([share for _, share in answer["probabilities"]], expected, atol=1e-6)
    first, last = shown["frames"][0], shown["frames"][-1]
    asked = {"kind": "point", "values": [0, 0]}
    film = [page.post(f"runs/{run}/predict", {"frame": at, "input": asked}) for at in (first, last)]
    assert film[0]["frame"] == first and film[0]["probabilities"] != film[1]["probabilities"]


def test_what_cannot_be_is_said_at_once_and_leaves_nothing(page: Page) -> None:
    before = page.get("runs")["runs"]
    for wish, status in (
        ({"chapter": "mlp", "changes": {"lrr": 1}}, 422),
        ({"chapter": "mlp", "changes": {"lr": -1}}, 422),
        ({"chapter": "poetry"}, 422),
        ({"chapter": "mlp", "data": "../etc"}, 422),
        ({"chapter": "mlp", "device": "abacus"}, 422),
        ({"chapter": "mlp", "name": "../outside"}, 422),
        ({"chapter": "mlp", "nonsense": True}, 422),
        ({}, 422),
    ):
        found, answer = page("POST", "trainings", json=wish)
        assert found == status, answer
        assert set(answer["error"]) == {"kind", "message", "hint"} and answer["error"]["message"]
    for path in ("runs/nobody", "runs/nobody/history", "runs/..%2F..%2Fetc", "runs/nobody/views"):
        status, answer = page("GET", path)
        assert status == 404, answer
    status, answer = page("GET", "runs/nobody?lang=zh")
    assert any("\u4e00" <= letter <= "\u9fff" for letter in answer["error"]["message"])
    assert page.get("runs")["runs"] == before


def test_data_that_fail_are_told_to_the_page(page: Page) -> None:
    run = begin(page, data=f"points:{page.runs / 'nowhere.csv'}", changes={})
    failed = page.until(run, lambda state: state["state"] == "failed") if run else {}
    assert failed["error"]["kind"] == "file-missing" and "nowhere.csv" in failed["error"]["message"]


def only_worker(runs: Path, run: str) -> int:
    """One process trains; an earlier one of the same run may be on its way out."""
    while len(found := workers(runs, run)) > 1:
        time.sleep(0.05)
    return found[0]


def fields(page: Page, chapter: str, preset: str, data: str) -> set[str]:
    form = page.get(f"chapters/{chapter}/form?preset={preset}&data={data}")
    return {field["name"] for field in form["fields"]}


def events(runs: Path, run: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (runs / run / "events.jsonl").read_text().splitlines()]
