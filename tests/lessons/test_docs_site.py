"""`make docs`: the site that it writes, built here and walked through in a real browser."""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from playwright.sync_api import Page, sync_playwright

from tongsu.lessons.exercises import EXERCISES
from tongsu.lessons.glossary import ideas, terms
from tongsu.lessons.lesson import find, names
from tongsu.lessons.readable import readable
from tongsu.lessons.to_markdown import markdown
from tongsu.locale import LANGUAGES, Language, speaking

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
PAGES = [*names(), "index", "exercises", "ideas", "glossary"]
TEX = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)


def built(test: Callable[..., None]) -> Callable[..., None]:
    """Builds the site first, which takes some seconds and needs KaTeX."""
    return pytest.mark.long(pytest.mark.data(test))


def prose(name: str, lang: Language) -> str:
    """A lesson's Markdown without code."""
    return re.sub(r"^```.*?^```|`[^`]*`", "", markdown(find(name, lang)), flags=re.DOTALL | re.MULTILINE)


# Formulas in a terminal --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tex", "shown"), [
    (r"$\frac{\partial L}{\partial w_1} = (p - y)\, x_1$", "∂L/∂w₁ = (p − y) x₁"),
    (r"$\sigma(z) = \frac{1}{1 + e^{-z}}$", "σ(z) = 1 / (1 + e⁻ᶻ)"),
    (r"$h_t = \tanh(W x_t + U h_{t-1} + b)$", "hₜ = tanh(W xₜ + U hₜ₋₁ + b)"),
    (r"$x_{c,\,i+u}$", r"x\[c, i+u\]"),
    (r"$c_t = f_t \odot c_{t-1}$, `$x_1$`", "cₜ = fₜ ⊙ cₜ₋₁, `$x_1$`"),
    ("$$\na_1, \\qquad b^2\n$$", "\n```text\na₁\nb²\n```\n"),
])  # fmt: skip
def test_a_formula_can_be_read_in_a_terminal(tex: str, shown: str) -> None:
    assert readable(tex) == shown


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_formula_of_the_lessons_is_left_as_tex(lang: Language) -> None:
    for name in names():
        formulas = TEX.findall(prose(name, lang))
        assert formulas
        for formula in formulas:
            assert not re.search(r"\\[A-Za-z]|[{}$]", readable(formula)), formula


# The site ----------------------------------------------------------------------------------------------------------


def test_what_the_site_needs_is_listed_and_pinned() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    packages = {re.split(r"[<>=]", line)[0] for line in wanted["docs"]}
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w-]+) \|", page.partition("## To build the site")[2].partition("\n## ")[0], re.MULTILINE)
    assert set(rows[2:]) == packages
    pins = (ROOT / "pins.txt").read_text(encoding="utf-8").lower()
    assert all(f"\n{name}==" in pins for name in packages)
    site = json.loads((ROOT / "docs" / "site" / "package.json").read_text(encoding="utf-8"))["dependencies"]
    lock = json.loads((ROOT / "docs" / "site" / "package-lock.json").read_text(encoding="utf-8"))
    assert lock["packages"]["node_modules/katex"]["version"] == site["katex"]
    studio = json.loads((ROOT / "src/tongsu/studio/web/package.json").read_text(encoding="utf-8"))
    assert {**studio["dependencies"], **studio["devDependencies"]}.get("katex", site["katex"]) == site["katex"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("sphinx")
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, ROOT / "docs" / "site" / "build.py", folder], capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == str(folder / "site" / "index.html")
    return folder / "site"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def page(site: Path) -> Iterator[Page]:
    """A tab of the system's own browser."""
    if CHROMIUM is None:
        pytest.skip("no browser is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()



@built
def test_every_page_is_there_in_both_languages(site: Path) -> None:
    for lang in LANGUAGES:
        assert {path.stem for path in (site / lang).glob("*.html")} == {*PAGES, "search"}
        page = (site / lang / "exercises.html").read_text(encoding="utf-8")
        with speaking(lang):
            assert all(exercise.usage.split()[-2] in page for exercise in EXERCISES.values())
        page = (site / lang / "glossary.html").read_text(encoding="utf-8")
        assert all(one.word(lang).replace("'", "’") in page for one in terms().values())
        page = (site / lang / "ideas.html").read_text(encoding="utf-8")
        assert all(one.word(lang) in page for one in ideas().values())


@built
@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_browser_sees_formulas_and_pictures_and_asks_nobody_else(address: str, page: Page, lang: Language) -> None:
    foreign: list[str] = []
    failed: list[str] = []
    page.on("request", lambda asked: None if asked.url.startswith((address, "data:")) else foreign.append(asked.url))
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.on("pageerror", lambda error: failed.append(str(error)))
    for name in PAGES:
        page.goto(f"{address}/{lang}/{name}.html")
        page.evaluate("document.fonts.ready")
        if name in names():
            formulas = TEX.findall(prose(name, lang))
            assert page.locator(".math > .katex, .math > .katex-display").count() == len(formulas)
            assert page.locator(".katex-error").count() == 0
            loaded = page.evaluate("[...document.fonts].filter(one => one.status == 'loaded').map(one => one.family)")
            assert "KaTeX_Math" in loaded
            pictures = page.locator("main img")
            assert pictures.count() == len(re.findall(r"^!\[", markdown(find(name, lang)), re.MULTILINE)) > 0
            for at in range(pictures.count()):
                pictures.nth(at).scroll_into_view_if_needed()
                assert pictures.nth(at).evaluate("one => one.decode().then(() => one.naturalWidth)") > 200
        other = page.locator("header .language")
        other.click()
        assert page.url == f"{address}/{'en' if lang == 'zh' else 'zh'}/{name}.html"
        assert page.locator("html").get_attribute("lang") == ("en" if lang == "zh" else "zh-CN")
    assert foreign == [] and failed == []


@built
def test_every_link_and_every_anchor_is_there(site: Path) -> None:
    """Also those to pictures, styles, scripts and fonts; none leads to another machine."""
    texts = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    marks = {path: set(re.findall(r'\bid="([^"]+)"', text)) for path, text in texts.items()}
    seen = 0
    for path, text in texts.items():
        for link in re.findall(r'\b(?:href|src|action)="([^"]*)"', text):
            if link.startswith("data:") or link == "#":
                continue
            assert not re.match(r"[a-z]+:|//", link), f"{path}: {link}"
            file, _, mark = link.partition("#")
            target = (path.parent / unquote(file.partition("?")[0])).resolve() if file else path
            assert target.is_file(), f"{path}: {link}"
            assert not mark or unquote(mark) in marks[target], f"{path}: {link}"
            seen += 1
    assert seen > 1000
    styles = site / "en" / "_static" / "katex" / "katex.css"
    fonts = re.findall(r"url\(([^)]+)\)", styles.read_text(encoding="utf-8"))
    assert fonts and all((styles.parent / font).is_file() for font in fonts)


@built
@pytest.mark.parametrize(("lang", "words", "lesson"), [
    ("en", "vanishing gradient", "03-rnn"), ("en", "equivariance", "02-cnn"),
    ("zh", "梯度消失", "03-rnn"), ("zh", "等变性", "02-cnn"), ("zh", "softmax 份额", "05-transformer"),
])  # fmt: skip
def test_the_search_finds_what_a_lesson_has(site: Path, page: Page, lang: Language, words: str, lesson: str) -> None:
    """From the disk, without any server."""
    page.goto(f"{(site / lang / 'search.html').as_uri()}?q={quote(words)}")
    page.locator("#search-results li a").first.wait_for()
    found = page.locator("#search-results li a").evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert any(f"{lesson}.html" in link for link in found)
    page.goto(f"{(site / lang / 'search.html').as_uri()}?q={quote('量子纠缠' if lang == 'zh' else 'archbishop')}")
    page.locator("#search-results p").wait_for()
    assert page.locator("#search-results li").count() == 0


@built
def test_a_phone_sees_no_page_wider_than_itself(address: str, page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    for lang in LANGUAGES:
        for name in PAGES:
            page.goto(f"{address}/{lang}/{name}.html")
            assert page.evaluate("document.documentElement.scrollWidth") <= 360, f"{lang}/{name}"
    page.set_viewport_size({"width": 1280, "height": 800})
