"""A view in a notebook: `show("last", "decision-map")` is the picture, of the reader's own run."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from PIL import Image

from tongsu import views
from tongsu.learned import Learned
from tongsu.plots import to_bytes
from tongsu.pretrained.built_in import find


def show(run: str, view: str, given: Any = None, **parameters: Any) -> Image.Image:
    """run, view and given (a file, a text, a point, or an example such as `test:17`) as in `tongsu explain`."""
    example = views.Example.parse(given) if isinstance(given, str) else None
    seen = views.ask(Learned.load(find(run)), view, example or given, parameters)
    return Image.open(BytesIO(to_bytes(views.picture(seen), "png")))
