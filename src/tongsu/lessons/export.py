"""All lessons in both languages as files: `en/`, `zh/`, the pictures, the glossary and the index of ideas."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile

from tongsu.errors import Problem
from tongsu.lessons.glossary import ideas, places, terms
from tongsu.lessons.lesson import Lesson, find, names
from tongsu.lessons.parts import PICTURES
from tongsu.lessons.to_html import html
from tongsu.lessons.to_markdown import markdown
from tongsu.lessons.to_notebook import notebook
from tongsu.locale import LANGUAGES, Language, speaking, t
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
            texts[folder / lang / "glossary.md"] = glossary(lang)
            texts[folder / lang / "ideas.md"] = index(lang, suffix)
    for path, text in texts.items():
        write_text(path, text)
    written = list(texts)
    if to != "notebook":  # they carry theirs
        make_folder(folder / "pictures")
        for picture in sorted(PICTURES.glob("*.png")):
            written.append(Path(copyfile(picture, folder / "pictures" / picture.name)))
    return written


def glossary(lang: Language) -> str:
    with speaking(lang):
        lines = [
            t("lessons.glossary_line", word=one.word(lang), other=one.other(lang), sentence=one.sentence(lang))
            for one in terms().values()
        ]
        return "\n".join([f"# {t('lessons.glossary')}", "", *lines, ""])


def index(lang: Language, suffix: str = ".md") -> str:
    """Idea by idea, where it is explained; those of lessons that are not written yet stand without a link."""
    found = places(lang)
    with speaking(lang):
        lines = [f"# {t('lessons.index')}", ""]
        for key, idea in ideas().items():
            if key in found:
                lesson, heading, slug = found[key]
                link = f"{lesson}{suffix}#{slug}"
                lines.append(t("lessons.index_line", word=idea.word(lang), heading=heading, link=link))
            else:
                lines.append(f"- {idea.word(lang)}")
        return "\n".join([*lines, ""])
