"""The committed pictures of the lessons' views: `python -m tongsu.lessons.pictures [NAME...]`.

Each lesson's program is run as a reader would run it, in a folder of its own; a view that has a picture is drawn at its
place in it, in both languages.
"""

from __future__ import annotations

import os
import sys
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from tongsu.errors import Problem
from tongsu.lessons.directives import Directive
from tongsu.lessons.lesson import Code, Lesson, find, names
from tongsu.lessons.parts import PICTURES, asked, view_of
from tongsu.locale import LANGUAGES, speaking
from tongsu.runs.atomic import write_bytes

LARGEST = 1000  # pixels: a page is no wider


def draw(lesson: Lesson) -> list[Path]:
    """Run a lesson's Python and draw its views."""
    space: dict[str, Any] = {"__name__": "lesson"}
    written = []
    for block in lesson.blocks:
        if isinstance(block, Code) and block.language == "python":
            exec(compile(block.text, f"{lesson.file}:{block.line}", "exec"), space)
        elif isinstance(block, Directive) and block.name == "view" and "picture" in block.options:
            written += [one_picture(block, lang) for lang in LANGUAGES]
    return written


def one_picture(directive: Directive, lang: Any) -> Path:
    from PIL import Image

    from tongsu.lessons.show import show

    run, _, *given = directive.words
    with speaking(lang):
        image = show(run, view_of(directive), *given, **asked(directive)).convert("RGB")
    image.thumbnail((LARGEST, 2 * LARGEST), Image.Resampling.LANCZOS)
    file = BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    path = PICTURES / f"{directive.options['picture']}.{lang}.png"
    write_bytes(path, file.getvalue())
    return path


def main(asked_for: list[str]) -> None:
    for name in asked_for or names():
        with tempfile.TemporaryDirectory() as folder:
            os.environ["TONGSU_RUNS"] = str(Path(folder) / "runs")
            for path in draw(find(name, "en")):
                print(path, f"{path.stat().st_size / 1000:.0f} KB", flush=True)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Problem as problem:
        raise SystemExit(str(problem)) from None
