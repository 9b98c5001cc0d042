"""Checkpoints continue a training bit for bit, and survive SIGKILL, full disks and flipped bytes."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import signal
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Adam, AdamW, Muon, Optimizer

from tongsu.errors import Problem
from tongsu.locale import set_language
from tongsu.runs.store import Run
from tongsu.training import checkpoint
from tongsu.training.checkpoint import State

Weights = dict[str, Tensor]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "run")


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3).to(memory_format=torch.channels_last)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.3)
        self.out = nn.Linear(4 * 16, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.drop(self.norm(self.conv(x)).relu()).flatten(1))


OPTIMIZERS: dict[str, Callable[[nn.Module], Optimizer]] = {
    "adam": lambda net: Adam(net.parameters(), lr=1e-3, eps=1e-7),
    "adam-fused": lambda net: Adam(net.parameters(), lr=1e-3, fused=True),
    "adam-amsgrad": lambda net: Adam(net.parameters(), lr=1e-3, amsgrad=True, betas=(0.5, 0.9)),
    "adam-tensor-lr": lambda net: Adam(net.parameters(), lr=torch.tensor(1e-3)),
    "adamw-groups": lambda net: AdamW(
        [{"params": [p for p in net.parameters() if p.dim() > 1], "weight_decay": 0.1},
         {"params": [p for p in net.parameters() if p.dim() == 1], "lr": 1e-4}], lr=1e-3
    ),
    "sgd": lambda net: SGD(net.parameters(), lr=0.1),
    "sgd-momentum": lambda net: SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, fused=True),
    "muon": lambda net: Muon([net.out.weight], lr=0.02),  # type: ignore[attr-defined]
}  # fmt: skip


def train(net: Net, optimizer: Optimizer, count: int) -> None:
    """Random data and dropout: every step draws from torch's generator."""
    for _ in range(count):
        inputs, targets = torch.randn(8, 3, 6, 6), torch.randint(5, (8,))
        optimizer.zero_grad()
        F.cross_entropy(net(inputs), targets).backward()
        optimizer.step()


def state_of(net: Net, optimizer: Optimizer, **progress: Any) -> State:
    chance = checkpoint.random_state()
    return State(net.state_dict(), {"model": optimizer.state_dict()}, None, chance, progress)


def assert_equal(left: Any, right: Any, where: str = "") -> None:
    """The same types, keys, shapes, and bits."""
    assert type(left) is type(right), (where, type(left), type(right))
    if isinstance(left, dict):
        assert list(left) == list(right), where
        for key in left:
            assert_equal(left[key], right[key], f"{where}.{key}")
    elif isinstance(left, list | tuple):
        assert len(left) == len(right), where
        for i, (one, other) in enumerate(zip(left, right, strict=True)):
            assert_equal(one, other, f"{where}[{i}]")
    elif isinstance(left, Tensor):
        assert left.dtype == right.dtype and left.shape == right.shape, where
        assert left.stride() == right.stride(), where
        as_bytes = [t.detach().contiguous().reshape(-1).view(torch.uint8) for t in (left, right)]
        assert torch.equal(*as_bytes), where
    else:
        assert left == right, where


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_ten_steps_saved_and_ten_more_are_twenty(run: Run, kind: str) -> None:
    torch.manual_seed(1)
    straight = Net()
    optimizer = OPTIMIZERS[kind](straight)
    train(straight, optimizer, 10)
    halfway = state_of(straight, optimizer, step=10)
    checkpoint.save(run, step=10, state=halfway)
    train(straight, optimizer, 10)

    torch.manual_seed(999)  # a fresh process knows nothing of the first one
    torch.rand(7)
    resumed = Net()
    second = OPTIMIZERS[kind](resumed)
    state = checkpoint.load(run)
    resumed.load_state_dict(state.model)
    second.load_state_dict(state.optimizers["model"])
    checkpoint.restore_random_state(state.random)
    train(resumed, second, 10)

    assert_equal(straight.state_dict(), resumed.state_dict())
    assert_equal(optimizer.state_dict(), second.state_dict())
    assert torch.equal(torch.get_rng_state(), checkpoint.random_state()["cpu"])


def test_everything_in_a_state_comes_back_as_it_was(run: Run) -> None:
    net = Net()
    optimizer = OPTIMIZERS["adamw-groups"](net)
    train(net, optimizer, 2)
    average = {name: value.clone() * 2 for name, value in net.state_dict().items()}
    shared = torch.arange(6.0).view(2, 3)
    progress = {
        "step": 2, "best": float("inf"), "worst": float("-inf"), "share": 0.1 + 0.2, "none": None,
        "flag": True, "history": [{"epoch": 1, "loss": 1e-300}, {}], "字": "中文 \n\"'", "empty": [],
        "pair": (1, ("a",)),
    }  # fmt: skip
    state = State(
        {**net.state_dict(), "tied": shared, "tied too": shared, "part": shared[1]},
        {"generator": optimizer.state_dict(), "discriminator": SGD(net.parameters(), lr=1.0).state_dict()},
        average, checkpoint.random_state(), progress,
    )  # fmt: skip
    checkpoint.save(run, step=2, state=state)
    found = checkpoint.load(run)
    for name, value in vars(state).items():
        assert_equal(dict(value), dict(getattr(found, name)), name)


def test_an_object_that_only_a_pickle_could_hold_is_refused(run: Run) -> None:
    with pytest.raises(TypeError, match="plain values only"):
        checkpoint.save(run, step=0, state=State({}, progress={"device": torch.device("cpu")}))


def tiny(step: int) -> State:
    return State({"w": torch.full((100,), float(step))}, progress={"step": step})


def files(run: Run) -> list[str]:
    return sorted(path.name for path in run.checkpoints_folder.iterdir())


def test_the_last_two_and_the_best_are_kept(run: Run) -> None:
    for step in (10, 20, 30):
        checkpoint.save(run, step=step, state=tiny(step))
        if step != 20:
            checkpoint.save(run, step=step + 5, state=tiny(step + 5), kind="best")
    checkpoint.save(run, step=40, state=tiny(40))
    assert checkpoint.steps(run) == [30, 35, 40]
    assert files(run) == [
        "manifest.json", "step-00000030.safetensors", "step-00000035.safetensors", "step-00000040.safetensors"
    ]  # fmt: skip
    for which, step in [("last", 40), ("best", 35), (30, 30), (35, 35)]:
        assert checkpoint.load(run, which).progress == {"step": step}  # type: ignore[arg-type]
    with pytest.raises(Problem) as caught:
        checkpoint.load(run, 10)
    assert caught.value.kind == "no-checkpoint" and "30, 35, 40" in caught.value.message


def test_the_same_step_twice_never_touches_the_file_that_stands(run: Run) -> None:
    first = checkpoint.save(run, step=5, state=tiny(5), kind="best")
    before = first.read_bytes()
    second = checkpoint.save(run, step=5, state=tiny(6))
    assert first != second and first.read_bytes() == before
    assert checkpoint.load(run, "best").progress == {"step": 5}
    assert checkpoint.load(run, "last").progress == {"step": 6}


def test_leftovers_of_a_killed_process_are_cleared_and_other_files_kept(run: Run) -> None:
    checkpoint.save(run, step=1, state=tiny(1))
    left = (".step-00000002.safetensors.ab12.tmp", ".tmpEoKv7q", "step-00000002.safetensors")
    for name in (*left, "notes.txt"):
        (run.checkpoints_folder / name).write_text("x")
    assert checkpoint.load(run).progress == {"step": 1}  # what the manifest does not list does not count
    checkpoint.save(run, step=3, state=tiny(3))
    expected = ["manifest.json", "notes.txt", "step-00000001.safetensors", "step-00000003.safetensors"]
    assert files(run) == expected


@pytest.mark.parametrize("how", ["flip", "cut", "empty", "gone"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before(run: Run, how: str) -> None:
    checkpoint.save(run, step=1, state=tiny(1))
    newest = checkpoint.save(run, step=2, state=tiny(2))
    data = bytearray(newest.read_bytes())
    if how == "flip":
        data[-5] ^= 1
        newest.write_bytes(data)
    elif how == "cut":
        newest.write_bytes(data[:-1])
    elif how == "empty":
        newest.write_bytes(b"")
    else:
        newest.unlink()
    assert checkpoint.load(run, "last").progress == {"step": 1}
    with pytest.raises(Problem) as caught:
        checkpoint.load(run, 2)
    assert caught.value.kind == "damaged-checkpoint"
    (run.checkpoints_folder / "step-00000001.safetensors").unlink()
    with pytest.raises(Problem):
        checkpoint.load(run, "last")


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"checkpoints": [{"file": "a"}]}', b'{"checkpoints": 3}', b"\xff"]
)
def test_a_damaged_manifest_is_named(run: Run, content: bytes) -> None:
    checkpoint.save(run, step=1, state=tiny(1))
    (run.checkpoints_folder / "manifest.json").write_bytes(content)
    with pytest.raises(Problem) as caught:
        checkpoint.load(run)
    assert caught.value.kind in ("damaged-json", "no-checkpoint")


def header(value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(value) if length is None else length) + value


def tensor(kind: str, shape: list[int], end: int, names: str = "w") -> bytes:
    """A file whose header promises tensors in bytes 0 to `end`, and that has four bytes."""
    promised = {"dtype": kind, "shape": shape, "data_offsets": [0, end]}
    return header(json.dumps(dict.fromkeys(names, promised)).encode()) + b"\0" * 4


MALICIOUS = {
    "empty": b"",
    "short": b"\x01\x02",
    "oversized header": header(b"{}", 2**63),
    "header longer than the file": header(b'{"w":', 10**6),
    "header over 100 MB": header(b"{}" + b" " * 50, 200_000_000),
    "not JSON": header(b"\x80\x04\x95garbage."),
    "a pickle": b"\x80\x04\x95\x1d" + b"\x00" * 7 + b"\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id",
    "a zip": b"PK\x03\x04" + b"\x00" * 60,
    "offsets outside": tensor("F32", [9], 36),
    "overlapping": tensor("U8", [4], 4, names="ab"),
    "overflowing shape": tensor("F32", [2**40, 2**40], 4),
    "unknown type": tensor("OBJ", [1], 4),
    "deep nesting": header(b'{"w":' + b"[" * 5000 + b"]" * 5000 + b"}"),
}  # fmt: skip


@pytest.mark.parametrize("name", MALICIOUS)
def test_a_malicious_file_is_refused_in_one_line(run: Run, name: str) -> None:
    run.path.mkdir()
    run.weights.write_bytes(MALICIOUS[name])
    with pytest.raises(Problem) as caught:
        checkpoint.load_weights(run)
    assert caught.value.kind == "damaged-tensors" and "weights.safetensors" in caught.value.message
    assert "\n" not in caught.value.message


FOREIGN = (
    {},
    {"state": "{}", "channels_last": "[]"},
    {"state": '{"dict": [["model", {"tensor": "no"}]]}', "channels_last": "[]"},
    {"state": "[" * 100_000, "channels_last": "[]"},
    {"state": '{"dict": [["other", 1]]}', "channels_last": "[]"},
    {"state": '{"dict": []}', "channels_last": '["w"]'},
)


@pytest.mark.parametrize("metadata", FOREIGN)
def test_a_checkpoint_with_a_foreign_header_is_refused(run: Run, metadata: dict[str, str]) -> None:
    """The manifest vouches for the file, yet its JSON is not ours."""
    path = checkpoint.save(run, step=1, state=tiny(1))
    checkpoint.write_tensors(path, {"w": torch.zeros(1)}, metadata)
    manifest = {"file": path.name, "step": 1, "size": path.stat().st_size, "kind": "last"}
    manifest["sha256"] = subprocess.run(
        ["sha256sum", str(path)], capture_output=True, text=True, check=True
    ).stdout.split()[0]
    (run.checkpoints_folder / "manifest.json").write_text(json.dumps({"checkpoints": [manifest]}))
    with pytest.raises(Problem) as caught:
        checkpoint.load(run)
    assert caught.value.kind == "damaged-tensors"


def test_frames_and_weights(run: Run) -> None:
    with pytest.raises(Problem) as caught:
        checkpoint.load_weights(run)
    assert caught.value.kind == "no-checkpoint"
    net = Net()
    for step in (0, 3, 12):
        with torch.no_grad():
            net.out.bias.fill_(step)
        checkpoint.save_frame(run, step, net.state_dict())
    assert [step for step, _ in run.frames()] == [0, 3, 12]
    assert checkpoint.load_frame(run, 3)["out.bias"].tolist() == [3.0] * 5
    with pytest.raises(Problem) as caught:
        checkpoint.load_frame(run, 4)
    assert "0, 3, 12" in caught.value.hint

    state = State({"w": torch.ones(1)}, average={"w": torch.zeros(1)})
    checkpoint.save(run, step=1, state=state)
    assert checkpoint.load_weights(run)["w"].item() == 0  # interrupted: the average of the last checkpoint
    checkpoint.save_weights(run, {"w": torch.full((1,), 7.0)})
    assert checkpoint.load_weights(run)["w"].item() == 7


def test_loaded_tensors_do_not_hang_on_the_file(run: Run) -> None:
    path = checkpoint.save_weights(run, {"w": torch.ones(1000)})
    weights = checkpoint.load_weights(run)
    path.write_bytes(b"\0" * path.stat().st_size)
    assert weights["w"].sum().item() == 1000


def test_a_full_disk_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting needs root")
    try:
        run = Run(disk / "run")
        checkpoint.save(run, step=1, state=tiny(1))
        big = State({"w": torch.zeros(300_000)}, progress={"step": 2})
        with pytest.raises(Problem) as caught:
            checkpoint.save(run, step=2, state=big)
        assert caught.value.kind == "disk-full" and str(run.checkpoints_folder) in caught.value.message
        assert checkpoint.load(run).progress == {"step": 1}
        assert files(run) == ["manifest.json", "step-00000001.safetensors"]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(Problem) as caught:
            checkpoint.save(run, step=2, state=tiny(2))
        assert caught.value.kind == "read-only"
        assert checkpoint.load(run).progress == {"step": 1}
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def _save_for_ever(run: Run, told: Connection) -> None:
    """Say each step that `save` says stands."""
    step = max(checkpoint.steps(run), default=0)
    while True:
        step += 1
        state = State({"w": torch.full((50_000,), float(step))}, progress={"step": step})
        checkpoint.save(run, step=step, state=state, kind="best" if step % 3 == 0 else "last")
        told.send(step)


@pytest.mark.parametrize("kills", [50, pytest.param(200, marks=pytest.mark.long)])
def test_killed_while_saving(run: Run, kills: int) -> None:
    """SIGKILL at random moments: `last` always loads, whole, and nothing that `save` had finished is lost."""
    chance = random.Random(0)
    # a fork of this process would inherit torch's pool of threads without the threads, and hang in its first tensor
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tongsu.training.checkpoint"])
    checkpoint.save(run, step=0, state=State({"w": torch.zeros(50_000)}, progress={"step": 0}))
    finished = 0
    for _ in range(kills):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_save_for_ever, args=(run, theirs), daemon=True)
        child.start()
        theirs.close()
        finished = ours.recv()  # it is at work: from here on, any moment may be its last
        time.sleep(chance.uniform(0, 0.03))
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL
        with contextlib.suppress(EOFError):
            while True:
                finished = ours.recv()
        state = checkpoint.load(run)
        assert state.progress["step"] in (finished, finished + 1)  # one may stand without having told
        assert torch.equal(state.model["w"], torch.full((50_000,), float(state.progress["step"])))
        finished = state.progress["step"]
    assert finished >= kills
    checkpoint.save(run, step=finished + 1, state=tiny(finished + 1))
    assert not [name for name in files(run) if ".tmp" in name] and len(files(run)) <= 4
