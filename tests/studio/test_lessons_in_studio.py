"""The course over HTTP: the same text, pictures and checks as in the terminal."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from client import Page, Studio
from shipyard import train

import tongsu
from tongsu.lessons.exercises import EXERCISES
from tongsu.lessons.exercises.apart import SOURCE
from tongsu.lessons.glossary import ideas, terms
from tongsu.lessons.lesson import find, names
from tongsu.lessons.to_html import html
from tongsu.recipes.choose import choose
from tongsu.studio.course import offers
from tongsu.studio.jobs import pairs

WEB = Path(tongsu.__file__).parent / "studio" / "web" / "src"
NO_SIGMOID = "def neuron(inputs, weights, bias):\n    return sum(x * w for x, w in zip(inputs, weights)) + bias\n"
RIGHT = f"""import math

{NO_SIGMOID.replace("neuron(", "total(")}

def neuron(inputs, weights, bias):
    return 1 / (1 + math.exp(-total(inputs, weights, bias)))
"""


def asked(page: Page, path: str, lang: str) -> Any:
    status, answer = page("GET", path, headers={"Accept-Language": lang})
    assert status == 200, answer
    return answer


def checked(page: Page, exercise: str, *given: str, status: int = 200) -> Any:
    return page.post(f"exercises/{exercise}/check", {"given": list(given)}, status)


@pytest.mark.parametrize("name", names())
def test_a_lesson_is_the_text_of_to_html_with_one_key_for_each_section(page: Page, name: str) -> None:
    en, zh = asked(page, f"lessons/{name}", "en"), asked(page, f"lessons/{name}", "zh-CN")
    assert [one["key"] for one in en["sections"]] == [one["key"] for one in zh["sections"]]
    for lesson in (en, zh):
        written = html(find(name, lesson["language"]), "/api/lessons/pictures/")
        shown = "".join(one["html"] for one in lesson["sections"])
        assert re.sub(r"<a [^>]*>", "", shown) == re.sub(r"<a [^>]*>", "", written)
        for section in lesson["sections"][1:]:
            assert section["html"].startswith('<h2 id="') and section["html"].count("<h2") == 1
        assert list(lesson["exercises"]) == re.findall(r'data-exercise="([\w-]+)"', shown)
        pictures = re.findall(r'src="/api/([^"]+)"', shown)
        assert len(pictures) >= shown.count('class="lesson-view"') > 0
        for picture in pictures:
            got = page.http.get(f"{page.origin}/api/{picture}", timeout=60)
            assert got.status_code == 200 and got.content.startswith(b"\x89PNG")


def test_links_between_lessons_lead_to_sections(page: Page) -> None:
    from tongsu.studio.course import _linked

    heading = find("01-mlp", "zh").headings[2]
    found = _linked(f'<a data-lesson="01-mlp" href="01-mlp.md#{heading.slug}">', "zh")
    assert found == '<a href="#/lessons/01-mlp?section=the-bend">'
    assert _linked('<a data-lesson="01-mlp" href="01-mlp.md">', "en") == '<a href="#/lessons/01-mlp">'


def test_the_course_lists_lessons_ideas_and_words_of_both_languages(page: Page) -> None:
    for lang in ("en", "zh"):
        course = asked(page, "lessons", lang)
        assert [one["name"] for one in course["lessons"]] == names()
        sections = {one["name"]: {each["key"] for each in one["sections"]} for one in course["lessons"]}
        assert [one["key"] for one in course["ideas"]] == list(ideas())
        assert all(one["section"] in sections[one["lesson"]] for one in course["ideas"])
        assert {(one["en"], one["zh"]) for one in course["glossary"]} == {(one.en, one.zh) for one in terms().values()}
        assert {one for lesson in course["lessons"] for one in lesson["exercises"]} == set(EXERCISES)


@pytest.mark.parametrize("path", ["lessons/99-nothing", "lessons/pictures/..%2Flesson.py", "lessons/pictures/x.en.png"])
def test_what_is_not_there(page: Page, path: str) -> None:
    assert page("GET", path)[0] == 404
    assert page("POST", "exercises/nothing/check", json={"given": []})[0] == 404


def test_every_view_of_a_lesson_has_its_place_on_the_page_and_a_training_that_can_be_begun() -> None:
    source = (WEB / "parts" / "LessonView.svelte").read_text(encoding="utf-8")
    words = set(re.findall(r'"([\w-]+)"', source)) | set(re.findall(r"\b(\w+): [A-Z]\w+[,\s]", source))
    for name in names():
        english, chinese = offers(find(name, "en")), offers(find(name, "zh"))
        assert [offer for _, offer in english] == [offer for _, offer in chinese]
        for view, offer in english:
            assert view.words[1] in words, view
            assert choose(offer.chapter, offer.preset, offer.data, pairs(offer.changes)).chapter == offer.chapter


def test_views_name_the_runs_that_can_show_them_first_the_lessons_own(studio: Studio) -> None:
    page = studio.start()
    empty = page.get("lessons/00-start-here/views")["views"]
    assert [one["runs"] for one in empty] == [[], []] and empty[1]["offer"]["changes"]["hidden"] == [8]
    wish = {key: empty[1]["offer"][key] for key in ("chapter", "preset", "data", "changes")}
    page.post("trainings", {**wish, "name": "eight"}, 201)
    assert page.over("eight")["state"] == "finished"
    train(studio.runs, "other", "mlp", "moons", ["hidden=3", "epochs=1"])
    train(studio.runs, "digits", "mlp", "digits", ["examples=100", "epochs=1"])  # no plane to divide
    one, eight = page.get("lessons/00-start-here/views")["views"]
    assert eight["runs"] == [{"name": "eight", "same": True}, {"name": "other", "same": False}]
    assert [run["name"] for run in one["runs"]] == ["other", "eight"]  # neither is the lesson's: the newest first
    assert not any(run["same"] for run in one["runs"])


def test_an_offer_is_what_the_lesson_trains_or_the_chapters_own_where_its_program_makes_the_data() -> None:
    first = offers(find("01-mlp", "en"))
    fading, arriving = first[-2][1], first[-1][1]
    assert fading.changes["activation"] == "sigmoid" and arriving.changes["activation"] == "relu"
    assert fading.changes["hidden"] == [64] * 6 and fading.data == "digits" and fading.own
    assert fading.command.startswith("tongsu train mlp data=digits activation=sigmoid ")
    reading = offers(find("03-rnn", "en"))[-1][1]
    assert not reading.own and reading.data is None and reading.preset == "quick"
    assert reading.changes == {"cell": "lstm", "bidirectional": True}


# The checks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "passed"), [(NO_SIGMOID, False), (RIGHT, True), ("def neuron(:", False)])
def test_a_check_says_what_the_command_says(page: Page, tmp_path: Path, source: str, passed: bool) -> None:
    (tmp_path / "neuron.py").write_text(source, encoding="utf-8")
    words = ["exercise", "check", "neuron", str(tmp_path / "neuron.py"), "--json", "--lang", "en"]
    done = subprocess.run([sys.executable, "-m", "tongsu", *words], capture_output=True, encoding="utf-8")
    said = json.loads(done.stdout.splitlines()[-1])
    assert checked(page, "neuron", source) == {key: said[key] for key in ("passed", "saw", "hint")}
    assert said["passed"] is passed


def test_code_runs_apart_with_the_limits_of_the_command(page: Page, tmp_path: Path) -> None:
    greedy = "x = []\nwhile True:\n    x.append(bytes(1 << 24))\n"
    answer = checked(page, "neuron", greedy)
    assert not answer["passed"] and "1024 MB" in answer["saw"][0]
    ends = checked(page, "neuron", "import os\nos._exit(3)\n")
    assert not ends["passed"] and page.get("studio")["version"]  # it ended, the studio did not
    hidden = "import os\ndef neuron(*_):\n    raise ValueError(sorted(n for n in os.environ if 'TONGSU' in n))\n"
    assert "ValueError: []" in checked(page, "neuron", hidden)["saw"][0]
    long = checked(page, "neuron", "#" * (SOURCE + 1), status=422)
    assert str(SOURCE) in long["error"]["message"]


def test_only_runs_of_the_studio_are_looked_at(studio: Studio, tmp_path: Path) -> None:
    page = studio.start()
    outside = tmp_path / "outside"
    for folder in (studio.runs, outside):
        train(folder, "learns", "mlp", "digits", ["examples=200", "epochs=4", "lr=0.01", "optimizer=adam"])
    train(studio.runs, "slow", "mlp", "digits", ["examples=200", "epochs=4", "lr=0.000001", "optimizer=adam"])
    answer = checked(page, "breaking-rate", "slow", "learns")
    assert not answer["passed"] and len(answer["saw"]) == 2 and answer["hint"]
    for path in (str(outside / "learns"), "../outside/learns", "nobody"):
        status, said = page("POST", "exercises/breaking-rate/check", json={"given": ["slow", path]})
        assert status == 404 and said["error"]["kind"] in ("no-run", "unknown")


def test_what_a_check_is_given_must_be_what_it_wants(page: Page) -> None:
    assert checked(page, "neuron", status=422)["error"]["kind"] == "wrong-number"
    assert checked(page, "serve", "http://192.0.2.1:8000", status=422)["error"]["kind"] == "not-local"
    assert page("POST", "exercises/neuron/check", json={"given": ["x"], "file": "/etc/passwd"})[0] == 422
