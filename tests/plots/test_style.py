"""Chinese is drawn, not boxed, on a machine that has no Chinese font."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

import matplotlib
import numpy as np
import pytest
from matplotlib.ft2font import FT2Font
from PIL import Image

from tongsu.plots import style

SENTENCE = "通俗深度学习：循环、卷积与生成对抗网络（第 3 步，准确率 98%）。"


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(style, "INSTALLED", ())
    style.fonts.cache_clear()
    style._characters.cache_clear()
    yield
    style.fonts.cache_clear()
    style._characters.cache_clear()


def drawn(text: str) -> np.ndarray:
    with style.house():
        figure = style.new_figure(1, width=6)
        figure.text(0.05, 0.4, text)
        return np.asarray(Image.open(BytesIO(style.to_bytes(figure))).convert("L"))


def outline(font: FT2Font, glyph: int) -> bytes:
    font.load_glyph(glyph)
    return font.get_path()[0].tobytes()


def gb2312() -> set[str]:
    hanzi = set()
    for row in range(0xB0, 0xF8):
        for cell in range(0xA1, 0xFF):
            hanzi.add(bytes([row, cell]).decode("gb2312", errors="ignore"))
    return hanzi - {""}


def test_every_glyph_of_chinese_text_is_a_real_one(bare_machine: None) -> None:
    font = FT2Font(style.FONT_FILE)
    box = outline(font, 0)
    assert len(box) > 0
    shapes = {c: outline(font, font.get_char_index(ord(c))) for c in SENTENCE if c != " "}
    assert all(shape and shape != box for shape in shapes.values())
    assert len(set(shapes.values())) == len(shapes)


def test_the_font_holds_all_hanzi_of_gb2312() -> None:
    held = FT2Font(style.FONT_FILE).get_charmap()
    assert len(gb2312()) == 6763
    assert all(ord(c) in held for c in gb2312())
    assert all(code in held for code in (*range(0x20, 0x7F), *range(0xA0, 0x100)))
    assert all(ord(c) in held for c in "，。、；：？！“”‘’（）《》【】—…·￥％")
    assert style.FONT_FILE.stat().st_size <= 2_500_000
    assert "SIL OPEN FONT LICENSE" in (style.FONT_FILE.parent / "OFL.txt").read_text(encoding="utf-8")


def test_chinese_is_drawn_without_any_system_font(bare_machine: None) -> None:
    assert style.fonts() == [style.FONT, "DejaVu Sans"]
    text, other = drawn("学习"), drawn("网络")
    assert text.min() < 100 and not np.array_equal(text, other)
    with pytest.warns(UserWarning, match="missing from font"):
        boxes = drawn("\U0002a6d6\U0002a6d6")  # hanzi that no font here has
    assert not np.array_equal(text, boxes)


def test_what_no_font_draws_becomes_one_box_without_a_warning(bare_machine: None) -> None:
    assert style.drawable("好\U0002a6d6\n 评") == "好□ 评"
    drawn(style.drawable("好\U0002a6d6评"))


def test_long_names_are_cut_and_quotes_are_as_narrow_as_the_script() -> None:
    assert style.drawable("a very long name", 9) == "a very..."
    assert style.drawable("很长很长的名字", 8) == "很长很…"
    assert style.drawable("don’t “go”") == 'don\'t "go"'
    assert style.drawable("他说“好”") == "他说“好”"


def test_the_house_leaves_no_trace() -> None:
    before = dict(matplotlib.rcParams)
    with style.house():
        assert matplotlib.rcParams["font.family"][0] == style.FONT
    assert dict(matplotlib.rcParams) == before


def test_dollars_are_not_mathematics() -> None:
    with style.house():
        figure = style.new_figure(1)
        assert not figure.text(0, 0, "$5 and $6").get_parse_math()


def luminance(colour: np.ndarray) -> float:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_ink_can_be_read_on_every_opinion() -> None:
    """WCAG 2.2: a contrast of at least 4.5."""
    ink = luminance(np.array(matplotlib.colors.to_rgb(style.INK)))
    for chance in np.linspace(0, 1, 21):
        paper = luminance(np.array(style.OPINION(chance)[:3]))
        assert (paper + 0.05) / (ink + 0.05) >= 4.5
