"""Every view has a picture, in both languages, without a warning and with no label on another or over the edge."""

from __future__ import annotations

import itertools
from io import BytesIO

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from view_gallery import VIEW_GALLERY

from tongsu import plots
from tongsu.explain import VIEWS
from tongsu.locale import set_language
from tongsu.plots.views import PICTURES
from tongsu.plots.views_parts import power, tiled


def test_every_view_has_a_picture() -> None:
    assert list(PICTURES) == list(VIEWS)
    assert {name for name in VIEWS if not any(name in shown for shown in VIEW_GALLERY)} == set()


@pytest.mark.long
@pytest.mark.parametrize("name", VIEW_GALLERY)
def test_no_text_lies_on_another_or_over_the_edge(name: str, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: dict[str, tuple[float, ...]] = {}
    draw = Text.draw

    def watched(self: Text, renderer: object) -> None:
        if self.get_text().strip() and self.get_visible():
            box = self.get_window_extent(renderer)  # type: ignore[arg-type]
            drawn[f"{self.get_text()!r} at {box.x0:.0f},{box.y0:.0f}"] = box.extents
        draw(self, renderer)  # type: ignore[arg-type]

    figure = VIEW_GALLERY[name]()
    figure.draw_without_rendering()  # settles the layout
    monkeypatch.setattr(Text, "draw", watched)
    image = Image.open(BytesIO(plots.to_bytes(figure)))
    for text, (x0, y0, x1, y1) in drawn.items():
        inside = min(x0, y0) >= -1 and x1 <= image.width + 1 and y1 <= image.height + 1
        assert inside, f"{text} is cut off"
    for (a, p), (b, q) in itertools.combinations(drawn.items(), 2):
        apart = min(p[2], q[2]) - max(p[0], q[0]) <= 1 or min(p[3], q[3]) - max(p[1], q[1]) <= 1
        assert apart, f"{a} lies on {b}"
    assert np.asarray(image.convert("L")).std() > 1, "the picture is not empty"


def test_a_unit_shows_its_largest_terms_and_their_sum() -> None:
    set_language("en")
    axes = VIEW_GALLERY["unit"]().axes[0]
    bars = [bar.get_width() for bar in axes.patches]
    assert len(bars) == 13 and bars[-1] == pytest.approx(sum(bars[:-1]))
    assert [label.get_text() for label in axes.get_yticklabels()][-3:] == ["118 smaller terms", "bias", "sum"]


def test_powers_are_written_out() -> None:
    assert [power(v) for v in (1.0, 0.05, 2000.0, 1e5, 2e-5)] == ["1", "0.05", "2000", "10⁵", "2×10⁻⁵"]


def test_tiles_have_gaps() -> None:
    sheet = tiled(np.arange(12.0).reshape(3, 2, 2), 2)
    assert sheet.shape == (5, 5) and np.isnan(sheet[2]).all() and np.isnan(sheet[3, 3:]).all()
    np.testing.assert_array_equal(sheet[3:, :2], [[8, 9], [10, 11]])
