"""Writing that is whole or not at all: full disks, read-only folders, shared memory, torn lines."""

from __future__ import annotations

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tongsu.errors import Problem
from tongsu.locale import set_language
from tongsu.runs import atomic

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    set_language("en")
    yield
    set_language(None)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    made = subprocess.run(command, capture_output=True)
    if made.returncode:
        pytest.skip("no mounting here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_what_is_written_is_what_is_there(tmp_path: Path) -> None:
    atomic.write_bytes(tmp_path / "deep" / "folder" / "a", b"\x00\x01")
    atomic.write_text(tmp_path / "b", "通俗")
    atomic.write_json(tmp_path / "c", {"a": [1, (2, 3)], "n": float("nan"), "i": float("inf"), "字": "中"})
    assert (tmp_path / "deep/folder/a").read_bytes() == b"\x00\x01"
    assert (tmp_path / "b").read_text(encoding="utf-8") == "通俗"
    assert json.loads((tmp_path / "c").read_text()) == {"a": [1, [2, 3]], "n": None, "i": None, "字": "中"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c", "deep"]


def test_tensors_of_any_layout(tmp_path: Path) -> None:
    base = torch.arange(24.0).view(2, 3, 4)
    tensors = {
        "whole": base,
        "same": base,
        "view": base[1],
        "turned": base.transpose(0, 2),
        "half": base.bfloat16(),
        "empty": torch.zeros(0, 3),
        "scalar": torch.tensor(7, dtype=torch.int64),
        "pictures": torch.randn(2, 3, 4, 4).to(memory_format=torch.channels_last),
        "learned": torch.nn.Parameter(torch.ones(2)),
    }
    atomic.write_tensors(tmp_path / "t.safetensors", tensors, {"who": "me"})
    found = load_file(tmp_path / "t.safetensors")
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        assert found[name].dtype == value.dtype
        assert torch.equal(found[name], value.detach()), name


@pytest.mark.parametrize("lasting", [True, False])
def test_what_lasts_is_brought_to_the_disk_before_and_after_it_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lasting: bool
) -> None:
    synced: list[tuple[bool, bool]] = []  # (a folder?, does the file have its name?)
    path, sync = tmp_path / "t.safetensors", os.fsync

    def noted(number: int) -> None:
        synced.append((stat.S_ISDIR(os.fstat(number).st_mode), path.exists()))
        sync(number)

    monkeypatch.setattr(os, "fsync", noted)
    atomic.write_tensors(path, {"x": torch.ones(2)}, lasting=lasting)
    assert synced == ([(False, False), (True, True)] if lasting else [])
    assert [file.name for file in tmp_path.iterdir()] == [path.name] and load_file(path).keys() == {"x"}
    atomic.write_tensors(tmp_path / "none.safetensors", {}, lasting=lasting)
    assert load_file(tmp_path / "none.safetensors") == {}


@pytest.mark.parametrize("write", ["bytes", "tensors"])
@needs_root
def test_a_full_disk_leaves_the_old_file_standing(small_disk: Path, write: str) -> None:
    path = small_disk / "file"

    def attempt(size: int) -> None:
        if write == "bytes":
            atomic.write_bytes(path, b"x" * size)
        else:
            atomic.write_tensors(path, {"x": torch.zeros(size, dtype=torch.uint8)})

    attempt(100_000)
    before = path.read_bytes()
    with pytest.raises(Problem) as caught:
        attempt(3_000_000)
    assert caught.value.kind == "disk-full" and caught.value.exit_code == 2
    assert str(small_disk) in caught.value.message and "KB left" in caught.value.message
    assert "\n" not in caught.value.message
    assert path.read_bytes() == before
    assert [left.name for left in small_disk.iterdir()] == ["file"]


@needs_root
def test_a_line_that_does_not_fit_is_told_and_the_next_one_stands_alone(small_disk: Path) -> None:
    log = small_disk / "log"
    atomic.append_line(log, "first")
    filler = small_disk / "filler"
    with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    with pytest.raises(Problem, match="Not enough space"):
        atomic.append_line(log, "y" * 100_000)
    filler.unlink()
    atomic.append_line(log, "last")
    lines = log.read_text().splitlines()
    assert (lines[0], lines[-1]) == ("first", "last")


def test_a_limit_on_file_size_is_a_full_disk_too(tmp_path: Path) -> None:
    """RLIMIT_FSIZE: the same fault for people without root."""
    code = """
import sys
from pathlib import Path
from tongsu.errors import Problem
from tongsu.runs import atomic
path = Path(sys.argv[1])
atomic.write_bytes(path, b"old")
try:
    atomic.write_bytes(path, b"x" * 200_000)
except Problem as problem:
    print(problem.kind)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "file")], capture_output=True, text=True, check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )  # fmt: skip
    assert done.stdout.strip() == "disk-full"
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [left.name for left in tmp_path.iterdir()] == ["file"]


@needs_root
def test_a_read_only_disk(small_disk: Path) -> None:
    (small_disk / "file").write_text("old")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for attempt in (
        lambda: atomic.write_text(small_disk / "file", "new"),
        lambda: atomic.append_line(small_disk / "file", "new"),
        lambda: atomic.make_folder(small_disk / "folder"),
    ):
        with pytest.raises(Problem) as caught:
            attempt()
        assert caught.value.kind == "read-only" and str(small_disk) in caught.value.message
    assert (small_disk / "file").read_text() == "old"


def test_no_permission(tmp_path: Path) -> None:
    """Root may write anywhere, so the attempt is made as nobody."""
    folder = tmp_path / "locked"
    folder.mkdir()
    (folder / "file").write_text("old")
    folder.chmod(0o555)
    for parent in (tmp_path, *tmp_path.parents):
        if parent.stat().st_uid == os.getuid() and parent != Path("/") and "pytest" in str(parent):
            parent.chmod(0o755)
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            atomic.write_text(folder / "file", "new")
            os._exit(1)
        except Problem as problem:
            os._exit(42 if problem.kind == "no-permission" else 2)
        except BaseException:
            os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
    assert [left.name for left in folder.iterdir()] == ["file"]


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(Problem) as caught:
        atomic.write_text(tmp_path / "runs" / "a", "text")
    assert caught.value.kind == "cannot-write"


def test_a_failing_block_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with pytest.raises(ZeroDivisionError), atomic.replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        _ = 1 / 0
    assert (tmp_path / "a").read_text() == "old"
    assert [left.name for left in tmp_path.iterdir()] == ["a"]


def test_sizes_for_people() -> None:
    assert [atomic.size_text(n) for n in (0, 999, 1500, 240e6, 3.2e15)] == [
        "0 B", "999 B", "1.5 KB", "240 MB", "3200 TB"
    ]  # fmt: skip
