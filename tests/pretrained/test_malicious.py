"""Files made to do harm, each real and each tried: refused with a reason, and nothing in them has run.

Every pickle here would create the file `proof`; one test shows that an ordinary unpickler does create it.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from tongsu.errors import Problem
from tongsu.pretrained.networks import load_file

Make = Callable[[Path, Path], None]  # (the file to write, the proof that something ran)


class Runs:
    """Whoever unpickles this calls `what`."""

    def __init__(self, what: Callable[..., Any], *values: Any) -> None:
        self.what, self.values = what, values

    def __reduce__(self) -> tuple[Any, ...]:
        return self.what, self.values


def touch(proof: Path) -> Runs:
    return Runs(os.system, f"touch {proof}")


def archive(file: Path, pickled: bytes, extra: dict[str, bytes] | None = None, compression: int = 0) -> None:
    """As torch.save writes: a zip with one pickle and one file an array."""
    members = {"net/data.pkl": pickled, "net/byteorder": b"little", "net/version": b"3\n", **(extra or {})}
    with zipfile.ZipFile(file, "w", compression) as written:
        for name, content in members.items():
            written.writestr(name, content)


def legacy(file: Path, body: bytes) -> None:
    """The format before 2020: a magic number, a protocol, the system, then the object."""
    start = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}]
    file.write_bytes(b"".join(pickle.dumps(part, 2) for part in start) + body)


def safetensors(file: Path, header: Any, data: bytes = b"", length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def entry(shape: list[int], start: int, end: int, kind: str = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


def torch_saved(value: Any, legacy_format: bool = False) -> Make:
    return lambda file, _: torch.save(value, file, _use_new_zipfile_serialization=not legacy_format)


def tar_of_2016(file: Path, proof: Path) -> None:
    with tarfile.open(file, "w") as written:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            content = pickle.dumps(touch(proof), 2)
            info = tarfile.TarInfo(name)
            info.size = len(content)
            written.addfile(info, io.BytesIO(content))


def hdf5(make: Callable[[h5py.File, Path], Any]) -> Make:
    def write(file: Path, proof: Path) -> None:
        with h5py.File(file, "w") as written:
            make(written, proof)

    return write


def with_lambda(written: h5py.File, proof: Path) -> None:
    layers = [{"class_name": "Lambda", "config": {"function": ["4wAAAA==", None, None], "name": str(proof)}}]
    written.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": {"layers": layers}})
    written.create_dataset("model_weights/conv1/conv1/kernel:0", data=np.ones((7, 7, 3, 64), np.float32))


def outside(written: h5py.File, proof: Path) -> None:
    with h5py.File(proof.with_name("other.h5"), "w") as other:
        other["secret"] = np.ones(3, np.float32)
    written["conv1_conv"] = h5py.ExternalLink(str(proof.with_name("other.h5")), "secret")


def external(written: h5py.File, proof: Path) -> None:
    secret = proof.with_name("secret.bin")
    secret.write_bytes(bytes(64))
    written.create_dataset("conv1_conv/kernel:0", (16,), "f4", external=[(str(secret), 0, 64)])


def swelling(written: h5py.File, _: Path) -> None:
    written.create_dataset("conv1_conv/kernel:0", (2**28,), "f4", compression="gzip", fillvalue=1.0)


def round_trip(written: h5py.File, _: Path) -> None:
    group = written.create_group("conv1_conv")
    group["again"] = group  # a group that contains itself


def objects(written: h5py.File, _: Path) -> None:
    written.create_dataset("conv1_conv/kernel:0", data="import os", dtype=h5py.string_dtype())


def expanded(file: Path, _: Path) -> None:
    """One number that says it is two billion."""
    torch.save({"conv1.weight": torch.ones(1).expand(2**31)}, file)


def bomb(file: Path, _: Path) -> None:
    """A hundred megabytes of zeros in a hundred kilobytes."""
    real = io.BytesIO()
    torch.save({"layer1.0.conv1.weight": torch.zeros(2)}, real)
    with zipfile.ZipFile(real) as source, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for member in source.infolist():
            written.writestr(member.filename, source.read(member))
        written.writestr("archive/data/1", bytes(10**8))


def script(file: Path, proof: Path) -> None:
    """TorchScript: an archive with a program in it."""
    real = io.BytesIO()
    torch.save({"layer1.0.conv1.weight": torch.zeros(2)}, real)
    with zipfile.ZipFile(real) as source, zipfile.ZipFile(file, "w") as written:
        for member in source.infolist():
            written.writestr(member.filename, source.read(member))
        written.writestr("archive/code/__torch__.py", f"open({str(proof)!r}, 'w')")


def deep(file: Path, _: Path) -> None:
    archive(file, b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b".")


def npz(file: Path, proof: Path) -> None:
    with file.open("wb") as written:
        np.savez(written, a=np.array([touch(proof)], dtype=object))


def setitems(proof: Path) -> OrderedDict[str, Any]:
    return OrderedDict({"conv1.weight": torch.ones(2), "hook": touch(proof)})


FILES: dict[str, Make] = {
    "pt: os.system": lambda file, proof: archive(file, pickle.dumps(touch(proof), 2)),
    "pt: eval": lambda file, proof: archive(file, pickle.dumps(Runs(eval, f"open({str(proof)!r}, 'w')"), 2)),
    "pt: exec": lambda file, proof: archive(file, pickle.dumps(Runs(exec, f"open({str(proof)!r}, 'w')"), 2)),
    "pt: builtins.open": lambda file, proof: archive(file, pickle.dumps(Runs(open, str(proof), "w"), 2)),
    "pt: subprocess": lambda file, proof: archive(file, pickle.dumps(Runs(subprocess.call, ["touch", str(proof)]), 2)),
    "pt: hidden among weights": lambda file, proof: torch.save(setitems(proof), file),
    "pt: legacy": lambda file, proof: legacy(file, pickle.dumps(touch(proof), 2)),
    "pt: legacy, the first object": lambda file, proof: file.write_bytes(pickle.dumps(touch(proof), 2)) and None,
    "pt: protocol 4": lambda file, proof: archive(file, pickle.dumps(touch(proof), 4)),
    "pt: a whole model": torch_saved(torch.nn.Linear(2, 2)),
    "pt: a whole model, legacy": torch_saved(torch.nn.Linear(2, 2), legacy_format=True),
    "pt: numbers, not arrays": torch_saved({"conv1.weight": 3, "lr": 0.1}),
    "pt: a sparse array": torch_saved({"conv1.weight": torch.eye(3).to_sparse()}),
    "pt: one number said to be two billion": expanded,
    "pt: zip bomb": bomb,
    "pt: TorchScript": script,
    "pt: nested 200,000 deep": deep,
    "pt: cut short": lambda file, _: archive(file, b"\x80\x02}q\x00(X\x05"),
    "pt: two pickles": lambda file, proof: archive(
        file, pickle.dumps({}, 2), {"other/data.pkl": pickle.dumps(touch(proof), 2)}
    ),
    "pth.tar: of 2016": tar_of_2016,
    "npz: objects": npz,
    "safetensors: header of a terabyte": lambda file, _: safetensors(file, {"a": entry([1], 0, 4)}, bytes(4), 2**40),
    "safetensors: header longer than the file": lambda file, _: safetensors(file, {"a": entry([1], 0, 4)}, b"", 5000),
    "safetensors: array past the end": lambda file, _: safetensors(file, {"a": entry([2**40], 0, 2**42)}, bytes(4)),
    "safetensors: arrays overlap": lambda file, _: safetensors(
        file, {"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, bytes(12)
    ),
    "safetensors: shape against bytes": lambda file, _: safetensors(file, {"a": entry([100], 0, 4)}, bytes(4)),
    "safetensors: sizes overflow": lambda file, _: safetensors(file, {"a": entry([2**62, 8], 0, 4)}, bytes(4)),
    "safetensors: no JSON": lambda file, _: safetensors(file, b"{" + b"[" * 5000, bytes(4)),
    "safetensors: unknown type": lambda file, _: safetensors(file, {"a": entry([1], 0, 4, "OBJECT")}, bytes(4)),
    "h5: Lambda": hdf5(with_lambda),
    "h5: link to another file": hdf5(outside),
    "h5: data in another file": hdf5(external),
    "h5: a gigabyte out of nothing": hdf5(swelling),
    "h5: a group inside itself": hdf5(round_trip),
    "h5: text for numbers": hdf5(objects),
    "a program": lambda file, proof: file.write_text(f"#!/bin/sh\ntouch {proof}\n") and None,
    "a page": lambda file, _: file.write_text("<!doctype html><p>Not found") and None,
    "nothing": lambda file, _: file.write_bytes(b"") and None,
}


def test_there_are_more_than_twenty() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("name", FILES)
def test_refused_and_nothing_ran(name: str, tmp_path: Path) -> None:
    file, proof = tmp_path / "weights", tmp_path / "proof"
    FILES[name](file, proof)
    assert file.exists() and not proof.exists()
    with pytest.raises(Problem) as caught:
        load_file(file)
    assert caught.value.hint and "weights" in caught.value.message and "{" not in caught.value.message
    assert not proof.exists()


@pytest.mark.parametrize("name", ["pt: os.system", "pt: eval", "pt: exec", "pt: builtins.open", "pt: subprocess",
                                  "pt: hidden among weights", "pt: protocol 4"])  # fmt: skip
def test_these_files_are_dangerous_indeed(name: str, tmp_path: Path) -> None:
    """An unpickler that admits everything runs them: what the test above refuses is no sham."""
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


def test_the_command_says_so_with_exit_code_2(tmp_path: Path, runs: Path) -> None:
    file, proof = tmp_path / "net.pt", tmp_path / "proof"
    FILES["pt: os.system"](file, proof)
    done = subprocess.run(
        [sys.executable, "-m", "tongsu", "pretrained", "import", str(file), "--json", "--lang", "en"],
        capture_output=True, encoding="utf-8", timeout=100,
    )  # fmt: skip
    assert done.returncode == 2 and json.loads(done.stdout.splitlines()[-1])["error"]["kind"] == "unsafe-pickle"
    assert "posix.system" in done.stderr or "os.system" in done.stderr
    assert not proof.exists() and not runs.exists()
