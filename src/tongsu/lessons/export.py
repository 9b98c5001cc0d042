"""All lessons in both languages as files: `en/`, `zh/`, the pictures, and the pages about all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

from tongsu.errors import Problem
from tongsu.lessons.lesson import Lesson, find, names
from tongsu.lessons.pages import exercises, glossary, index
from tongsu.lessons.parts import PICTURES
from tongsu.lessons.to_html import html
from tongsu.lessons.to_markdown import markdown
from tongsu.lessons.to_notebook import notebook
from tongsu.locale import LANGUAGES
from tongsu.runs.atomic import json_text, make_folder, write_text

FORMATS: dict[str, tuple[str, Callable[[Lesson], str]]] = {
    "markdown": (".md", markdown),
    "notebook": (".ipynb", lambda lesson: json_text(notebook(lesson), indent=1) + "\n"),
    "html": (".html", lambda lesson: html(lesson, "../pictures/")),
}


def export(to: str, folder: Path) -> list[Path]:
    """Raises Problem for an unknown format, a lesson that cannot be built, and a folder that cannot be written."""
    if to not in FORMATS:
        raise Problem("lessons.no_export", format=to, known=", ".join(FORMATS))
    suffix, render = FORMATS[to]
    texts: dict[Path, str] = {}
    for lang in LANGUAGES:
        for name in names():
            texts[folder / lang / f"{name}{suffix}"] = render(find(name, lang))
        if to != "html":
            texts[folder / lang / "glossary.md"] = glossary(lang, suffix)
            texts[folder / lang / "exercises.md"] = exercises(lang, suffix)
            texts[folder / lang / "ideas.md"] = index(lang, suffix)
    for path, text in texts.items():
        write_text(path, text)
    written = list(texts)
    if to != "notebook":  # they carry theirs
        make_folder(folder / "pictures")
        for picture in sorted(PICTURES.glob("*.png")):
            written.append(Path(copyfile(picture, folder / "pictures" / picture.name)))
    return written
