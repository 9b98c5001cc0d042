"""`tongsu import`: a model from a Keras script, or a folder that `tongsu export` wrote, becomes a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.start import start_torch
from tongsu.locale import t


def import_keras(
    file: Annotated[Path, typer.Argument(help=t("keras.help.file"), metavar="FILE")],
    vocabulary: Annotated[Path | None, typer.Option(help=t("keras.help.vocabulary"))] = None,
    name: Annotated[str | None, typer.Option(help=t("keras.help.name"))] = None,
    as_json: AsJson = False,
) -> None:
    start_torch()
    from tongsu.keras_import import build, import_run, read_keras
    from tongsu.models import keras_count
    from tongsu.runs.store import RunStore

    if file.is_dir():
        exported_folder(file, name, as_json)
        return
    imported = read_keras(file)
    part = imported.hints.get("part", imported.model)
    net = build(imported)
    parameters = keras_count(net.get_submodule(part) if "part" in imported.hints else net)
    run = import_run(file, RunStore(), vocabulary=vocabulary, name=name)
    console.print(
        t("keras.imported", file=file, part=part, parameters=f"{parameters:,}", run=run.name), markup=False
    )
    if imported.model == "rnn" and vocabulary is None:
        console.print(t("keras.no_vocabulary", file=file), markup=False)
    emit(
        {"run": str(run.path), "model": imported.model, "part": part, "model_args": imported.model_args,
         "parameters": parameters},
        as_json,
    )  # fmt: skip


def exported_folder(folder: Path, name: str | None, as_json: bool) -> None:
    from tongsu.export.folder import import_folder
    from tongsu.runs.store import RunStore

    run = import_folder(folder, RunStore(), name)
    recipe, parameters = run.recipe(), run.results()["parameters"]
    console.print(t("export.imported", folder=folder, run=run.name, parameters=f"{parameters:,}"), markup=False)
    emit(
        {"run": str(run.path), "model": recipe["model"], "part": None, "model_args": recipe["model_args"],
         "parameters": parameters},
        as_json,
    )  # fmt: skip
