"""Files made to do harm at every door by which a stranger's file comes in: refused in one line, and nothing has run.

The doors: `tongsu import`, `tongsu pretrained import` (and the lists of words and labels beside them),
`tongsu predict`, and the server. What is a run may be a stranger's too.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import requests
from safetensors.numpy import save_file

from malicious import FILES, PICKLES, safetensors
from tongsu.errors import COMMANDS, Problem
from tongsu.runs.store import RunStore
from tongsu.session import prepare
from tongsu.training import checkpoint
from tongsu.training.build import build_model

MEMORY = 300_000  # kilobytes that refusing may take


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class World:
    """Two untrained runs, `pictures` and `reviews`, and a server that answers with both."""

    store: RunStore
    address: str
    worker: int

    def tongsu(self, *words: object) -> Answer:
        """The program, in this process: what a file ran would run here."""
        from tongsu.cli.app import run

        out, err = io.StringIO(), io.StringIO()
        around = {"TONGSU_RUNS": str(self.store.root), "TONGSU_LANG": "en", "TONGSU_OFFLINE": "1"}
        code: Any = None
        with (
            mock.patch.dict(os.environ, around),
            mock.patch.object(sys, "argv", ["tongsu", *map(str, words), "--json"]),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            try:
                run()
            except SystemExit as end:
                code = end.code
        return Answer(code or 0, out.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("doors")
    lines = [f"film {row} was {'great' if row % 2 else 'boring'},{'good' if row % 2 else 'bad'}" for row in range(40)]
    (folder / "reviews.csv").write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    store = RunStore(folder / "runs")
    for name, chapter, data, changes in (
        ("pictures", "mlp", "digits", ["examples=100", "hidden=8"]),
        ("reviews", "rnn", f"table:{folder / 'reviews.csv'}?text=text&label=label", ["embedding=4", "hidden=4"]),
    ):
        session = prepare(chapter, "quick", data, changes, store=store, name=name)
        checkpoint.save_weights(session.run, build_model(session.recipe).state_dict())
        session.run.write_results({"metrics": {}, "parameters": 1, "train_seconds": 1.0, "test_split": ""})
    command = [sys.executable, "-m", "tongsu", "serve", "pictures", "reviews", "--port", "0", "--json"]
    around = {**os.environ, "TONGSU_RUNS": str(store.root), "TONGSU_LANG": "en"}
    process = subprocess.Popen(command, env=around, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        yield World(store, told["address"], told["workers"][0])
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=40)


# The doors --------------------------------------------------------------------------------------------------------


def refused(answer: Answer) -> None:
    """One line of what, one of what to do, the same as JSON, exit code 2."""
    assert answer.code == 2 and "Traceback" not in answer.err, (answer.code, answer.err[-2000:])
    assert not COMMANDS.search(answer.err.replace("\n", "")), ascii(answer.err)
    error, hint = (line for line in answer.err.splitlines() if line.strip())
    told = json.loads(answer.out.splitlines()[-1])["error"]
    assert error == f"Error: {told['message']}" and hint == f"→ {told['hint']}"
    assert len(error) < 700 and not re.search(r"\{\w+\}", told["message"])  # no gap that was not filled


def command(*words: str) -> Callable[[World, Path], None]:
    return lambda world, file: refused(world.tongsu(*words, file))


def beside(read: Callable[[Path], object]) -> Callable[[World, Path], None]:
    def door(_: World, file: Path) -> None:
        with pytest.raises(Problem) as caught:
            read(file)
        assert caught.value.exit_code == 2 and caught.value.hint

    return door


def vocabulary(file: Path) -> object:
    from tongsu.keras_import import read_vocabulary

    return read_vocabulary(file, 10)


def labels(file: Path) -> object:
    from tongsu.cli.pretrained import _read_labels

    return _read_labels(file, 1000)


def server(world: World, file: Path) -> None:
    """As an upload, as a bare body, and as base64 in JSON, to the model that reads pictures; then to the other one."""
    content, before = file.read_bytes(), peak(world.worker)
    coded = base64.b64encode(content).decode()
    name = ("holiday.png", content, "image/png")
    for sent in (
        {"files": {"file": name}}, {"data": content, "headers": {"Content-Type": "image/png"}},
        {"json": {"inputs": [coded]}}, {"json": {"inputs": [f"data:image/png;base64,{coded}"]}},
    ):  # fmt: skip
        answer = requests.post(f"{world.address}/predict", timeout=60, **sent)  # type: ignore[arg-type]
        told = answer.json()["error"]
        assert 400 <= answer.status_code < 500 and set(told) == {"kind", "message", "hint"}, answer.text[:500]
        assert told["message"] and told["hint"] and len(told["message"]) < 700
    # A program, say, is a text like any other: judged or refused, never run.
    answer = requests.post(f"{world.address}/models/reviews/predict", files={"file": name}, timeout=60)
    assert answer.status_code == 200 or 400 <= answer.status_code < 500
    if len(content) > 1_000_000:
        assert answer.status_code == 400, file
    assert requests.get(f"{world.address}/healthz", timeout=60).status_code == 200
    assert peak(world.worker) - before < MEMORY


def as_text(world: World, file: Path) -> None:
    """A .txt file is read as the text that it holds."""
    answer = world.tongsu("predict", "reviews", file.rename(file.with_suffix(".txt")))
    if answer.code:
        refused(answer)
    else:
        assert len(json.loads(answer.out.splitlines()[-1])["predictions"]) == 1


DOORS: dict[str, Callable[[World, Path], None]] = {
    "import": command("import"),
    "import --vocabulary": beside(vocabulary),
    "pretrained import": command("pretrained", "import"),
    "pretrained import --labels": beside(labels),
    "predict": command("predict", "pictures"),
    "predict, a text": as_text,
    "server": server,
}


def peak(process: int | str = "self") -> int:
    """The most memory that a process has had, in kilobytes; 0 where nobody tells."""
    status = Path(f"/proc/{process}/status")
    found = re.search(r"VmHWM:\s+(\d+)", status.read_text()) if status.exists() else None
    return int(found[1]) if found else 0


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", FILES)
def test_refused_and_nothing_ran(name: str, door: str, world: World, tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    file, proof = folder / "holiday.png", tmp_path / "proof"
    FILES[name](file, proof)
    assert file.exists() and not proof.exists()
    around, runs, before = sorted(tmp_path.rglob("*")), sorted(world.store.root.iterdir()), peak()
    DOORS[door](world, file)
    assert not proof.exists() and sorted(world.store.root.iterdir()) == runs
    assert len(sorted(tmp_path.rglob("*"))) == len(around)  # nothing was unpacked
    assert peak() - before < MEMORY


def test_they_are_many() -> None:
    assert len(FILES) > 80 and len({name.partition(":")[0] for name in FILES}) > 20


@pytest.mark.parametrize("name", [name for name in PICKLES if name in (
    "pt: os.system", "pt: eval", "pt: exec", "pt: builtins.open", "pt: subprocess", "pt: hidden among weights",
    "pt: protocol 4")])  # fmt: skip
def test_pickles_are_dangerous_indeed(name: str, tmp_path: Path) -> None:
    """An unpickler that admits everything runs them: what is refused above is no sham."""
    file, proof = tmp_path / "weights", tmp_path / "proof"
    FILES[name](file, proof)
    code = (
        "import pickle, sys, zipfile, io\n"
        "archive = zipfile.ZipFile(sys.argv[1])\n"
        "inside = [n for n in archive.namelist() if n.endswith('data.pkl')][0]\n"
        "unpickler = pickle.Unpickler(io.BytesIO(archive.read(inside)))\n"
        "unpickler.persistent_load = lambda what: __import__('torch').FloatStorage(8)\n"
        "try: unpickler.load()\nexcept Exception: pass\n"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True, timeout=60)
    assert proof.exists()


def test_so_are_arrays_code_and_archives(tmp_path: Path) -> None:
    import marshal

    (tmp_path / "a" / "b").mkdir(parents=True)
    file, proof = tmp_path / "a" / "b" / "file", tmp_path / "proof"
    for name in ("npy: an object", "npz: objects"):
        FILES[name](file, proof)
        loaded = np.load(file, allow_pickle=True)
        _ = loaded["a"] if name.startswith("npz") else loaded
        proof.unlink()
    FILES["pyc: marshalled code"](file, proof)
    eval(marshal.loads(file.read_bytes())).close()
    proof.unlink()
    FILES["tar: a path that leads out"](file, proof)
    with tarfile.open(file) as archive:
        archive.extractall(file.parent, filter="fully_trusted")
    assert proof.exists()


# What is no file --------------------------------------------------------------------------------------------------


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def listening(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as opened:
        os.chdir(path.parent)  # a socket's name must be short
        opened.bind(path.name)
    return path


def loop(path: Path) -> Path:
    path.symlink_to(path)
    return path


def empty_folder(path: Path) -> Path:
    path.mkdir()
    return path


STRANGE: dict[str, Callable[[Path], Path]] = {
    "a pipe": pipe, "a socket": listening, "a link to itself": loop, "a folder": empty_folder,
    "a device": lambda _: Path("/dev/zero"), "nothing at all": lambda path: path,
}  # fmt: skip


@pytest.mark.skipif(sys.platform == "win32", reason="files as Unix has them")
@pytest.mark.timeout(60)
@pytest.mark.parametrize("door", [door for door in DOORS if door not in ("predict, a text", "server")])
@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_file_is_not_waited_for(
    name: str, door: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # also the way back
    DOORS[door](world, STRANGE[name](tmp_path / "x.png"))


# A run of a stranger's --------------------------------------------------------------------------------------------


def told(file: str, *path: str, **changes: Any) -> Callable[[Path], object]:
    """A JSON file of the run says something else."""

    def spoil(run: Path) -> None:
        whole = part = json.loads((run / file).read_text(encoding="utf-8"))
        for name in path:
            part = part[name]
        part |= changes
        (run / file).write_text(json.dumps(whole), encoding="utf-8")

    return spoil


def weights(make: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda run: make(run / "weights.safetensors")


RECIPE, READER = "recipe.json", "preprocessing.json"
RUNS: dict[str, Callable[[Path], object]] = {
    "a pickle for weights": weights(lambda file: FILES["pt: os.system"](file, file.parents[2] / "proof")),
    "a header of a terabyte": weights(lambda file: safetensors(file, {}, b"", 2**40)),
    "other weights": weights(lambda file: save_file({"w": np.zeros(3, np.float32)}, file)),
    "half of the weights": weights(lambda file: file.write_bytes(file.read_bytes()[:5000])),
    "no weights": weights(lambda file: file.unlink()),
    "no JSON": lambda run: (run / RECIPE).write_text("{"),
    "deep JSON": lambda run: (run / RECIPE).write_text("[" * 200_000),
    "a list": lambda run: (run / RECIPE).write_text("[]"),
    "an unknown model": told(RECIPE, model="os.system"),
    "an unknown task": told(RECIPE, task="os.system"),
    "a field of its own": told(RECIPE, run_this="rm -rf /"),
    "a model's argument": told(RECIPE, "model_args", run_this="rm -rf /"),
    "a program for a width": told(RECIPE, "model_args", hidden="__import__('os')"),
    "a billion layers": told(RECIPE, "model_args", hidden=[1] * 2000),
    "a terabyte of weights": told(RECIPE, "model_args", hidden=10**9),
    "more weights than there are numbers": told(RECIPE, "model_args", hidden=2**62),
    "an unknown reader": told(READER, "preprocessing", kind="os.system"),
    "pictures of a terabyte": told(READER, "preprocessing", height=10**6, width=10**6),
    "pictures of no size": told(READER, "preprocessing", height=-28),
    "pictures of words": told(READER, "preprocessing", height="28"),
    "a mean of words": told(READER, "preprocessing", mean=["__import__('os')"]),
    "labels that are too few": told(READER, labels=["a"]),
    "labels that are none": told(READER, labels=7),
    "a field of the reader's own": told(READER, "preprocessing", run_this="rm -rf /"),
}


@pytest.mark.parametrize("words", [("predict", "RUN", "PICTURE"), ("export", "RUN"), ("evaluate", "RUN")], ids=str)
@pytest.mark.parametrize("name", RUNS)
def test_a_run_of_a_strangers(name: str, words: tuple[str, ...], world: World, tmp_path: Path) -> None:
    run, picture = tmp_path / "runs" / "theirs", tmp_path / "seven.png"
    shutil.copytree(world.store.find("pictures").path, run)
    RUNS[name](run)
    from PIL import Image, ImageDraw

    drawing = Image.new("L", (40, 40), 255)
    ImageDraw.Draw(drawing).line((10, 8, 30, 8, 16, 34), fill=0, width=4)
    drawing.save(picture)
    before = peak()
    refused(world.tongsu(*({"RUN": run, "PICTURE": picture}.get(word, word) for word in words)))
    assert not (tmp_path / "proof").exists() and peak() - before < MEMORY


@pytest.mark.parametrize("name", ["vocabulary of numbers", "an endless text"])
def test_a_text_run_of_a_strangers(name: str, world: World, tmp_path: Path) -> None:
    shutil.copytree(world.store.find("reviews").path, tmp_path / "theirs")
    change = {"vocabulary": [[1], 2]} if name == "vocabulary of numbers" else {"length": 10**12}
    told(READER, "preprocessing", **change)(tmp_path / "theirs")
    refused(world.tongsu("predict", tmp_path / "theirs", "great"))


def test_the_server_does_not_start_with_one(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.store.find("pictures").path, tmp_path / "theirs")
    RUNS["a pickle for weights"](tmp_path / "theirs")
    command = [sys.executable, "-m", "tongsu", "serve", str(tmp_path / "theirs"), "--port", "0", "--json"]
    around = {**os.environ, "TONGSU_RUNS": str(world.store.root), "TONGSU_LANG": "en"}
    done = subprocess.run(command, env=around, capture_output=True, text=True, timeout=100)
    refused(Answer(done.returncode, done.stdout, done.stderr))
    assert not list(tmp_path.rglob("proof")) and not (tmp_path.parent / "proof").exists()


def test_this_very_run_is_fine_when_nobody_spoils_it(world: World, tmp_path: Path) -> None:
    """The other side of it: a copied run answers."""
    shutil.copytree(world.store.find("reviews").path, tmp_path / "mine")
    told(READER)(tmp_path / "mine")
    answer = world.tongsu("predict", tmp_path / "mine", "film 3 was great")
    assert answer.code == 0, answer.err
