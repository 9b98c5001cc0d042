"""The READMEs keep their promises: both say the same, every command and file in them exists, figures are measured."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import tongsu
from tongsu.api import Trained
from tongsu.cli.app import CommandError, app
from tongsu.data import DATASETS, FILES, PREFIXES
from tongsu.data.sources import Package
from tongsu.locale import LANGUAGES
from tongsu.recipes import CHAPTERS
from tongsu.recipes.choose import choose
from tongsu.roadmap import PLAN

ROOT = Path(__file__).parents[1]
READMES = ("README.md", "README.zh-CN.md")
PAGES = (*READMES, "CONTRIBUTING.md", "benchmarks/README.md", "docs/dependencies.md")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
NOT_IMPORTED = {"pytest-timeout", "ruff", "mypy"}  # tools that are run
# What others import for us: PyTorch's exporter, starlette, uvicorn.
NOT_IMPORTED |= {"onnx", "onnxscript", "python-multipart", "uvloop", "httptools", "websockets"}


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page: str) -> list[tuple[str, str]]:
    """(language, text) of each code block, comments and what stands before them removed: those are translated."""
    return [
        (language, "\n".join(line.split("#")[0].rstrip() for line in text.splitlines()))
        for language, text in FENCE.findall(read(page))
    ]


def prose(page: str) -> str:
    return FENCE.sub("", read(page))


def headings(page: str) -> list[str]:
    return re.findall(r"^(#+) ", prose(page), re.MULTILINE)


def links(page: str) -> list[str]:
    return LINK.findall(prose(page))


def anchor(heading: str) -> str:
    """As forges make it: lower case, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def commands(page: str) -> Iterator[str]:
    """Every line of a shell block, and every `tongsu ...` or `make ...` in the text."""
    for language, text in blocks(page):
        if language == "sh":
            yield from filter(None, text.splitlines())
    yield from re.findall(r"`((?:tongsu|make) [^`]+)`", prose(page))


COMMANDS = sorted({(page, line) for page in PAGES for line in commands(page)})


def test_both_readmes_are_built_alike() -> None:
    english, chinese = READMES
    assert headings(english) == headings(chinese)
    assert blocks(english) == blocks(chinese)
    of_files = [[link.partition("#")[0] for link in links(page) if link not in READMES] for page in READMES]
    assert of_files[0] == of_files[1]
    assert len(re.findall(r"^\| ", prose(english), re.M)) == len(re.findall(r"^\| ", prose(chinese), re.M))
    assert re.findall(r"^- ", prose(english), re.M) == re.findall(r"^- ", prose(chinese), re.M)


def test_each_readme_leads_to_the_other_in_its_first_line() -> None:
    for page, other in (READMES, READMES[::-1]):
        assert f"]({other})" in read(page).splitlines()[0]


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_picture_is_there(page: str) -> None:
    anchors = {anchor(heading) for heading in re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)}
    for link in links(page):
        file, _, place = link.partition("#")
        if file and "://" not in file:
            assert ((ROOT / page).parent / file).exists(), link
        assert file or place in anchors, link


@pytest.mark.parametrize(("page", "line"), COMMANDS, ids=lambda value: str(value))
def test_every_command_is_one(page: str, line: str) -> None:
    """Parsed by the program itself, and a training by the recipe it changes; nothing is run."""
    words = shlex.split(line)
    program = Path(words[0]).name
    if program == "make":
        targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert words[1] in targets
    elif program == "tongsu":
        parsed(without_language(words[1:]))
    elif program == "python" and words[1] != "-m":
        script = read(words[1])
        assert all(f'"{word}"' in script for word in words if word.startswith("--"))
    else:
        assert program in ("python", "python3", "pip")


def test_a_wrong_command_would_be_found() -> None:
    for line in ("fly", "train cnn --speed 3", "predict last", "runs fly"):
        with pytest.raises((CommandError, KeyError)):
            parsed(line.split())
    with pytest.raises(Exception, match="spede"):
        parsed(["train", "cnn", "spede=3"])


def without_language(words: list[str]) -> list[str]:
    """`--lang zh` may stand anywhere, as `tongsu.cli.main` reads it before all else."""
    if "--lang" in words:
        at = words.index("--lang")
        assert words[at + 1] in LANGUAGES
        return words[:at] + words[at + 2 :]
    return words


def parsed(words: list[str]) -> None:
    command: Any = typer.main.get_command(app)
    while hasattr(command, "commands") and words:
        if (found := command.get_command(None, words[0])) is None:
            raise KeyError(words[0])
        command, words = found, words[1:]
    if not words:  # a sentence that only names it
        return
    given = command.make_context("tongsu", list(words), resilient_parsing=False).params
    if command.name == "train" and not given["resume"]:
        choose(given["chapter"], given["preset"], given["data"], given["changes"] or [])


@pytest.mark.parametrize("page", READMES)
def test_the_python_lines_use_what_is_there(page: str) -> None:
    (code,) = [text for language, text in blocks(page) if language == "python"]
    used = {
        (node.value.id, node.attr)
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    assert {name for whose, name in used if whose == "tongsu"} <= set(tongsu.__all__)
    assert all(hasattr(Trained, name) for whose, name in used if whose == "run")
    assert {"train", "evaluate", "predict"} <= {name for _, name in used}


@pytest.mark.parametrize("page", READMES)
def test_what_is_listed_is_complete(page: str) -> None:
    text = read(page)
    files = [origin.name for set_ in FILES.values() for file in set_ for origin in file.origins
             if isinstance(origin, Package)]  # fmt: skip
    names = [*CHAPTERS, *CHAPTERS["cnn"], *DATASETS, *files]
    assert [name for name in names if f"`{name}`" not in text and f"--preset {name}`" not in text] == []
    assert all(f"{prefix}:" in text for prefix in PREFIXES)
    assert ("nine nets" in text or "九个网络" in text) and len(PLAN) == 9


def table(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "utf8", folder / "benchmarks" / "table.py", *words],
        capture_output=True, encoding="utf-8",
    )  # fmt: skip


def test_the_tables_are_what_was_measured() -> None:
    if not (ROOT / "benchmarks" / "results" / "quality.json").exists():
        pytest.skip("benchmarks/results/quality.json is not there yet")
    done = table(ROOT, "--check")
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_table_is_made_in_both_languages_and_a_changed_digit_is_found(tmp_path: Path) -> None:
    scripts = ("table.py", "speed_table.py", "serving_table.py", "README.md")
    catalogues = (f"src/tongsu/locale/{lang}/data.toml" for lang in LANGUAGES)
    for name in (*(f"benchmarks/{script}" for script in scripts), *READMES, *catalogues):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    common = {"seeds": [0, 1, 2], "seconds": [60.0, 61.0, 62.0], "mean_seconds": 61.0, "parameters": 1234567}
    rows = [
        {**common, "chapter": "cnn", "title": "CNN", "model": "cnn", "data": "mnist", "metric": "test_accuracy",
         "split": "the official 10,000 test images", "values": [0.98, 0.99, 1.0], "mean": 0.99, "spread": 0.01,
         "road_map": 0.9876, "road_map_seconds": 90},
        {**common, "chapter": "gan", "title": "GAN", "model": "gan", "data": "mnist",
         "metric": "test_frechet_distance", "split": "官方的 10,000 张测试图片", "values": [50.0, 51.0, 52.0],
         "mean": 51.0, "spread": 1.0, "road_map": None, "road_map_seconds": 2043},
    ]  # fmt: skip
    facts = {"made": "2026-01-02", "device": "cpu", "threads": 2, "preset": "fast", "versions": {"torch": "2.13.0"}}
    results = tmp_path / "benchmarks" / "results"
    results.mkdir()
    (results / "quality.json").write_text(json.dumps({**facts, "rows": rows}), encoding="utf-8")
    assert table(tmp_path).returncode == 0
    assert table(tmp_path, "--check").returncode == 0

    english, chinese = ((tmp_path / name).read_text(encoding="utf-8") for name in READMES)
    cnn = "| `cnn` | CNN | 1,234,567 | MNIST | 99.00 % ± 1.00 | 61.0 s | 98.8 % | 90 s |"
    assert cnn in english.splitlines() and cnn.replace(" %", "%").replace(" s |", " 秒 |") in chinese.splitlines()
    assert "Fréchet distance 51.0 ± 1.0 | 61.0 s | – | 2,043 s |" in english
    assert "2 min 2 s" in english and "2 分 2 秒" in chinese
    assert "the official 10,000 test images" in english and "官方的 10,000 张测试图片" not in english
    assert "官方的 10,000 张测试图片" in chinese and "test images" not in chinese

    (tmp_path / READMES[1]).write_text(chinese.replace("99.00%", "99.90%"), encoding="utf-8")
    done = table(tmp_path, "--check")
    assert done.returncode == 1 and "99.90%" in done.stdout and READMES[1] in done.stdout


def needed() -> dict[str, set[str]]:
    """The packages that pyproject.toml asks for: to run, and to develop."""
    project = tomllib.loads(read("pyproject.toml"))["project"]
    lists = {"run": project["dependencies"], "develop": project["optional-dependencies"]["dev"]}
    return {use: {re.split(r"[<>=~! ;\[]", line)[0].lower() for line in lines} for use, lines in lists.items()}


def test_every_dependency_has_its_line_and_every_line_its_dependency() -> None:
    page = read("docs/dependencies.md")
    for use, title in (("run", "To run"), ("develop", "To develop")):
        section = page.partition(f"## {title}\n")[2].partition("\n## ")[0]
        rows = [re.split(r" *\| *", line.strip("| ")) for line in section.splitlines() if line.startswith("|")]
        assert {row[0] for row in rows[2:]} == needed()[use]
        assert all(len(row) == 4 and all(row) for row in rows)


@pytest.mark.parametrize(("use", "folder"), [("run", "src"), ("develop", "tests")])
def test_every_dependency_is_used_and_nothing_else(use: str, folder: str) -> None:
    ours = {"pillow": "PIL", "markdown-it-py": "markdown_it"}
    named = {ours.get(name, name.replace("-", "_")) for name in needed()[use] - NOT_IMPORTED}
    seen: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        if "node_modules" in path.parts:  # KaTeX brings scripts of its own
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                seen |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                seen.add(node.module.split(".")[0])
    assert named <= seen
    if use == "run":
        assert seen - named - set(sys.stdlib_module_names) == {"tongsu"}


def test_every_dependency_is_pinned() -> None:
    lines = (line.partition("==") for line in read("pins.txt").splitlines() if not line.startswith("#"))
    pinned = {name.lower() for name, equals, version in lines if equals and version}
    assert needed()["run"] | needed()["develop"] <= pinned
