"""The course: lessons section by section, the glossary, the index of ideas, and exercises that are checked as
`tongsu exercise check` does it."""

from __future__ import annotations

import re
import tempfile
import threading
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field

from tongsu.errors import Problem
from tongsu.lessons import exercises
from tongsu.lessons.exercises import Exercise
from tongsu.lessons.exercises.apart import SOURCE
from tongsu.lessons.glossary import ideas, places, terms
from tongsu.lessons.lesson import Lesson, find, names
from tongsu.lessons.parts import PICTURES
from tongsu.locale import language
from tongsu.runs.atomic import write_text
from tongsu.studio.course import section_of, sections, shown_by
from tongsu.studio.studio import Studio

PICTURE = re.compile(r"[\w-]{1,60}\.(en|zh)\.png")


class AskCheck(BaseModel):
    """given: in the order of the exercise's `wants`: a run's name, an address, or, for FILE, what stands in it."""

    model_config = ConfigDict(extra="forbid")
    given: Annotated[list[str], Field(max_length=4)]


def router(studio: Studio) -> APIRouter:
    api = APIRouter()
    checking = threading.Lock()  # what a person wrote may take all of the time and memory that it is allowed

    @api.get("/lessons")
    def every_lesson() -> dict[str, Any]:
        lang = language()
        found = places(lang)
        return {
            "lessons": [outline(find(name)) for name in names()],
            "ideas": [
                {"key": key, "word": idea.word(lang), "heading": found[key][1],
                 "lesson": found[key][0], "section": section_of(find(found[key][0]), found[key][2])}
                for key, idea in ideas().items() if key in found
            ],
            "glossary": [
                {"key": one.key, "en": one.en, "zh": one.zh, "sentence": one.sentence(lang)} for one in terms().values()
            ],
        }  # fmt: skip

    @api.get("/lessons/pictures/{file}")
    def picture(file: str) -> FileResponse:
        if not PICTURE.fullmatch(file) or not (PICTURES / file).is_file():
            raise Problem("studio.no_picture", file=file)
        return FileResponse(PICTURES / file, media_type="image/png")

    @api.get("/lessons/{name}")
    def lesson(name: str) -> dict[str, Any]:
        found = find(name)
        return {
            "name": found.name,
            "title": found.title,
            "language": found.language,
            "sections": [vars(one) for one in sections(found)],
            "exercises": {
                one.name: {**one.to_dict(), "usage": one.usage} for one in map(exercises.find, tasks(found))
            },
        }

    @api.get("/lessons/{name}/views")
    def shown(name: str) -> dict[str, Any]:
        return {"views": shown_by(studio, find(name))}

    @api.post("/exercises/{name}/check")
    def check(name: str, asked: AskCheck) -> dict[str, Any]:
        exercise = exercises.find(name)
        if len(asked.given) != len(exercise.wants):
            raise Problem("lessons.wrong_number", name=exercise.name, usage=exercise.usage)
        with checking:
            return verdict(studio, exercise, asked.given)

    return api


def outline(lesson: Lesson) -> dict[str, Any]:
    told = [{"key": one.key, "title": one.title} for one in sections(lesson)]
    return {"name": lesson.name, "title": lesson.title, "sections": told, "exercises": tasks(lesson)}


def tasks(lesson: Lesson) -> list[str]:
    return [one.target for one in lesson.directives("exercise")]


def verdict(studio: Studio, exercise: Exercise, given: list[str]) -> dict[str, Any]:
    """What the check of the command line says. A run is one of the studio's, never a path."""
    if exercise.kind == "run":
        given = [str(studio.jobs.find(name).path.absolute()) for name in given]
    if exercise.kind != "code":
        return exercise.check(*given).to_dict()
    if len(given[0].encode()) > SOURCE:
        raise Problem("studio.long_program", most=SOURCE)
    with tempfile.TemporaryDirectory(prefix="tongsu-exercise-") as folder:
        file = Path(folder) / f"{exercise.name}.py"
        write_text(file, given[0])
        return exercise.check(str(file)).to_dict()
