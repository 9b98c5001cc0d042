"""`--help`: every page in both languages, as wide as the terminal and no wider, and the list of all without delay."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from tongsu.cli.app import COMMANDS, app

WIDTH = 80
EVERY_PAGE = """
import json, typer
from tongsu.cli.app import app

def pages(command, words, parent=None):
    context = command.make_context(words[-1], [], parent=parent, resilient_parsing=True)
    yield " ".join(words), context.get_help()
    for name in command.list_commands(context) if hasattr(command, "list_commands") else []:
        yield from pages(command.get_command(context, name), [*words, name], context)

print(json.dumps(dict(pages(typer.main.get_command(app), ["tongsu"]))))
"""


def program(code: str, lang: str) -> str:
    environ = {**os.environ, "TONGSU_LANG": lang, "COLUMNS": str(WIDTH), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, encoding="utf-8")
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module", params=["en", "zh"])
def pages(request: pytest.FixtureRequest) -> tuple[str, dict[str, str]]:
    return request.param, json.loads(program(EVERY_PAGE, request.param))


def every_command(command: Any, words: tuple[str, ...] = ("tongsu",)) -> Iterator[tuple[str, Any]]:
    yield " ".join(words), command
    for name in command.list_commands(None) if hasattr(command, "commands") else []:
        yield from every_command(command.get_command(None, name), (*words, name))


def columns(line: str) -> int:
    return sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in line)


def test_every_command_has_a_page_with_all_that_it_takes(pages: tuple[str, dict[str, str]]) -> None:
    commands = dict(every_command(typer.main.get_command(app)))
    assert commands.keys() == pages[1].keys() and len(commands) > len(COMMANDS)
    for words, command in commands.items():
        page = pages[1][words]
        assert words in page.replace("\n", " ")
        for param in command.params:
            names = param.opts if param.param_type_name == "option" else [param.metavar or param.name]
            assert all(name in page for name in names), (words, names)


def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut_off(pages: tuple[str, dict[str, str]]) -> None:
    for words, page in pages[1].items():
        assert max(map(columns, page.splitlines())) <= WIDTH, words
        assert {columns(line) for line in page.splitlines() if line.startswith("│")} == {WIDTH}, words
        assert "…" not in page, words


def test_headings_and_defaults_are_in_the_language(pages: tuple[str, dict[str, str]]) -> None:
    lang, page = pages[0], pages[1]["tongsu train"]
    english = ("Usage:", "Arguments", "Options", "[default: fast]", "Show this help.")
    chinese = ("用法：", "参数", "选项", "［默认：fast］", "显示这份帮助。")
    mine, other = (english, chinese) if lang == "en" else (chinese, english)
    assert [word for word in mine if word not in page] == []
    assert [word for word in other if word in page] == []
    assert ("[required]" if lang == "en" else "［必填］") in pages[1]["tongsu predict"]


def test_the_list_of_all_commands_reads_none_of_them() -> None:
    code = (
        "import sys; sys.argv = ['tongsu', '--help']\n"
        "from tongsu.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "print([name for name in sys.modules if name.startswith('tongsu.cli.')], file=sys.stderr)"
    )
    environ = {**os.environ, "TONGSU_LANG": "en"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True)
    read = {name.removeprefix("tongsu.cli.") for name in json.loads(done.stderr.replace("'", '"'))}
    assert all(name in done.stdout for name in COMMANDS)
    assert not read & {where.partition(":")[0] for where in COMMANDS.values()}
