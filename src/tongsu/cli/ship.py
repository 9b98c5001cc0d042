"""`tongsu export`, `push` and `serve`: a run leaves home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.use import Frame, RunName
from tongsu.locale import t


def export(
    run: RunName,
    to: Annotated[str, typer.Option(help=t("export.help.to"))] = "onnx",
    output: Annotated[Path | None, typer.Option("-o", "--output", help=t("export.help.folder"))] = None,
    quantize: Annotated[str | None, typer.Option(help=t("export.help.quantize"))] = None,
    frame: Frame = None,
    as_json: AsJson = False,
) -> None:
    from tongsu.export import export as write
    from tongsu.learned import Learned
    from tongsu.runs.atomic import size_text
    from tongsu.runs.store import RunStore

    learned = Learned.load(RunStore().find(run), frame)
    answer = write(learned, to, output, quantize)
    console.print(t("export.exported", run=learned.run.name, format=to, folder=answer["folder"]), markup=False)
    for name, size in answer["files"].items():
        console.print(f"  {name}  {size_text(size)}", markup=False)
    check = answer["check"]
    inputs = ", ".join("×".join(map(str, shape)) for shape in check["inputs"])
    difference = f"{check['largest_difference']:.1e}"
    console.print(t("export.checked", runtime=check["runtime"], inputs=inputs, difference=difference), markup=False)
    if small := answer.get("quantized"):
        before, after = (size_text(size) for size in small["bytes"].values())
        if "accuracy" in small:
            shares = {name: f"{small[name]:.2%}" for name in ("accuracy_before", "accuracy")}
            told = t("export.quantized", before=before, after=after, examples=small["examples"], **shares)
        else:
            moved = f"{small['mean_difference']:.3f}"
            told = t("export.quantized_pictures", before=before, after=after, difference=moved)
        console.print(told, markup=False)
    emit(answer, as_json)


def push(
    run: RunName,
    repo: Annotated[str, typer.Argument(help=t("export.help.repo"), metavar="REPO")],
    endpoint: Annotated[str | None, typer.Option(help=t("export.help.endpoint"))] = None,
    public: Annotated[bool, typer.Option("--public", help=t("export.help.public"))] = False,
    as_json: AsJson = False,
) -> None:
    from tongsu.export.hub import push as bring
    from tongsu.learned import Learned
    from tongsu.runs.store import RunStore

    learned = Learned.load(RunStore().find(run))
    answer = bring(learned, repo, endpoint, private=not public)
    console.print(t("export.pushed", run=learned.run.name, repo=answer["repo"], commit=answer["commit"]), markup=False)
    emit(answer, as_json)
