"""`tongsu data ls|get|verify|rm`: the data sets on this machine; `tongsu data check`: a look at any data."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.start import start_torch
from tongsu.errors import Failure, Problem
from tongsu.locale import t

app = typer.Typer(no_args_is_help=True)

Names = Annotated[list[str] | None, typer.Argument(help=t("data.help.names"), metavar="NAME...")]


@app.command("ls", help=t("data.help.ls"))
def list_data(as_json: AsJson = False) -> None:
    from rich.table import Table

    from tongsu.data import DATASETS, FILES
    from tongsu.data.sources import cached, home
    from tongsu.runs.atomic import size_text

    table = Table(*(t(f"data.column.{name}") for name in ("name", "files", "size", "state")))
    answer: list[dict[str, Any]] = []
    for name in DATASETS:
        here = [asset for asset in FILES.get(name, ()) if cached(asset).is_file()]
        state = "drawn" if name not in FILES else "here" if here else "missing"
        shown = here or FILES.get(name, ())[:1]
        size = sum(asset.size for asset in shown)
        files = "\n".join(asset.name for asset in shown) or "–"
        table.add_row(name, files, size_text(size) if shown else "–", t(f"data.text.{state}"))
        answer.append({"name": name, "state": state, "files": [str(cached(asset)) for asset in here], "size": size})
    console.print(table)
    console.print(t("data.text.folder", folder=home()), markup=False)
    emit({"folder": str(home()), "data": answer}, as_json)


@app.command("get", help=t("data.help.get"))
def get(
    name: Annotated[str, typer.Argument(help=t("data.help.name"), metavar="NAME")],
    file: Annotated[Path | None, typer.Option(help=t("data.help.file"))] = None,
    official: Annotated[bool, typer.Option("--official", help=t("data.help.official"))] = False,
    offline: Annotated[bool, typer.Option("--offline", help=t("data.help.offline"))] = False,
    as_json: AsJson = False,
) -> None:
    _known(name)
    if official and name != "imdb":
        raise Problem("data.not_official", name=name)
    if file is not None:
        paths = _take(name, file)
    else:
        paths = download(name, offline=offline, **({"official": True} if official else {}))
    console.print(t("data.text.got", name=name, files=", ".join(map(str, paths))), markup=False)
    emit({"name": name, "files": [str(path) for path in paths]}, as_json)


def download(name: str, **choice: bool) -> list[Path]:
    """The files of a data set, with a bar for what has to come over the network."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from tongsu.data import GET

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        tasks: dict[str, Any] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(t("data.text.fetching", name=what), total=total)
            bar.update(tasks[what], completed=done)

        return GET[name](progress=show, **choice)


def bring(name: str) -> None:
    """Before a training: fetch what is missing. Whatever stands in the way is told when the data are loaded."""
    from tongsu.data import GET

    if name in GET:
        with suppress(Problem):
            download(name)


@app.command("verify", help=t("data.help.verify"))
def verify(names: Names = None, as_json: AsJson = False) -> None:
    from tongsu.data import FILES
    from tongsu.data.download import matches
    from tongsu.data.sources import cached

    states: dict[str, str] = {}
    for name in names or FILES:
        _known(name)
        here = [asset for asset in FILES[name] if cached(asset).is_file()]
        right = all(matches(cached(asset), asset.size, asset.sha256) for asset in here)
        states[name] = "missing" if not here else "verified" if right else "damaged"
        if here or names:
            sentence = (
                t("data.text.verified", name=name) if here and right else f"{name}: {t(f'data.text.{states[name]}')}"
            )
            console.print(sentence, markup=False)
    if set(states.values()) == {"missing"} and not names:
        console.print(t("data.text.nothing_here"), markup=False)
    if damaged := [name for name, state in states.items() if state == "damaged"]:
        raise Failure("data.damaged", names=", ".join(damaged))
    emit({"data": states}, as_json)


@app.command("rm", help=t("data.help.rm"))
def remove(
    names: Names = None,
    everything: Annotated[bool, typer.Option("--all", help=t("data.help.all"))] = False,
    as_json: AsJson = False,
) -> None:
    from tongsu.data.sources import home
    from tongsu.runs.atomic import guarded, size_text

    if not names and not everything:
        raise Problem("data.rm_what")
    paths = _removable(names or [], everything)
    size = sum(path.stat().st_size for path in paths)
    for path in paths:
        with guarded(path.parent):
            path.unlink(missing_ok=True)
    shown = [path for path in paths if not path.name.startswith(".")]
    words = t("data.text.removed", names=", ".join(p.name for p in shown), size=size_text(size))
    console.print(words if shown else t("data.text.nothing_removed"), markup=False)
    emit({"folder": str(home()), "removed": [str(path) for path in shown], "bytes": size}, as_json)


@app.command("check", help=t("check.help"))
def check(
    spec: Annotated[str, typer.Argument(help=t("check.spec"), metavar="SPEC")],
    changes: Annotated[list[str] | None, typer.Argument(help=t("cli.help.changes"), metavar="[KEY=VALUE]...")] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=t("check.drawn"))] = None,
    as_json: AsJson = False,
) -> None:
    start_torch()
    from tongsu.check import check as look
    from tongsu.check import draw
    from tongsu.cli.telling import tell

    checked = look(spec, changes or [])
    tell(checked)
    answer = checked.to_dict()
    if output is not None and answer["counts"]:
        answer["picture"] = str(draw(checked, output))
        console.print(t("check.picture_at", path=output), markup=False)
    emit(answer, as_json)


def _removable(names: list[str], everything: bool) -> list[Path]:
    """Files of the sets, unless another set that stays needs them; what was prepared; locks and beginnings."""
    from tongsu.data import FILES
    from tongsu.data.sources import cached, home

    if everything:
        return sorted(path for part in ("files", "prepared") for path in (home() / part).glob("*") if path.is_file())
    for name in names:
        _known(name)
    assets = {asset for name in names for asset in FILES[name]}
    others = {asset for name in FILES if name not in names and _prepared(name) for asset in FILES[name]}
    files = [path for asset in assets - others for path in (cached(asset).parent.glob(f"*{asset.sha256[:8]}-*"))]
    return sorted({*files, *(path for name in names for path in _prepared(name))})


def _prepared(name: str) -> list[Path]:
    from tongsu.data.sources import home

    return list((home() / "prepared").glob(f"{name}-*.safetensors"))


def _known(name: str) -> None:
    from tongsu.data import DATASETS, FILES, nearest

    if name not in DATASETS:
        raise Problem("data.unknown_data", name=name, nearest=nearest(name, DATASETS))
    if name not in FILES:
        raise Problem("data.nothing_to_get", name=name, known=", ".join(FILES))


def _take(name: str, file: Path) -> list[Path]:
    """The person's file as each asset that it is, or holds."""
    from tongsu.data import FILES
    from tongsu.data.sources import take

    taken: list[Path] = []
    refusal: Problem | None = None
    for asset in FILES[name]:
        try:
            taken.append(take(asset, file.expanduser()))
        except Problem as problem:
            refusal = refusal or problem
    if not taken and refusal is not None:
        raise refusal
    return taken
