"""What the server says about itself: the OpenAPI part of its routes, its models, and two pages that need no other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from tongsu.locale import language, t
from tongsu.serving.answering import Answering

PAGE = Path(__file__).parent / "page"
WORDS = ("title", "lead", "model", "picture", "draw", "clear", "text", "text_hint", "point", "ask", "waiting", "took",
         "curl", "docs", "back", "language", "unreachable", "labels", "body", "answers", "parameters")  # fmt: skip

ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {name: {"type": "string"} for name in ("kind", "message", "hint")},
        }
    },
}
PREDICTION = {
    "type": "object",
    "properties": {
        "label": {"type": "string"},
        "probability": {"type": "number"},
        "probabilities": {"type": "object", "additionalProperties": {"type": "number"}},
    },
}
STATUSES = ("400", "404", "413", "415", "429", "503", "504")


def _posted(summary: str) -> dict[str, Any]:
    answer = {"type": "object", "properties": {"model": {"type": "string"},
              "predictions": {"type": "array", "items": PREDICTION}}}  # fmt: skip
    asked = {"type": "object", "required": ["inputs"], "properties": {"inputs": {"type": "array", "items": {}}}}
    upload = {"type": "object", "properties": {"file": {"type": "array", "items": {"type": "string",
              "format": "binary"}}}}  # fmt: skip
    responses: dict[str, Any] = {"200": {"description": "OK", "content": {"application/json": {"schema": answer}}}}
    for status in STATUSES:
        said = {"description": t(f"serving.status.s{status}"), "content": {"application/json": {"schema": ERROR}}}
        responses[status] = said
    body = {"required": True, "content": {"application/json": {"schema": asked},
            "multipart/form-data": {"schema": upload}}}  # fmt: skip
    top = {"name": "top", "in": "query", "schema": {"type": "integer", "default": 10},
           "description": t("serving.api.top")}  # fmt: skip
    return {"summary": summary, "openapi_extra": {"requestBody": body, "parameters": [top], "responses": responses}}


def predict(model: str | None) -> dict[str, Any]:
    return _posted(t("serving.api.predict", model=model or "{model}"))


def batch(model: str | None) -> dict[str, Any]:
    return _posted(t("serving.api.batch", model=model or "{model}"))


def card(model: Answering) -> dict[str, Any]:
    """What a client must know of a model."""
    recipe, how = model.learned.recipe, model.learned.preprocessing.to_dict()
    return {
        "name": model.name,
        "kind": model.learned.preprocessing.kind,
        "digits": bool(how.get("digits")),
        "model": recipe.model,
        "data": recipe.data,
        "labels": list(model.learned.labels),
        "metrics": model.learned.run.results().get("metrics", {}),
    }


_environment = Environment(loader=FileSystemLoader(PAGE), autoescape=True)


def page(name: str, models: Iterable[Answering]) -> str:
    say = {word: t(f"serving.page.{word}") for word in WORDS}
    return _environment.get_template(name).render(say=say, lang=language(), models=[card(model) for model in models])
