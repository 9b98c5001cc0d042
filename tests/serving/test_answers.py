"""What the server answers, against the run itself: JSON and files, one and many, alone and in a crowd."""

from __future__ import annotations

import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import requests
from PIL import Image
from servers import Server, Start

from tongsu.learned import Learned
from tongsu.predict import predict

TEXTS = ["a lovely film", "the awful boring plot", "music " * 30 + "wonderful", "the ending", "dull story"]


def rows(response: requests.Response) -> np.ndarray:
    assert response.status_code == 200, response.text
    return np.array([list(answer["probabilities"].values()) for answer in response.json()["predictions"]])


def wanted(learned: Learned, raws: list[Any]) -> np.ndarray:
    """Each one alone, by the run's own way of predicting."""
    return np.array([list(predict(learned, [raw])[0].probabilities.values()) for raw in raws])


@pytest.mark.parametrize("backend", ["torch", "onnx"])
def test_all_kinds_of_inputs(
    backend: str, start: Start, server: Server, learned: dict[str, Learned], pictures: list[bytes]
) -> None:
    if backend == "onnx":
        server = start("digits", "reviews", "moons", "--backend", "onnx")
    coded = [base64.b64encode(picture).decode() for picture in pictures]
    digits = wanted(learned["digits"], pictures)
    np.testing.assert_allclose(rows(server.post("/predict", coded)), digits, atol=1e-5)
    as_in_a_page = server.post("/predict", ["data:image/png;base64," + coded[3]])
    np.testing.assert_allclose(rows(as_in_a_page), digits[3:4], atol=1e-5)
    files = [("file", (f"{number}.png", picture)) for number, picture in enumerate(pictures)]
    np.testing.assert_allclose(rows(server.post("/models/digits/predict", files=files)), digits, atol=1e-5)
    alone = server.post("/predict", data=pictures[5], headers={"Content-Type": "image/png"})
    np.testing.assert_allclose(rows(alone), digits[5:6], atol=1e-5)
    texts = wanted(learned["reviews"], TEXTS)
    assert texts.std(axis=0).min() > 1e-3
    np.testing.assert_allclose(rows(server.post("/models/reviews/predict", TEXTS)), texts, atol=1e-5)
    points: list[Any] = [[0.5, -1], "1.5,-0.3"]
    np.testing.assert_allclose(
        rows(server.post("/models/moons/predict", points)), wanted(learned["moons"], points), atol=1e-5
    )


def figure(server: Server, name: str) -> float:
    return next(float(line.split()[-1]) for line in server.get("/metrics").text.splitlines() if line.startswith(name))


def test_a_crowd_gets_what_each_would_get_alone(server: Server, learned: dict[str, Learned]) -> None:
    """Sixty clients at once, texts of all lengths: the batches mix them, the answers do not."""
    texts = [TEXTS[number % 5] + " film" * (number % 7) for number in range(120)]
    alone = wanted(learned["reviews"], texts)
    with ThreadPoolExecutor(60) as clients:
        answers = list(clients.map(lambda text: rows(server.post("/models/reviews/predict", [text]))[0], texts))
    np.testing.assert_allclose(np.array(answers), alone, atol=1e-5)
    batches, inputs = (figure(server, f'tongsu_batch_inputs_{what}{{model="reviews"}}') for what in ("count", "sum"))
    assert inputs > batches  # some were answered together


def test_large_orders(server: Server, learned: dict[str, Learned]) -> None:
    texts = [TEXTS[number % 5] for number in range(500)]
    texts[7] = "   "
    answer = server.post("/models/reviews/batch", texts).json()["predictions"]
    assert len(answer) == 500 and answer[7]["error"]["kind"] == "empty-text"
    alone = wanted(learned["reviews"], TEXTS)
    found = np.array([list(one["probabilities"].values()) for number, one in enumerate(answer) if number != 7])
    np.testing.assert_allclose(found, np.delete(np.tile(alone, (100, 1)), 7, 0), atol=1e-5)


def test_top(server: Server, pictures: list[bytes]) -> None:
    answer = server.post("/predict?top=3", data=pictures[0], headers={"Content-Type": "image/png"})
    one = answer.json()["predictions"][0]
    values = list(one["probabilities"].values())
    assert len(values) == 3 and values == sorted(values, reverse=True) and values[0] == one["probability"]


def test_what_the_server_says_of_itself(server: Server) -> None:
    told = {model["name"]: model for model in server.get("/models").json()["models"]}
    assert list(told) == ["digits", "reviews", "moons"]
    assert (told["digits"]["kind"], told["digits"]["digits"]) == ("images", True)
    assert told["reviews"]["labels"] == ["bad", "good"]
    assert server.get("/healthz").json() == {"status": "ok"}
    assert server.get("/readyz").json()["models"] == list(told)
    described = server.get("/openapi.json").json()
    assert {"/predict", "/batch", "/models", "/models/{model}/predict", "/healthz", "/readyz", "/metrics"} <= set(
        described["paths"]
    )
    body = described["paths"]["/predict"]["post"]["requestBody"]["content"]
    assert set(body) == {"application/json", "multipart/form-data"}


@pytest.mark.parametrize(("lang", "words"), [("en", "Try your model"), ("zh-CN,zh;q=0.9,en;q=0.5", "试试你的模型")])
def test_the_pages_ask_nobody_else(lang: str, words: str, server: Server) -> None:
    page = server.get("/", headers={"Accept-Language": lang})
    assert words in page.text and "default-src 'none'" in page.headers["Content-Security-Policy"]
    docs = server.get("/docs", headers={"Accept-Language": lang})
    files = [server.get(f"/static/{name}") for name in ("page.js", "docs.js", "page.css")]
    for answer in (page, docs, *files):
        assert answer.status_code == 200 and "//" not in answer.text.replace("</", "").replace("// ", "")
    models = page.text.partition('data-models="')[2].partition('"')[0]
    import html

    assert [model["name"] for model in json.loads(html.unescape(models))] == ["digits", "reviews", "moons"]


def test_a_photograph_is_brought_to_size(server: Server, learned: dict[str, Learned]) -> None:
    image = Image.new("RGB", (400, 300), "white")
    for x in range(150, 250):
        for y in range(40, 60):
            image.putpixel((x, y), (0, 0, 0))
    file = io.BytesIO()
    image.save(file, "JPEG")
    found = rows(server.post("/predict", files={"file": ("seven.jpg", file.getvalue())}))
    np.testing.assert_allclose(found, wanted(learned["digits"], [file.getvalue()]), atol=1e-5)
