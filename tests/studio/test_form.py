"""The form says what a recipe takes: every field, with limits that the command line has too."""

from __future__ import annotations

import json

import pytest

from tongsu.data import DATASETS, load
from tongsu.errors import Problem
from tongsu.locale import speaking
from tongsu.recipes import CHAPTERS
from tongsu.recipes.choose import choose
from tongsu.studio.form import KINDS, MODELS_OF, chapters, data_for, form, kind_of
from tongsu.training.build import build_model, complete

EVERY = [(chapter, preset) for chapter, presets in CHAPTERS.items() for preset in presets]


@pytest.mark.parametrize(("chapter", "preset"), EVERY)
def test_sending_the_form_back_unchanged_gives_the_preset(chapter, preset):
    shown = form(chapter, preset, None, None)
    said = [f for f in shown["fields"] if f["value"] is not None]
    changes = [f"{f['name']}={f['value'] if isinstance(f['value'], str) else json.dumps(f['value'])}" for f in said]
    expected, found = choose(chapter, preset).to_dict(), choose(chapter, preset, None, changes).to_dict()
    for name in ("model_args", "data_args", "task_args"):  # the form also shows the defaults
        assert expected.pop(name).items() <= found.pop(name).items()
    assert found == expected


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_limits_of_the_form_are_those_of_the_command_line(chapter):
    for field in form(chapter, "fast", None, None)["fields"]:
        schema, name = field["schema"], field["name"]
        wrong: list[object] = []
        wrong += [schema["exclusiveMinimum"]] if "exclusiveMinimum" in schema else []
        wrong += [schema["minimum"] - 1] if "minimum" in schema else []
        wrong += [schema["exclusiveMaximum"]] if "exclusiveMaximum" in schema else []
        wrong += [schema["maximum"] + 1] if "maximum" in schema else []
        wrong += ["nonsense"] if schema.get("type") in ("integer", "number", "boolean") else []
        for value in wrong:
            with pytest.raises(Problem):
                choose(chapter, "fast", None, [f"{name}={value}"])


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_choices_can_be_chosen(chapter):
    for model in MODELS_OF[chapter]:
        for field in form(chapter, "fast", None, model)["fields"]:
            for choice in field["schema"].get("enum", ()):
                choose(chapter, "fast", None, [f"model={model}", f"{field['name']}={choice}"])


def test_words_in_both_languages():
    shown = {}
    for language in ("zh", "en"):
        with speaking(language):
            shown[language] = [form(chapter, "fast", None, None)["fields"] for chapter in CHAPTERS], chapters()
    for zh, en in zip(shown["zh"][0], shown["en"][0], strict=True):
        for chinese, english in zip(zh, en, strict=True):
            assert chinese["name"] == english["name"]
            assert chinese["help"] and english["help"], f"no words for {english['name']}"
            assert chinese["help"] != english["help"]
    assert all(zh["about"] != en["about"] for zh, en in zip(shown["zh"][1], shown["en"][1], strict=True))


@pytest.mark.parametrize("name", [n for n in DATASETS if n in ("digits", "moons", "circles", "spirals", "blobs")])
def test_kinds_are_those_of_the_data(name):
    assert kind_of(name) == load(name, examples=200).preprocessing.kind


def test_every_set_has_a_kind():
    assert set(DATASETS) <= set(KINDS)
    assert kind_of("images:/a:b") == "images" and kind_of("table:x.csv?text=a") == "text"


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_the_data_that_are_offered_fit_the_chapter(chapter):
    drawn = [name for name in data_for(chapter) if name in ("digits", "moons")]
    for name in drawn:
        recipe = choose(chapter, "quick", name, ["examples=200"])
        build_model(complete(recipe, load(name, examples=200)))
    assert data_for(chapter)[0] == CHAPTERS[chapter]["fast"]().data


@pytest.mark.parametrize("asked", [("nothing", "fast"), ("mlp", "slow")])
def test_unknown_is_a_problem(asked):
    with pytest.raises(Problem):
        form(*asked, None, None)


