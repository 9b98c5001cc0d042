"""A person's own data on the way in: pictures by class, a table, or points drawn on the page.

    runs/.uploads/u-…/LABEL/SHA256.png    pictures; the label is the person's, every other name is ours
    runs/.uploads/u-…/table.csv           and points.csv

Nothing of it is ever served back as a page or a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import hashlib
import io
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any, Literal

from tongsu.data import pictures, tables
from tongsu.data.images import PARTS
from tongsu.errors import Problem
from tongsu.runs.atomic import guarded, make_folder, replace_file, write_text

FOLDER = ".uploads"
LABEL = re.compile(r"\w[\w .+-]{0,39}(?<! )(?<!\.)")
RESERVED = {name for names in PARTS.values() for name in names}  # these mean a split
TABLES = (".csv", ".tsv", ".jsonl", ".ndjson")
PICTURE, TABLE = 25 << 20, 100 << 20  # bytes of one file
FILES, TOTAL = 10_000, 2 << 30  # of one upload
MOST_POINTS = 20_000
ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "BMP": ".bmp"}

Kind = Literal["images", "table", "points"]


class Uploads:
    def __init__(self, runs: Path) -> None:
        self.root = runs.absolute() / FOLDER

    def create(self, kind: Kind, points: Iterable[tuple[float, float, str]] = ()) -> str:
        name = f"u-{secrets.token_hex(6)}"
        make_folder(self.root / name)
        write_text(self.root / name / ".kind", kind)
        if kind == "points":
            text = io.StringIO()
            writer = csv.writer(text)
            writer.writerow(("x", "y", "label"))
            writer.writerows(points)
            write_text(self.root / name / "points.csv", text.getvalue())
        return name

    def folder(self, name: str) -> Path:
        path = self.root / name
        if not re.fullmatch(r"u-[0-9a-f]{12}", name) or not path.is_dir():
            raise Problem("studio.no_upload", upload=name)
        return path

    def kind(self, name: str) -> Kind:
        return (self.folder(name) / ".kind").read_text()  # type: ignore[return-value]

    async def add(self, name: str, body: AsyncIterator[bytes], *, label: str | None, file: str | None) -> int:
        """Keep one more file; how many there are now. Raises Problem for what is not a picture or a table."""
        folder, kind = self.folder(name), self.kind(name)
        if kind == "images":
            place = folder / self.label(label)
        elif kind == "table" and file and Path(file).suffix.lower() in TABLES:
            place = folder
        else:
            raise Problem("studio.no_table", file=file or "–", known=", ".join(TABLES))
        if self.files(folder) >= FILES or sum(path.stat().st_size for path in folder.rglob("*")) > TOTAL:
            raise Problem("studio.too_many_files", files=f"{FILES:,}", size=TOTAL >> 30)
        temporary = folder / f".in-{secrets.token_hex(6)}"
        try:
            digest = await self._receive(body, temporary, PICTURE if kind == "images" else TABLE)
            name = f"table{Path(file or '').suffix.lower()}"
            if kind == "images":
                name = f"{digest[:24]}{await asyncio.to_thread(ending, temporary)}"
            make_folder(place)
            replace_file(temporary, place / name)
        finally:
            temporary.unlink(missing_ok=True)
        return self.files(folder)

    async def _receive(self, body: AsyncIterator[bytes], path: Path, limit: int) -> str:
        digest, count = hashlib.sha256(), 0
        with guarded(path.parent), path.open("wb") as file:
            async for block in body:
                count += len(block)
                if count > limit:
                    raise TooLarge("studio.too_large", limit=limit >> 20)
                digest.update(block)
                file.write(block)
        return digest.hexdigest()

    def label(self, label: str | None) -> str:
        """A class's name that can be a folder's."""
        if not label or not LABEL.fullmatch(label) or label.lower() in RESERVED:
            raise Problem("studio.bad_label", label=label or "–")
        return label

    def describe(self, name: str) -> dict[str, Any]:
        """What the page shows of an upload; `spec` is what a training takes as its data."""
        folder, kind = self.folder(name), self.kind(name)
        answer: dict[str, Any] = {"id": name, "kind": kind, "files": self.files(folder), "spec": f"{kind}:{folder}"}
        if kind == "images":
            places = sorted(path for path in folder.iterdir() if path.is_dir())
            answer["labels"] = {place.name: sum(1 for _ in place.iterdir()) for place in places}
            return answer
        found = next((path for path in sorted(folder.iterdir()) if not path.name.startswith(".")), None)
        answer["spec"] = f"{kind}:{found or folder}"
        if kind == "table" and found:
            answer["columns"] = columns(found)
        return answer

    def list(self) -> list[dict[str, Any]]:
        found = sorted(self.root.glob("u-*"), key=lambda path: path.stat().st_mtime, reverse=True)
        answers = []
        for path in found:
            with contextlib.suppress(Problem, OSError):
                answers.append(self.describe(path.name))
        return answers

    def remove(self, name: str) -> None:
        folder = self.folder(name)
        with guarded(self.root):
            shutil.rmtree(folder)

    @staticmethod
    def files(folder: Path) -> int:
        return sum(path.is_file() and not path.name.startswith(".") for path in folder.rglob("*"))


class TooLarge(Problem):
    """More than may come in: HTTP 413."""


def ending(path: Path) -> str:
    """By what the file is, not by what it is called. Raises Problem unless it is a whole picture of our formats."""
    from PIL import Image

    with pictures.opened(path.read_bytes()), Image.open(path, formats=pictures.FORMATS) as image:
        return ENDINGS[str(image.format)]


def columns(path: Path) -> list[str]:
    """The names at the head of a table. Raises Problem for one that cannot be read."""
    content = tables.decoded(path.read_bytes(), path)
    first = next(tables.rows(content, path, []), None)
    return list(first[1]) if first else []
