"""`tongsu pretrained ls|get|import`: networks that others have trained."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.start import start_torch
from tongsu.errors import Problem
from tongsu.locale import t

app = typer.Typer(no_args_is_help=True)


@app.command("ls", help=t("pretrained.help.ls"))
def list_networks(as_json: AsJson = False) -> None:
    from rich.table import Table

    from tongsu.data.sources import Package
    from tongsu.pretrained.built_in import NAMES
    from tongsu.pretrained.networks import NETWORKS, HubFile
    from tongsu.runs.atomic import size_text

    table = Table(*(t(f"pretrained.column.{name}") for name in ("name", "parameters", "size", "source", "state")))
    answer: list[dict[str, Any]] = []
    for name, network in NETWORKS.items():
        state = "here" if network.is_here() else "missing"
        source, size = network.source, size_text(network.source.size)
        if isinstance(source, HubFile):
            kind, place, size = "hub", source.repository, t("pretrained.of_size", size=size)
        else:
            kind, place = "index", ", ".join(o.project for o in source.origins if isinstance(o, Package))
        table.add_row(name, f"{network.parameters:,}", size, f"{t(f'pretrained.from_{kind}')} {place}",
                      t(f"pretrained.state_{state}"))  # fmt: skip
        answer.append({"name": name, "reads": network.kind, "parameters": network.parameters, "source": place,
                       "bytes": source.size, "state": state, "licence": network.licence})  # fmt: skip
    console.print(table)
    for kind in ("images", "text"):
        console.print(f"{t(f'pretrained.reads.{kind}')}: {t(f'pretrained.used.{kind}')}", markup=False)
    console.print(f"{t('pretrained.built_in')} {', '.join(NAMES)}", markup=False)
    emit({"networks": answer, "built_in": list(NAMES)}, as_json)


@app.command("get", help=t("pretrained.help.get"))
def get(
    name: Annotated[str, typer.Argument(help=t("pretrained.help.name"), metavar="NAME")],
    offline: Annotated[bool, typer.Option("--offline", help=t("pretrained.help.offline"))] = False,
    as_json: AsJson = False,
) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    from tongsu.pretrained.asking import DISTILBERT, ask_hub
    from tongsu.pretrained.networks import network

    if name == "sentiment-hub":
        ask_hub(["fine"])
        files: list[Path] = []
    else:
        chosen = network(name)
        bars = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        with Progress(*bars, console=console, transient=True) as bar:
            tasks: dict[str, Any] = {}

            def show(what: str, done: int, total: int) -> None:
                if what not in tasks:
                    tasks[what] = bar.add_task(t("pretrained.fetching", name=what), total=total)
                bar.update(tasks[what], completed=done)

            files = chosen.files(offline=offline, progress=show)
        chosen.load()  # what cannot be read is told now
    console.print(t("pretrained.got", name=name, files=", ".join(map(str, files)) or DISTILBERT), markup=False)
    emit({"name": name, "files": [str(file) for file in files]}, as_json)


@app.command("import", help=t("pretrained.help.import"))
def import_file(
    file: Annotated[Path, typer.Argument(help=t("pretrained.help.file"), metavar="FILE")],
    labels: Annotated[Path | None, typer.Option(help=t("pretrained.help.labels"))] = None,
    name: Annotated[str | None, typer.Option(help=t("pretrained.help.run"))] = None,
    as_json: AsJson = False,
) -> None:
    start_torch()
    from tongsu.data.preprocessing import Images
    from tongsu.pretrained import imagenet
    from tongsu.pretrained.as_runs import import_run
    from tongsu.pretrained.networks import (
        HALF,
        IMAGENET_MEAN,
        IMAGENET_STD,
        KERAS_MEAN,
        KERAS_STD,
        SIDE,
        load_file,
    )

    path = file.expanduser()
    found = load_file(path)
    if found.model == "minilm":
        raise Problem("pretrained.not_a_classifier", file=file, model="MiniLM")
    outputs = found.model_args["outputs"]
    named = tuple(str(number) for number in range(outputs))
    if labels is not None:
        named = _read_labels(labels.expanduser(), outputs)
    elif outputs == 1000:
        named = imagenet.classes()
    mean, std = {"keras": (KERAS_MEAN, KERAS_STD), "efficientnet-lite": (HALF, HALF)}.get(
        found.writer, (IMAGENET_MEAN, IMAGENET_STD)
    )
    channels = found.model_args.get("channels", 3)
    prepare = Images(channels, SIDE, SIDE, mean[:channels], std[:channels])
    run = import_run(found, prepare.to_dict(), named, path, name)
    parameters = run.results()["parameters"]
    told = {"model": found.model, "parameters": f"{parameters:,}", "writer": found.writer}
    console.print(t("pretrained.imported", file=file, run=run.name, **told), markup=False)
    console.print(t("pretrained.next_import", run=run.name), markup=False)
    emit({"run": str(run.path), "model": found.model, "model_args": found.model_args, "parameters": parameters,
          "writer": found.writer}, as_json)  # fmt: skip


def _read_labels(file: Path, count: int) -> tuple[str, ...]:
    if not file.is_file():  # a pipe would keep us waiting
        raise Problem("pretrained.labels", file=file, count=count)
    try:
        names = [line.strip() for line in file.read_text(encoding="utf-8-sig").splitlines() if line.strip()]
    except (OSError, UnicodeDecodeError):
        raise Problem("pretrained.labels", file=file, count=count) from None
    if len(names) != count or len(set(names)) != count:
        raise Problem("pretrained.labels", file=file, count=count)
    return tuple(names)
