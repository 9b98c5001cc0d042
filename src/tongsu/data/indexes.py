"""Where this person's Python packages come from: the indexes, folders and certificates set up for pip and uv.

Nobody has to set anything up for Tongsu: a regional or institutional mirror that serves pip serves our data too.
Read here: the environment (PIP_*, UV_*), pip.conf (pip.ini) and uv.toml.
"""

from __future__ import annotations

import configparser
import os
import shlex
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit


@dataclass(frozen=True)
class PackageSettings:
    """`indexes`: addresses in the order in which they are asked; `folders`: local ones with package files."""

    indexes: tuple[str, ...]
    folders: tuple[Path, ...] = ()
    certificates: str | None = None
    proxy: str | None = None


def settings(environment: Mapping[str, str] | None = None) -> PackageSettings:
    """What pip or uv would use here and now. Without any setting: the index that every installer starts with."""
    env = os.environ if environment is None else environment
    pip, uv = _pip(env), _uv(env)
    main = _list(pip.get("index-url")) or _list(uv.get("index-url"))
    if not main and not pip.get("no-index"):
        from pypi_simple import PYPI_SIMPLE_ENDPOINT  # only now: it imports an HTTP client

        main = [PYPI_SIMPLE_ENDPOINT]
    extra = _list(pip.get("extra-index-url")) + _list(uv.get("extra-index-url"))
    links = _list(pip.get("find-links")) + _list(uv.get("find-links"))
    links = [link.removeprefix("file://") for link in links]
    folders = [Path(link).expanduser() for link in links if "://" not in link]
    return PackageSettings(
        # A folder on this machine costs nothing to ask.
        tuple(dict.fromkeys(sorted(main + extra, key=lambda url: not url.startswith("file:")))),
        tuple(folder for folder in folders if folder.is_dir()),
        pip.get("cert"),
        pip.get("proxy"),
    )


def without_password(url: str) -> str:
    """An address as it may be shown."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _pip(env: Mapping[str, str]) -> dict[str, str]:
    """pip's options, the strongest last: system, user, environment's file, then PIP_ variables."""
    found: dict[str, str] = {}
    for path in _pip_files(env):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
        for section in ("global", "download", "install"):
            if parser.has_section(section):
                found |= {key.replace("_", "-"): value for key, value in parser.items(section)}
    names = {key.removeprefix("PIP_").lower().replace("_", "-"): v for key, v in env.items() if key[:4] == "PIP_"}
    return {key: value for key, value in (found | names).items() if value}


def _pip_files(env: Mapping[str, str]) -> Iterator[Path]:
    if env.get("PIP_CONFIG_FILE") == os.devnull:
        return
    home, name = Path.home(), "pip.ini" if os.name == "nt" else "pip.conf"
    for folder in env.get("XDG_CONFIG_DIRS", "/etc/xdg").split(os.pathsep):
        yield Path(folder) / "pip" / name
    yield Path("/etc") / name
    yield home / ".pip" / name
    yield Path(env.get("XDG_CONFIG_HOME") or home / ".config") / "pip" / name
    yield home / "Library" / "Application Support" / "pip" / name
    if env.get("APPDATA"):
        yield Path(env["APPDATA"]) / "pip" / name
    yield Path(sys.prefix) / name
    if env.get("PIP_CONFIG_FILE"):
        yield Path(env["PIP_CONFIG_FILE"])


def _uv(env: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {"index-url": [], "extra-index-url": [], "find-links": []}
    files = [Path("/etc/uv/uv.toml"), Path(env.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "uv" / "uv.toml"]
    if env.get("UV_CONFIG_FILE"):
        files = [Path(env["UV_CONFIG_FILE"])]
    for path in files:
        try:
            values: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        for table in (values, values.get("pip", {})):
            for key in found:
                found[key] = _list(table.get(key)) or found[key]
            for index in table.get("index", []):
                found["index-url" if index.get("default") else "extra-index-url"].append(index.get("url", ""))
    names = {
        "index-url": ("UV_DEFAULT_INDEX", "UV_INDEX_URL"),
        "extra-index-url": ("UV_INDEX", "UV_EXTRA_INDEX_URL"),
        "find-links": ("UV_FIND_LINKS",),
    }
    for key, variables in names.items():
        written = [part for name in variables for part in _list(env.get(name))]
        found[key] = [_without_name(part) for part in written] or found[key]
    return found


def _without_name(index: str) -> str:
    """uv allows name=address."""
    name, _, address = index.partition("=")
    return index if "://" in name or not address else address


def _list(value: str | list[str] | None) -> list[str]:
    if isinstance(value, list):
        return [part for part in value if part]
    return shlex.split(value, posix=os.name != "nt") if value else []
