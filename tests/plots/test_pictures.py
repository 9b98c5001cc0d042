"""Every picture in both languages: drawn without a warning (a missing glyph is one), no label on another."""

from __future__ import annotations

import itertools
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from gallery import ANIMALS, GALLERY, LABELS, images
from matplotlib.text import Text
from PIL import Image

from tongsu import plots
from tongsu.errors import Problem
from tongsu.locale import set_language
from tongsu.plots.images import mosaic, pixels
from tongsu.plots.text import spaced


@pytest.mark.parametrize("name", GALLERY)
def test_no_text_lies_on_another_or_over_the_edge(
    name: str, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: dict[str, tuple[float, ...]] = {}
    draw = Text.draw

    def watched(self: Text, renderer: object) -> None:
        if self.get_text().strip() and self.get_visible():
            box = self.get_window_extent(renderer)  # type: ignore[arg-type]
            drawn[f"{self.get_text()!r} at {box.x0:.0f},{box.y0:.0f}"] = box.extents
        draw(self, renderer)  # type: ignore[arg-type]

    figure = GALLERY[name]()
    plots.to_bytes(figure)  # settles the layout
    monkeypatch.setattr(Text, "draw", watched)
    image = Image.open(BytesIO(plots.to_bytes(figure)))
    for text, (x0, y0, x1, y1) in drawn.items():
        inside = min(x0, y0) >= -1 and x1 <= image.width + 1 and y1 <= image.height + 1
        assert inside, f"{text} is cut off"
    for (a, p), (b, q) in itertools.combinations(drawn.items(), 2):
        apart = min(p[2], q[2]) - max(p[0], q[0]) <= 1 or min(p[3], q[3]) - max(p[1], q[1]) <= 1
        assert apart, f"{a} lies on {b}"
    assert np.asarray(image.convert("L")).std() > 1, "the picture is not empty"


def test_pictures_speak_the_language(language: str) -> None:
    figure = GALLERY["predictions"]()
    titles = " ".join(axes.get_title() for axes in figure.axes)
    assert ("应为" if language == "zh" else "it is") in titles


def test_curves_show_what_was_measured(language: str) -> None:
    figure = GALLERY["one curve"]()
    loss_by_step, loss_by_second, accuracy_by_step, _ = figure.axes
    training, validation = loss_by_step.lines
    np.testing.assert_allclose(validation.get_xdata(), [250, 500, 750, 1000])
    np.testing.assert_allclose(validation.get_ydata(), 2.3 * np.exp(-np.array([250, 500, 750, 1000]) / 200))
    np.testing.assert_allclose(loss_by_second.lines[1].get_xdata(), [2.5, 5, 7.5, 10])
    assert len(training.get_xdata()) == 100
    assert accuracy_by_step.yaxis.get_major_formatter()(0.5) == "50%"


def test_only_measured_metrics_get_a_row() -> None:
    set_language("en")
    gan = plots.History("gan", {"step": [1, 2], "seconds": [1, 2], "generator_loss": [1, 2], "mine": [1, 2]})
    figure = plots.curves([gan], ("generator_loss", "discriminator_loss", "mine"))
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["generator loss", "mine"]


def test_worst_errors_start_with_the_surest() -> None:
    set_language("en")
    figure = plots.worst_errors(images(3), [1, 2, 3], [4, 5, 6], [0.2, 0.9, 0.5], LABELS)
    assert [axes.get_title().splitlines()[0] for axes in figure.axes] == [
        "it is 2, not 5",
        "it is 3, not 6",
        "it is 1, not 4",
    ]


def test_confusion_writes_counts_where_they_are_not_zero() -> None:
    set_language("en")
    axes = plots.confusion([[5, 1, 0], [2, 9, 0], [0, 0, 0]], ANIMALS).axes[0]
    assert {(x, y): t.get_text() for t in axes.texts for x, y in [t.get_position()]} == {
        (0, 0): "5", (1, 0): "1", (0, 1): "2", (1, 1): "9",
    }  # fmt: skip
    assert axes.get_title() == "14 of 17 right, 3 wrong"


def test_a_missing_digit_is_named() -> None:
    set_language("en")
    assert plots.coverage([3, 0, 2, 0], LABELS[:4]).axes[0].get_title("left") == "Missing: 1, 3"


def test_pixels_of_bytes_and_shares_are_the_same() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (4, 5, 6), dtype=np.uint8)
    np.testing.assert_allclose(pixels(grey), pixels((grey / 255.0)[:, None]))
    colour = np.random.default_rng(0).random((2, 3, 5, 6))
    np.testing.assert_allclose(pixels(colour)[1, 2, 3], colour[1, :, 2, 3])
    with pytest.raises(ValueError, match="images must be"):
        pixels(np.zeros((2, 5, 6, 4)))


def test_mosaic_places_every_image() -> None:
    tiles = np.linspace(0, 0.9, 7)[:, None, None] * np.ones((7, 10, 10))
    sheet = mosaic(tiles, 5, gap=0.2)
    assert sheet.shape == (22, 58, 3)
    assert sheet[5, 12 * 3 + 5, 0] == pytest.approx(tiles[3, 0, 0])
    assert sheet[12 + 5, 12 + 5, 0] == pytest.approx(tiles[6, 0, 0])
    assert sheet[12 + 5, 40, 0] == 1  # paper where there is no image


def test_spaces_between_words() -> None:
    assert spaced("not", "bad") and spaced("bad", "(really")
    assert not any(spaced(*pair) for pair in (("bad", ","), ("很", "好"), ("(", "really"), ("", "a")))


def test_the_same_figure_gives_the_same_file(tmp_path: Path, language: str) -> None:
    for name in ("a.png", "b.png", "a.svg", "b.svg"):
        plots.save(GALLERY["one curve"](), tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    with Image.open(tmp_path / "a.png") as image:
        assert image.width == 8 * 192
    assert b"<text" not in (tmp_path / "a.svg").read_bytes(), "letters are outlines"


def test_other_formats_are_refused(tmp_path: Path) -> None:
    set_language("en")
    with pytest.raises(Problem, match="picture.jpg: pictures are saved as PNG or SVG") as caught:
        plots.save(GALLERY["no errors"](), tmp_path / "picture.jpg")
    assert caught.value.exit_code == 2
    assert not list(tmp_path.iterdir())
