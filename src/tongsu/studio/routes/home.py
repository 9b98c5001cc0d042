"""Where am I, and what can be trained."""

from __future__ import annotations

from typing import Any

import torch
from fastapi import APIRouter

from tongsu import __version__
from tongsu.locale import language
from tongsu.studio.form import chapters, form
from tongsu.studio.studio import Studio
from tongsu.training.device import pick_device


def router(studio: Studio) -> APIRouter:
    api = APIRouter()

    @api.get("/studio")
    def about() -> dict[str, Any]:
        return {
            "version": __version__,
            "lang": language(),
            "runs_dir": str(studio.store.root.absolute()),
            "device": str(pick_device("auto")),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }

    @api.get("/chapters")
    def every_chapter() -> dict[str, Any]:
        return {"chapters": chapters()}

    @api.get("/chapters/{chapter}/form")
    def form_of(
        chapter: str, preset: str = "fast", data: str | None = None, model: str | None = None
    ) -> dict[str, Any]:
        return form(chapter, preset, data, model)

    return api
