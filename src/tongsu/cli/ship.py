"""`tongsu export`, `push` and `serve`: a run leaves home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.start import start_torch
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
    start_torch()
    from tongsu.export import export as write
    from tongsu.learned import Learned
    from tongsu.pretrained.built_in import find
    from tongsu.runs.atomic import size_text

    learned = Learned.load(find(run), frame)
    answer = write(learned, to, output, quantize)
    console.print(t("export.exported", run=learned.run.name, format=to, folder=answer["folder"]), markup=False)
    for name, size in answer["files"].items():
        console.print(f"  {name}  {size_text(size)}", markup=False)
    check = answer["check"]
    source = t(f"export.source.{check['source']}")
    inputs = ", ".join("×".join(map(str, shape)) for shape in check["inputs"])
    difference = f"{check['largest_difference']:.1e}"
    compared = {"source": source, "runtime": check["runtime"], "inputs": inputs, "difference": difference}
    console.print(t("export.checked", **compared), markup=False)
    if small := answer.get("quantized"):
        before, after = (size_text(size) for size in small["bytes"].values())
        if "accuracy" in small:
            shares = {name: f"{small[name]:.2%}" for name in ("accuracy_before", "accuracy")}
            told = t("export.quantized", before=before, after=after, examples=small["examples"], **shares)
        elif "same_answers" in small:
            same = {name: small[name] for name in ("same_answers", "examples")}
            told = t("export.quantized_unlabelled", before=before, after=after, source=source, **same)
        else:
            moved = f"{small['mean_difference']:.3f}"
            told = t("export.quantized_pictures", before=before, after=after, difference=moved)
        console.print(told, markup=False)
        if 10 * small["bytes"]["model.int8.onnx"] > 9 * small["bytes"]["model.onnx"]:
            console.print(t("export.quantized_in_vain"), markup=False)
    emit(answer, as_json)


def push(
    run: RunName,
    repo: Annotated[str, typer.Argument(help=t("export.help.repo"), metavar="REPO")],
    endpoint: Annotated[str | None, typer.Option(help=t("export.help.endpoint"))] = None,
    public: Annotated[bool, typer.Option("--public", help=t("export.help.public"))] = False,
    as_json: AsJson = False,
) -> None:
    start_torch()
    from tongsu.export.hub import push as bring
    from tongsu.learned import Learned
    from tongsu.pretrained.built_in import find

    learned = Learned.load(find(run))
    answer = bring(learned, repo, endpoint, private=not public)
    console.print(t("export.pushed", run=learned.run.name, repo=answer["repo"], commit=answer["commit"]), markup=False)
    emit(answer, as_json)


def serve(
    runs: Annotated[list[str], typer.Argument(help=t("serving.help.runs"), metavar="RUN...")],
    port: Annotated[int, typer.Option(help=t("serving.help.port"))] = 8000,
    host: Annotated[str, typer.Option(help=t("serving.help.host"))] = "127.0.0.1",
    backend: Annotated[str, typer.Option(help=t("serving.help.backend"))] = "torch",
    max_batch: Annotated[int, typer.Option(help=t("serving.help.max_batch"))] = 64,
    max_wait_ms: Annotated[float, typer.Option(help=t("serving.help.max_wait_ms"))] = 0.0,
    queue: Annotated[int, typer.Option(help=t("serving.help.queue"))] = 256,
    deadline_ms: Annotated[float, typer.Option(help=t("serving.help.deadline_ms"))] = 2000.0,
    workers: Annotated[int, typer.Option(help=t("serving.help.workers"))] = 1,
    as_json: AsJson = False,
) -> None:
    from tongsu.errors import Problem
    from tongsu.locale import language
    from tongsu.pretrained.built_in import find
    from tongsu.serving.settings import Settings
    from tongsu.serving.supervisor import serve as answer

    found: dict[str, str] = {}
    for spec in runs:
        name, equals, other = spec.partition("=")
        run = find(other if equals else spec)
        name = name if equals else run.name
        if name in found:
            raise Problem("serving.same_name", name=name)
        found[name] = str(run.path.absolute())
    settings = Settings(
        tuple(found.values()), tuple(found), host, port, backend, max_batch, max_wait_ms, queue, deadline_ms, workers,
        language=language(),
    )  # fmt: skip

    def ready(address: str, processes: list[int]) -> None:
        told = {"names": ", ".join(found), "address": address, "backend": backend, "workers": workers}
        console.print(t("serving.ready", **told), markup=False)
        if not settings.is_local:
            console.print(t("serving.exposed", host=host), markup=False)
        emit({"address": address, "models": list(found), "backend": backend, "workers": processes}, as_json)

    code = answer(settings, ready)
    console.print(t("serving.stopped"), markup=False)
    raise typer.Exit(code)
