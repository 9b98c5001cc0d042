"""From a request's body to raw inputs: JSON or uploaded files, counted as they stream, and nothing is fetched.

A picture is a file's bytes: base64 in JSON, or an upload. It is checked as any picture of a stranger is
(`data.pictures`: formats, 25 million pixels, broken files). Addresses are not inputs.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request
from torch import Tensor

from tongsu.errors import Problem
from tongsu.serving.answering import Answering

LONGEST = 30.0  # seconds that a body may take to arrive
LARGE = 50_000  # bytes; more is read in a thread, so that others do not wait
MOST_FILES = 256
EXAMPLE = '{"inputs": [...]}'
_heavy: asyncio.Semaphore | None = None  # two at a time: a picture of 25 million pixels takes 75 MB


class TooLarge(Problem):
    status = 413


class Unsupported(Problem):
    status = 415


async def body_of(request: Request, limit: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it is, whatever its header says."""
    announced = request.headers.get("content-length", "0")
    if announced.isdecimal() and int(announced) > limit:
        raise TooLarge("serving.too_large", limit=limit)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise TooLarge("serving.too_large", limit=limit)
        parts.append(part)
    return b"".join(parts)


async def raw_inputs(request: Request, limit: int) -> list[Any]:
    """What the client wants judged, not yet read. Raises Problem."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    try:
        async with asyncio.timeout(LONGEST):
            body = await body_of(request, limit)
            if kind == "multipart/form-data":
                return await _uploaded(request, body)
    except TimeoutError:
        raise Problem("serving.slow_body", seconds=LONGEST) from None
    if kind.startswith("image/"):
        return [body]
    if kind != "application/json":
        raise Unsupported("serving.unsupported", kind=kind)
    try:
        told = json.loads(body)
        inputs = told["inputs"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Problem("serving.not_json", example=EXAMPLE) from None
    if not isinstance(inputs, list) or not inputs:
        raise Problem("serving.no_inputs", example=EXAMPLE)
    return inputs


async def _uploaded(request: Request, body: bytes) -> list[Any]:
    """Files (any field name) and texts (fields called `text`) of a form."""

    async def again() -> AsyncIterator[dict[str, Any]]:
        yield {"type": "http.request", "body": body, "more_body": False}

    replay = again()
    whole = Request(request.scope, receive=lambda: anext(replay))
    try:
        async with whole.form(max_files=MOST_FILES, max_fields=MOST_FILES, max_part_size=len(body)) as form:
            parts = form.multi_items()
            found = [part if isinstance(part, str) else await part.read() for _, part in parts]
    except Exception:  # what a parser says of a form that is none
        raise Problem("serving.bad_form") from None
    if not found:
        raise Problem("serving.no_inputs", example=EXAMPLE)
    return found


def decoded(answering: Answering, raw: Any, number: int) -> Any:
    """One input in the form that its preprocessing reads. Raises Problem."""
    kind = answering.learned.preprocessing.kind
    if kind == "images":
        if isinstance(raw, str):
            if raw[:8].lower().startswith(("http:", "https:", "file:", "ftp:")):
                raise Problem("serving.no_addresses", number=number)
            text = raw.partition(",")[2] if raw.startswith("data:") else raw
            try:
                return base64.b64decode(text, validate=True)
            except (binascii.Error, ValueError):
                raise Problem("serving.not_base64", number=number) from None
        if isinstance(raw, bytes):
            return raw
    elif kind == "text":
        if isinstance(raw, bytes):
            try:
                raw = raw.decode("utf-8-sig")
            except UnicodeDecodeError:
                raise Problem("serving.not_utf8", number=number) from None
        if isinstance(raw, str):
            if not raw.strip():
                raise Problem("predict.empty_text")
            return raw
    elif isinstance(raw, str | list):
        return raw
    raise Problem(f"serving.wrong_{kind}", number=number)


def read_all(answering: Answering, raws: list[Any]) -> list[Tensor]:
    return [answering.read(decoded(answering, raw, number)) for number, raw in enumerate(raws, 1)]


async def tensors(answering: Answering, raws: list[Any]) -> list[Tensor]:
    """All inputs read, small ones at once and large ones in a thread. Raises Problem."""
    if sum(len(raw) for raw in raws if isinstance(raw, str | bytes)) < LARGE:
        return read_all(answering, raws)
    global _heavy
    _heavy = _heavy or asyncio.Semaphore(2)
    async with _heavy:
        return await asyncio.to_thread(read_all, answering, raws)
