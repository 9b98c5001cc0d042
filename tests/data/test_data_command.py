"""`tongsu data` as a person types it."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Answer = tuple[int, str, str]


@pytest.fixture
def tongsu(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The program in this process: exit code, stdout, stderr."""

    def run(*words: str) -> Answer:
        from tongsu.cli import main

        monkeypatch.setattr(sys, "argv", ["tongsu", "--lang", "en", "data", *words])
        with pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def filled(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which a damaged MNIST lies, and something prepared from it."""
    from tongsu.data.mnist import PICKLE
    from tongsu.data.sources import cached

    cached(PICKLE).parent.mkdir(parents=True)
    cached(PICKLE).write_bytes(b"x" * 1000)
    (home / "prepared").mkdir()
    (home / "prepared" / "mnist-0123.safetensors").write_bytes(b"y" * 500)
    return home


def test_ls(home: Path, tongsu: Callable[..., Answer]) -> None:
    code, out, err = tongsu("ls", "--json")
    states = {row["name"]: row["state"] for row in json.loads(out.splitlines()[-1])["data"]}
    assert code == 0 and states["mnist"] == "missing" and states["moons"] == "drawn"
    assert "mnist.pkl.gz" in err and str(home) in err


def test_verify_and_rm(filled: Path, tongsu: Callable[..., Answer]) -> None:
    code, out, err = tongsu("verify", "--json")
    assert code == 1 and json.loads(out)["error"]["kind"] == "damaged" and "mnist" in err
    code, out, _ = tongsu("rm", "mnist", "--json")
    assert code == 0 and json.loads(out)["bytes"] == 1500
    assert not [path for path in filled.rglob("*") if path.is_file()]
    code, out, _ = tongsu("verify", "--json")
    assert code == 0 and set(json.loads(out)["data"].values()) == {"missing"}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        (("get", "mnits"), "unknown-data"),
        (("get", "moons"), "nothing-to-get"),
        (("get", "mnist", "--offline"), "offline"),
        (("get", "mnist", "--official"), "not-official"),
        (("get", "mnist", "--file", "none"), "file-missing"),
        (("get", "mnist", "--file", __file__), "wrong-file"),
        (("rm",), "rm-what"),
        (("verify", "mnits"), "unknown-data"),
    ],
)
def test_wrong_use(tongsu: Callable[..., Answer], words: tuple[str, ...], kind: str) -> None:
    code, out, err = tongsu(*words, "--json")
    assert code == 2 and json.loads(out)["error"]["kind"] == kind and "Traceback" not in err


@pytest.mark.data
def test_a_file_by_hand_gives_a_data_set(tongsu: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    from tongsu.data import reviews_zh
    from tongsu.data.sources import cached

    with monkeypatch.context() as patch:
        patch.delenv("TONGSU_HOME")
        theirs = reviews_zh.get()
    for file in theirs:
        code, _, err = tongsu("get", "reviews-zh", "--file", str(file))
        assert code == 0 and "is ready" in err
    for asset in reviews_zh.FILES:
        assert hashlib.sha256(cached(asset).read_bytes()).hexdigest() == asset.sha256
