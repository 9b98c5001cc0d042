"""What is written beside the lessons, in Markdown: the glossary, the index of ideas, and all exercises."""

from __future__ import annotations

from tongsu.lessons.exercises import EXERCISES
from tongsu.lessons.glossary import ideas, introduced, places, terms
from tongsu.lessons.lesson import find, names
from tongsu.locale import Language, speaking, t


def glossary(lang: Language, suffix: str = ".md") -> str:
    """A heading for each term, so that a lesson can lead to it; `suffix` is that of the lessons' files."""
    lessons = introduced(lang)
    with speaking(lang):
        parts = [f"# {t('lessons.glossary')}"]
        for key, term in terms().items():
            heading = term.heading(lang)
            parts += [f"{'#' * heading.level} {heading.text}", term.sentence(lang)]
            if key in lessons:
                lesson = find(lessons[key], lang)
                parts.append(t("lessons.glossary_from", title=lesson.short, link=lessons[key] + suffix))
        return "\n\n".join(parts) + "\n"


def index(lang: Language, suffix: str = ".md") -> str:
    """Idea by idea, where it is explained; those of lessons that are not written yet stand without a link."""
    found = places(lang)
    with speaking(lang):
        lines = [f"# {t('lessons.index')}", ""]
        for key, idea in ideas().items():
            if key in found:
                lesson, heading, slug = found[key]
                link = f"{lesson}{suffix}#{slug}"
                lines.append(t("lessons.index_line", word=idea.word(lang), heading=heading, link=link))
            else:
                lines.append(f"- {idea.word(lang)}")
        return "\n".join([*lines, ""])


def exercises(lang: Language, suffix: str = ".md") -> str:
    """Lesson by lesson: what each exercise asks, the file to complete, and the command that checks it."""
    with speaking(lang):
        parts = [f"# {t('lessons.exercises')}", t("lessons.exercises_text", count=len(EXERCISES))]
        for name in names():
            lesson = find(name, lang)
            parts.append(f"## {lesson.short}")
            parts.append(t("lessons.exercises_of", title=lesson.title, link=name + suffix))
            for exercise in (one for one in EXERCISES.values() if one.lesson == name):
                parts += [f"### {exercise.title}", exercise.text, f"```sh\n{exercise.usage}\n```"]
                if exercise.starter:
                    parts += [t("lessons.starter_is"), f"```python\n{exercise.starter.strip()}\n```"]
        return "\n\n".join(parts) + "\n"


def home(lang: Language, suffix: str = ".md") -> str:
    """The first page of a site: what this is, and all other pages."""
    with speaking(lang):
        parts = [f"# {t('lessons.site.title')}", t("lessons.site.text"), f"## {t('lessons.site.lessons')}"]
        parts.append("\n".join(f"- [{find(name, lang).title}]({name}{suffix})" for name in names()))
        beside = {"exercises": "lessons.exercises", "ideas": "lessons.index", "glossary": "lessons.glossary"}
        parts.append(f"## {t('lessons.site.beside')}")
        parts.append("\n".join(f"- [{t(key)}]({page}{suffix})" for page, key in beside.items()))
        return "\n\n".join(parts) + "\n"


def words(lang: Language) -> dict[str, str]:
    """What stands around the pages of a site."""
    with speaking(lang):
        return {
            "name": t("lessons.site.name"), "skip": t("lessons.site.skip"), "contents": t("lessons.site.contents"),
            "search": t("lessons.site.search"), "other": t("lessons.site.other"),
            "previous": t("lessons.site.previous"), "next": t("lessons.site.next"),
        }  # fmt: skip
