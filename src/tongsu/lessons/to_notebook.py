"""A lesson as a Jupyter notebook (nbformat 4.5): its Python is code, its views are asked of the reader's own runs."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from tongsu.lessons.directives import Directive
from tongsu.lessons.lesson import Block, Code, Lesson
from tongsu.lessons.parts import call, picture
from tongsu.lessons.to_markdown import block_markdown
from tongsu.locale import speaking, t

Values = dict[str, Any]
SET_UP = "from tongsu.lessons.show import show\nfrom tongsu.locale import set_language\n\nset_language({language!r})"


def notebook(lesson: Lesson) -> Values:
    with speaking(lesson.language):
        cells: list[Values] = []
        held: list[str] = []  # Markdown that becomes one cell
        pictures: Values = {}

        def close() -> None:
            if held:
                cell: Values = {"cell_type": "markdown", "metadata": {}, "source": "\n\n".join(held)}
                cells.append({**cell, "attachments": dict(pictures)} if pictures else cell)
            held.clear()
            pictures.clear()

        for number, block in enumerate(lesson.blocks):
            if _runs(block):
                close()
                if all(cell["cell_type"] != "code" for cell in cells):
                    cells.append(_code(SET_UP.format(language=lesson.language)))
                cells.append(_cell(lesson, block))
                continue
            if isinstance(block, Directive) and block.name == "picture" and (path := picture(block, lesson.language)):
                pictures[path.name] = {"image/png": _encoded(path.read_bytes())}
            if part := block_markdown(lesson, block, "attachment:"):
                held.append(_linked(part))
            if number == 0:
                held.append(t("lessons.notebook_note", file=lesson.file))
        close()
    for at, cell in enumerate(cells):
        cell["id"] = hashlib.sha256(f"{at} {cell['source']}".encode()).hexdigest()[:12]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "nbformat": 4, "nbformat_minor": 5, "cells": cells,
        "metadata": {"kernelspec": kernel, "language_info": {"name": "python"}, "title": lesson.title},
    }  # fmt: skip


def _runs(block: Block) -> bool:
    if isinstance(block, Directive):
        return block.name == "view"
    return isinstance(block, Code) and block.language == "python"


def _cell(lesson: Lesson, block: Block) -> Values:
    """Python with what it prints; a view with its picture, until it is run on the reader's own run."""
    if isinstance(block, Code):
        printed = {"output_type": "stream", "name": "stdout", "text": block.output}
        return _code(block.text.rstrip("\n"), [printed] if block.output else [])
    assert isinstance(block, Directive)
    path = picture(block, lesson.language)
    shown = {"output_type": "display_data", "metadata": {}}
    return _code(call(block), [{**shown, "data": {"image/png": _encoded(path.read_bytes())}}] if path else [])


def _code(source: str, outputs: list[Values] | None = None) -> Values:
    return {"cell_type": "code", "metadata": {}, "execution_count": None, "source": source, "outputs": outputs or []}


def _linked(markdown: str) -> str:
    """Links between lessons lead to notebooks."""
    return re.sub(r"\]\((\d\d-[\w-]+)\.md(#[^)]*)?\)", r"](\1.ipynb\2)", markdown)


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()
