"""`tongsu lessons ls|show|export` and `tongsu exercise ls|show|check`: the course, in the terminal and as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tongsu.cli.console import AsJson, console, emit
from tongsu.locale import language, t

app = typer.Typer(no_args_is_help=True)
exercises = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help=t("lessons.help.name"), metavar="NAME")]
Given = Annotated[list[str] | None, typer.Argument(help=t("lessons.help.what"), metavar="[FILE|RUN|ADDRESS]...")]
Exercise = Annotated[str, typer.Argument(help=t("lessons.help.exercise"), metavar="NAME")]


@app.command("ls", help=t("lessons.help.ls"))
def list_lessons(as_json: AsJson = False) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from tongsu.lessons.lesson import find, names

    table = Table(*(t(f"lessons.column.{name}") for name in ("name", "title", "exercises")), box=SIMPLE_HEAD)
    listed = []
    for name in names():
        lesson = find(name)
        tasks = [one.target for one in lesson.directives("exercise")]
        table.add_row(name, lesson.title, ", ".join(tasks))
        listed.append({"name": name, "title": lesson.title, "exercises": tasks})
    console.print(table)
    console.print(t("lessons.next"), markup=False)
    emit({"lessons": listed}, as_json)


@app.command("show", help=t("lessons.help.show"))
def show(name: Name, as_json: AsJson = False) -> None:
    from rich.markdown import Markdown

    from tongsu.lessons.lesson import find
    from tongsu.lessons.readable import readable
    from tongsu.lessons.to_markdown import markdown

    lesson = find(name)
    text = markdown(lesson, words="")
    if as_json:
        headings = [{"level": one.level, "text": one.text, "slug": one.slug} for one in lesson.headings]
        emit({"name": lesson.name, "title": lesson.title, "headings": headings, "markdown": text}, as_json)
    else:
        console.print(Markdown(readable(text)))


@app.command("export", help=t("lessons.help.export"))
def export(
    output: Annotated[Path, typer.Option("-o", "--output", help=t("lessons.help.folder"))],
    to: Annotated[str, typer.Option(help=t("lessons.help.to"), metavar="markdown|notebook|html")] = "markdown",
    as_json: AsJson = False,
) -> None:
    from tongsu.lessons.export import export as write

    written = write(to, output)
    console.print(t("lessons.exported", count=len(written), folder=output), markup=False)
    emit({"folder": str(output), "files": [str(path) for path in written]}, as_json)


@exercises.command("ls", help=t("lessons.help.exercise_ls"))
def list_exercises(as_json: AsJson = False) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from tongsu.lessons.exercises import EXERCISES

    table = Table(*(t(f"lessons.column.{name}") for name in ("name", "title", "lesson")), box=SIMPLE_HEAD)
    for exercise in EXERCISES.values():
        table.add_row(exercise.name, exercise.title, exercise.lesson)
    console.print(table)
    console.print(t("lessons.next_exercise"), markup=False)
    emit({"exercises": [exercise.to_dict() for exercise in EXERCISES.values()]}, as_json)


@exercises.command("show", help=t("lessons.help.exercise_show"))
def show_exercise(
    name: Exercise,
    output: Annotated[Path | None, typer.Option("-o", "--output", help=t("lessons.help.starter"))] = None,
    as_json: AsJson = False,
) -> None:
    from rich.markdown import Markdown
    from rich.syntax import Syntax

    from tongsu.errors import Problem
    from tongsu.lessons.exercises import find
    from tongsu.runs.atomic import write_text

    exercise = find(name)
    if output is not None:
        if not exercise.starter:
            raise Problem("lessons.no_starter", name=exercise.name)
        if output.exists():
            raise Problem("lessons.already_there", file=output)
        write_text(output, exercise.starter)
    console.print(Markdown(f"## {exercise.title}\n\n{exercise.text}\n\n`{exercise.usage}`"))
    if output is not None:
        console.print(t("lessons.starter_written", file=output), markup=False)
    elif exercise.starter:
        console.print(Syntax(exercise.starter, "python", background_color="default"))
    emit({**exercise.to_dict(), "language": language()}, as_json)


@exercises.command("check", help=t("lessons.help.exercise_check"))
def check(
    name: Exercise,
    what: Given = None,
    as_json: AsJson = False,
) -> None:
    """Exit code 0 when it is passed, 1 when not."""
    from tongsu.errors import Problem
    from tongsu.lessons.exercises import find

    exercise, given = find(name), what or []
    if len(given) != len(exercise.wants):
        raise Problem("lessons.wrong_number", usage=exercise.usage, name=exercise.name)
    verdict = exercise.check(*given)
    for line in verdict.saw:
        console.print(line, markup=False)
    colour, said = ("bold green", "passed") if verdict.passed else ("bold yellow", "not_yet")
    console.print(f"[{colour}]{t(f'lessons.{said}')}[/]")
    if verdict.hint:
        console.print(f"→ {verdict.hint}", markup=False)
    emit({"exercise": exercise.name, **verdict.to_dict()}, as_json)
    raise typer.Exit(0 if verdict.passed else 1)
