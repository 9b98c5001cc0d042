"""The exercise at the end of the road: a model of one's own that answers over HTTP."""

from __future__ import annotations

import io
import time
from typing import Any
from urllib.parse import urlsplit

import requests

from tongsu.errors import Problem
from tongsu.lessons.exercises.exercise import Exercise, Verdict
from tongsu.locale import t
from tongsu.runs.store import RunStore

LOCAL = ("localhost", "127.0.0.1", "::1")
PATIENT = 10.0  # seconds
ASKED = 20  # pictures
LEAST = 0.8  # of them, right


def serve(address: str) -> Verdict:
    """Asks a server on this machine what it serves, and then about data that it can know. Raises Problem when nobody
    answers there, or the address is not of this machine."""
    base = _local(address)
    with requests.Session() as http:
        http.trust_env = False  # no proxy stands between this machine and itself
        try:
            models = _json(http.get(f"{base}/models", timeout=PATIENT)).get("models")
            if not models:
                return Verdict(False, (t("lessons.exercise.serve.saw_stranger", address=base),), _hint("stranger"))
            return _examined(http, base, models[0])
        except requests.RequestException as error:
            raise Problem("lessons.no_server", address=base, reason=type(error).__name__) from None


def _examined(http: requests.Session, base: str, model: dict[str, Any]) -> Verdict:
    saw = [t("lessons.exercise.serve.saw_model", name=model["name"], model=model["model"], data=model["data"])]
    own = {entry.name for entry in RunStore().list()}
    if model["name"] not in own:
        return Verdict(False, tuple(saw), t("lessons.exercise.serve.hint_not_own", folder=RunStore().root))
    right, seconds = 0, 0.0
    bodies = _questions(model)
    for body, label in bodies:
        began = time.perf_counter()
        answer = http.post(f"{base}/predict", timeout=PATIENT, **body)
        seconds += time.perf_counter() - began
        predictions = _json(answer).get("predictions")
        if answer.status_code != 200 or not predictions:
            saw.append(t("lessons.exercise.serve.saw_status", status=answer.status_code))
            return Verdict(False, tuple(saw), _hint("refused"))
        right += label is None or predictions[0]["label"] == label
    facts = {"count": len(bodies), "right": right, "milliseconds": f"{1000 * seconds / len(bodies):.0f}"}
    saw.append(t("lessons.exercise.serve.saw_answers", **facts))
    if right < LEAST * len(bodies):
        return Verdict(False, tuple(saw), _hint("weak"))
    return Verdict(True, tuple(saw))


def _questions(model: dict[str, Any]) -> list[tuple[dict[str, Any], str | None]]:
    """What is posted, and the right label where it is known: digits are drawn for it, all else is only answered."""
    if model["kind"] == "text":
        return [({"json": {"inputs": [text]}}, None) for text in ("I love this movie!", "这部电影太无聊了。")]
    if model["kind"] != "images":
        return [({"json": {"inputs": [[0.5, -0.5]]}}, None)]
    from PIL import Image

    from tongsu.data.toy import digits

    drawn = digits(examples=100, data_seed=20).test
    asked: list[tuple[dict[str, Any], str | None]] = []
    for image, target in zip(drawn.inputs[:ASKED], drawn.targets[:ASKED], strict=True):
        file = io.BytesIO()
        Image.fromarray(image[0].numpy()).save(file, "PNG")
        label = str(int(target)) if model["digits"] else None
        asked.append(({"files": {"file": ("digit.png", file.getvalue(), "image/png")}}, label))
    return asked


def _local(address: str) -> str:
    parts = urlsplit(address if "//" in address else f"http://{address}")
    if parts.scheme != "http" or parts.hostname not in LOCAL:
        raise Problem("lessons.not_local", address=address)
    return f"http://{parts.netloc}"


def _json(answer: requests.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _hint(name: str) -> str:
    return t(f"lessons.exercise.serve.hint_{name}")


SERVE = Exercise("serve", "05-transformer", "server", ("ADDRESS",), serve)
