"""What a page sends becomes what training read; what it should not send is refused."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from pydantic import TypeAdapter, ValidationError

from tongsu.errors import Problem
from tongsu.learned import Learned
from tongsu.runs.store import RunStore
from tongsu.session import prepare
from tongsu.studio.answers import Answers
from tongsu.studio.arrays import pack
from tongsu.studio.inputs import Input
from tongsu.views import START

INPUT: TypeAdapter[Input] = TypeAdapter(Input)


def learned(folder: Path, chapter: str, data: str, *changes: str) -> Learned:
    session = prepare(chapter, "quick", data, changes, store=RunStore(folder))
    events = session.events()
    for event in events:
        if type(event).__name__ in ("FrameSaved", "Step"):
            break
    events.close()
    return Learned.load(session.run)


@pytest.fixture(scope="module")
def nets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Learned]:
    folder = tmp_path_factory.mktemp("runs")
    table = folder / "t.csv"
    lines = [f"film {i} was {'good' if i % 2 else 'bad'},{'yes' if i % 2 else 'no'}" for i in range(60)]
    table.write_text("\n".join(["text,label", *lines]))
    return {
        "digits": learned(folder, "mlp", "digits", "hidden=4", "examples=200", "batch_size=16"),
        "points": learned(folder, "mlp", "moons", "hidden=4", "examples=200", "batch_size=16"),
        "text": learned(folder, "rnn", f"table:{table}?text=text&label=label", "hidden=4", "embedding=4"),
    }


def encoded(values: np.ndarray) -> dict:
    return {"kind": "pixels", "shape": list(values.shape), "data": base64.b64encode(values.tobytes()).decode()}


def a_seven(side: int = 280) -> np.ndarray:
    image = Image.new("L", (side, side))
    corners = [(side * x, side * y) for x, y in ((0.2, 0.2), (0.8, 0.2), (0.4, 0.9))]
    ImageDraw.Draw(image).line(corners, fill=255, width=side // 12, joint="curve")
    return np.asarray(image)


def test_a_drawing_is_the_same_as_its_picture_and_as_what_predict_reads(nets, tmp_path):
    drawing = a_seven()
    file = io.BytesIO()
    Image.fromarray(drawing).save(file, "PNG")
    answers, net = Answers(), nets["digits"]
    as_pixels = answers.read(INPUT.validate_python(encoded(drawing)), net)
    as_file = answers.read(
        INPUT.validate_python({"kind": "image", "data": base64.b64encode(file.getvalue()).decode()}), net
    )
    path = tmp_path / "seven.png"
    path.write_bytes(file.getvalue())
    for read in (as_pixels, as_file):
        np.testing.assert_array_equal(read.x.numpy(), net.read([path]).numpy())
        assert tuple(read.compact.shape) == (1, 28, 28)
    mass = as_pixels.compact[0].double().numpy()  # centred by mass: LeCun's way
    rows, columns = np.indices((28, 28))
    assert abs((mass * rows).sum() / mass.sum() - 14) < 0.75 and abs((mass * columns).sum() / mass.sum() - 14) < 0.75


def test_a_stroke_is_read_once_for_all_frames(nets):
    answers = Answers()
    drawing = INPUT.validate_python(encoded(a_seven()))
    assert answers.read(drawing, nets["digits"]) is answers.read(drawing, nets["digits"])


def test_an_example_is_that_of_the_split(nets):
    answers, net = Answers(), nets["digits"]
    read = answers.read(INPUT.validate_python({"kind": "example", "index": 3, "split": "validation"}), net)
    split = answers.dataset(net).validation
    np.testing.assert_array_equal(read.compact.numpy(), split.inputs[3].numpy())
    assert read.target == int(split.targets[3])


def test_a_text_comes_with_its_words(nets):
    read = Answers().read(INPUT.validate_python({"kind": "text", "text": "film was good"}), nets["text"])
    assert read.words == (START, "film", "was", "good")
    vocabulary = nets["text"].preprocessing.to_dict()["vocabulary"]
    assert [vocabulary[token] for token in read.x[0, -3:].tolist()] == list(read.words[1:])
    assert read.x.shape[0] == 1 and (read.x[0, :-4] == 0).all()  # one place before is the mark of the start


def test_a_point(nets):
    point = Answers().read(INPUT.validate_python({"kind": "point", "values": [0.25, -1]}), nets["points"])
    assert point.x.tolist() == [[0.25, -1.0]]


REFUSED = [
    ("digits", {"kind": "text", "text": "seven"}, "other-input"),
    ("digits", {"kind": "example", "index": 99999}, "no-example"),
    ("digits", {"kind": "pixels", "shape": [3, 3], "data": "AAAA"}, "wrong-shape"),
    ("digits", {"kind": "pixels", "shape": [2, 2], "data": "not base64!"}, "not-base64"),
    ("digits", {"kind": "pixels", "shape": [2, 2], "data": "AAAAAA=="}, "blank-drawing"),
    ("digits", {"kind": "image", "data": base64.b64encode(b"<svg onload='alert(1)'/>").decode()}, "not-an-image"),
    ("points", {"kind": "point", "values": [1.0]}, "not-a-point"),
    ("points", {"kind": "pixels", "shape": [1, 1], "data": "/w=="}, "other-input"),
    ("text", {"kind": "text", "text": "  "}, "empty-text"),
    ("text", {"kind": "text", "text": "xyzzy"}, "unknown-words"),
]


@pytest.mark.parametrize(("net", "given", "kind"), REFUSED, ids=[f"{n}-{k}" for n, _, k in REFUSED])
def test_refused_with_a_reason(nets, net, given, kind):
    with pytest.raises(Problem) as problem:
        Answers().read(INPUT.validate_python(given), nets[net])
    assert problem.value.kind == kind and problem.value.hint


@pytest.mark.parametrize("given", [
    {"kind": "file", "path": "/etc/passwd"}, {"kind": "pixels", "shape": [0, 3], "data": ""}, {"kind": "text"},
    {"kind": "noise"}, {"kind": "example", "index": -1}, {"kind": "point", "values": ["a"]},
])  # fmt: skip
def test_nothing_else_is_an_input(given):
    with pytest.raises(ValidationError):
        INPUT.validate_python(given)


@pytest.mark.parametrize("array", [
    np.arange(6, dtype=np.float64).reshape(2, 3) / 7, np.random.default_rng(0).normal(size=(5, 40)),
    np.arange(256, dtype=np.uint8).reshape(1, 16, 16), np.arange(-3, 3), np.array([1.0, np.nan]), np.float32(3.5),
])  # fmt: skip
def test_arrays_arrive_as_they_left(array):
    packed = pack(array)
    if "values" in packed:
        back = np.array(packed["values"], dtype=packed["dtype"])
    else:
        back = np.frombuffer(base64.b64decode(packed["data"]), np.dtype(packed["dtype"]).newbyteorder("<"))
    np.testing.assert_allclose(back.reshape(packed["shape"]), array, rtol=1e-6)
