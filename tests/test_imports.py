"""The house stays in order: imports point down, files stay short, the map is complete."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tongsu"
LONGEST = 400

# Each layer may import itself and the layers above it in this list; the words in it are modules of tongsu.
LAYERS = (
    ("locale",),
    ("errors",),
    ("runs.atomic", "models"),
    ("data",),
    ("pretrained",),
    ("tasks",),
    ("runs",),
    ("training",),
    ("recipes",),
    ("learned", "session"),
    ("evaluate", "predict", "keras_import", "report"),
    ("pretrained.as_runs", "pretrained.asking", "pretrained.built_in"),
    ("card", "check", "trials"),
    ("illustrate", "export", "views"),
    ("roadmap", "doctor", "bench", "api", "serving"),
    ("lessons",),
    ("studio",),
    ("cli",),
    ("__main__",),
)
# Beside the layers: what they may import, and no more.
ASIDE = {"explain": ("models", "locale", "errors"), "plots": ("locale", "errors", "runs.atomic")}
# Who may import explain and plots.
ASIDE_USERS = ("report", "check", "illustrate", "trials", "views", "roadmap", "doctor", "lessons", "studio", "cli")
FILES = sorted(SOURCE.rglob("*.py"))


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def layer_of(module: str) -> int | None:
    """The most exact name counts: runs.atomic is lower than runs. None: the package, or what is aside."""
    found = [
        (len(name), number)
        for number, names in enumerate(LAYERS)
        for name in names
        if module == name or module.startswith(f"{name}.")
    ]
    return max(found)[1] if found else None


def imports_of(tree: ast.AST, *, only_at_import: bool = False) -> Iterator[str]:
    """Every imported module by its full name, without what is there for the type checker only."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        if for_types or (later and only_at_import):
            continue
        yield from imports_of(node, only_at_import=only_at_import)


def ours(path: Path) -> Iterator[str]:
    """The modules of tongsu that a file imports."""
    modules = {module_of(file) for file in FILES}
    for name in imports_of(ast.parse(path.read_text(encoding="utf-8"))):
        if name == "tongsu" or name.startswith("tongsu."):
            target = name.removeprefix("tongsu").lstrip(".")
            while target not in modules:  # a name inside a module
                target = target.rpartition(".")[0]
            yield target


# `tongsu/__init__.py` is left out: it hands out the Python API, and only when somebody asks.
@pytest.mark.parametrize("path", [file for file in FILES if module_of(file)], ids=module_of)
def test_imports_point_down(path: Path) -> None:
    module = module_of(path)
    head, mine = module.split(".")[0], layer_of(module)
    for target in ours(path):
        if not target or target.split(".")[0] == head:
            continue
        theirs = layer_of(target)
        if head in ASIDE:
            allowed = any(target == name or target.startswith(f"{name}.") for name in ASIDE[head])
            assert allowed, f"{module} imports {target}"
        elif theirs is None:
            assert head in ASIDE_USERS, f"{module} imports {target}"
        else:
            assert mine is not None, f"{module} stands in no layer of this test: give it one"
            assert theirs < mine, f"{module} imports {target}, which stands above or beside it"


def test_every_module_has_a_place() -> None:
    known = {name.split(".")[0] for names in LAYERS for name in names} | set(ASIDE) | {""}
    assert {module_of(path).split(".")[0] for path in FILES} <= known


def test_models_and_atomic_writes_know_nothing_else_of_ours() -> None:
    for path in [*(SOURCE / "models").glob("*.py"), SOURCE / "runs" / "atomic.py"]:
        heads = {target.split(".")[0] for target in ours(path)} - {"models"}
        assert heads <= {"locale", "errors"}, path.name


@pytest.mark.parametrize("path", sorted((SOURCE / "cli").glob("*.py")), ids=module_of)
def test_a_command_imports_torch_only_when_it_runs(path: Path) -> None:
    names = imports_of(ast.parse(path.read_text(encoding="utf-8")), only_at_import=True)
    assert not {name.split(".")[0] for name in names} & {"torch", "safetensors", "matplotlib", "keras"}


QUICK = (
    "import tongsu.cli.app",
    "from tongsu.runs.store import RunStore; RunStore().list()",
    "import tongsu.runs.atomic",
)


@pytest.mark.parametrize("statement", QUICK)
def test_torch_stays_out_of_the_quick_commands(statement: str, tmp_path: Path) -> None:
    code = f"{statement}; import sys; print([n for n in ('torch', 'matplotlib') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_no_file_is_long(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_every_folder_is_on_the_map(name: str) -> None:
    """The README's map of the code has a line for each folder of the package."""
    text = (ROOT / name).read_text(encoding="utf-8")
    folders = {path.parent for path in FILES} - {SOURCE}
    tops = sorted({path.relative_to(SOURCE).parts[0] for path in folders})
    assert [folder for folder in tops if f"{folder}/" not in text] == []


def test_no_class_stands_deeper_than_one_below_its_framework() -> None:
    """No inheritance among our own classes, but for Problem and Failure."""
    bases: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    for name, parents in bases.items():
        for parent in parents:
            assert not bases.get(parent) or parent == "Problem", f"{name} -> {parent} -> {bases[parent]}"
