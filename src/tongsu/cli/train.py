"""`tongsu train`: choose a recipe, train it in a run folder, show how it goes, keep it when interrupted."""

from __future__ import annotations

from typing import Annotated

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.cli.data import bring
from tongsu.cli.start import start_torch
from tongsu.locale import t

Chapter = Annotated[str | None, typer.Argument(help=t("cli.help.chapter"), show_default=False)]
Changes = Annotated[list[str] | None, typer.Argument(help=t("cli.help.changes"), metavar="[KEY=VALUE]...")]


def train(
    chapter: Chapter = None,
    changes: Changes = None,
    preset: Annotated[str, typer.Option(help=t("cli.help.preset"))] = "fast",
    data: Annotated[str | None, typer.Option(help=t("cli.help.data_spec"))] = None,
    seed: Annotated[int | None, typer.Option(help=t("cli.help.seed"))] = None,
    device: Annotated[str, typer.Option(help=t("cli.help.device"))] = "auto",
    deterministic: Annotated[bool, typer.Option("--deterministic", help=t("cli.help.deterministic"))] = False,
    resume: Annotated[str | None, typer.Option(help=t("cli.help.resume"), metavar="RUN")] = None,
    force: Annotated[bool, typer.Option("--force", help=t("cli.help.force"))] = False,
    name: Annotated[str | None, typer.Option(help=t("cli.help.name"))] = None,
    as_json: AsJson = False,
) -> None:
    start_torch()
    from tongsu import session
    from tongsu.cli.progress import follow
    from tongsu.recipes.choose import choose
    from tongsu.training.device import pick_device

    pairs = list(changes or [])
    if chapter and "=" in chapter:  # `--resume RUN epochs=9`: no chapter was named
        pairs, chapter = [chapter, *pairs], None
    if seed is not None:
        pairs.append(f"seed={seed}")
    if deterministic:
        pairs.append("deterministic=true")
    pick_device(device)  # a wrong one is refused before a folder is made
    if chapter and not resume:
        bring(choose(chapter, preset, data, pairs).data)
    with console.status(t("train.preparing")):
        if resume:
            pairs += [f"data={data}"] if data else []
            prepared = session.resume(resume, chapter, pairs, force=force)
        else:
            prepared = session.prepare(chapter, preset, data, pairs, name=name)
    console.print(t("train.begins", run=prepared.run.path, data=prepared.dataset.name), markup=False)
    if prepared.recipe.pretrained and not resume:
        count = len(prepared.dataset.train) + len(prepared.dataset.validation)
        told = {"name": prepared.recipe.pretrained, "count": f"{count:,}"}
        console.print(t("pretrained.looking", **told), markup=False)
    stopped = follow(prepared.events(device), prepared.recipe)
    if stopped:
        emit({"run": str(prepared.run.path), "interrupted": True}, as_json)
        console.print(t("train.interrupted", name=prepared.run.name), markup=False)
        raise typer.Exit(stopped)
    with console.status(t("train.drawing")):
        from tongsu.illustrate import illustrate  # not before: nobody waits for pictures to see a training begin
        from tongsu.learned import Learned

        illustrate(Learned.load(prepared.run), prepared.dataset)
    answer = session.summary(prepared.run)
    console.print(t("train.done", run=prepared.run.path, seconds=f"{answer['train_seconds']:.1f}"), markup=False)
    following = "train.next_gan" if prepared.recipe.task == "gan" else "train.next"
    console.print(t(following, name=prepared.run.name), markup=False)
    emit(answer, as_json)
