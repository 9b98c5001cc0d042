"""The house style of every picture: one palette, one font, one set of sizes; and how a figure becomes a file.

The font is shipped, so that a picture looks the same on every machine and Chinese is never a row of boxes;
installed Chinese fonts stand behind it for the rare characters that it lacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

import matplotlib
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font

from tongsu.errors import Problem
from tongsu.runs.atomic import write_bytes

INK, MUTED, GRID, PAPER = "#1f2933", "#616b76", "#e4e8ec", "#ffffff"
# Okabe and Ito (2008), the colours that eyes with any colour vision tell apart; yellow is too pale for lines.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#a0578a", "#e69f00", "#56b4e9", "#6b6b6b")
RIGHT, WRONG, QUIET = PALETTE[0], PALETTE[1], "#c3ccd5"
BLUES = LinearSegmentedColormap.from_list("tongsu.blues", [PAPER, "#9ccbe6", RIGHT])
REDS = LinearSegmentedColormap.from_list("tongsu.reds", [PAPER, "#f5c19c", WRONG])
# From one opinion to its opposite; ink can be read on all of it.
OPINION = LinearSegmentedColormap.from_list("tongsu.opinion", ["#ee9a5f", "#f7f7f5", "#6db3dc"])

WIDTH = 8.0  # inches; 96 dots an inch on screen, saved at twice that
FONT_FILE = Path(__file__).parent / "fonts" / "TongsuSansSC.otf"
FONT = "Tongsu Sans SC"
INSTALLED = (
    "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC",
    "Source Han Sans SC", "Noto Sans CJK JP", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei",
)  # fmt: skip

# A Chinese font draws these as wide as a hanzi, which tears other scripts apart.
NARROW = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "…": "..."})


@cache
def fonts() -> list[str]:
    """The families to draw with, best first: ours, installed Chinese ones, matplotlib's own for symbols."""
    fontManager.addfont(FONT_FILE)
    known = {entry.name for entry in fontManager.ttflist}
    return [FONT, *(name for name in INSTALLED if name in known), "DejaVu Sans"]


@cache
def _characters() -> frozenset[int]:
    files = [findfont(FontProperties(family=[name])) for name in fonts()]
    return frozenset(code for file in files for code in FT2Font(file).get_charmap())


def drawable(text: str, longest: int = 0) -> str:
    """`text` on one line, with □ for what no font here draws (mostly emoji), cut to `longest` columns.

    A column is as wide as a Latin letter; a hanzi takes two.
    """
    text = "".join(c if ord(c) in _characters() else "□" for c in " ".join(text.split()))
    if longest and breadth(text) > longest:
        while breadth(text) > longest - 2:
            text = text[:-1]
        text = text.rstrip() + "…"
    return text if any(map(is_chinese, text)) else text.translate(NARROW)


def breadth(text: str) -> int:
    """Columns that a text takes."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)


def is_chinese(character: str) -> bool:
    """Whether it is a hanzi or full-width punctuation: what stands without spaces around it."""
    ranges = (("\u2e80", "\u9fff"), ("\uf900", "\ufaff"), ("\uff00", "\uffef"))
    return any(first <= character <= last for first, last in ranges)


@contextmanager
def house() -> Iterator[None]:
    """Everything that is made or drawn inside follows the house style; nothing outside is touched."""
    style: Any = {
        "font.family": fonts(), "font.size": 10, "text.color": INK, "text.parse_math": False,
        "figure.dpi": 96, "savefig.dpi": 192, "figure.facecolor": PAPER, "savefig.facecolor": PAPER,
        "axes.facecolor": PAPER, "axes.edgecolor": MUTED, "axes.labelcolor": INK, "axes.linewidth": 0.8,
        "axes.titlesize": 10.5, "axes.titleweight": "normal", "axes.labelsize": 10, "axes.axisbelow": True,
        "axes.spines.top": False, "axes.spines.right": False, "axes.unicode_minus": True,
        "grid.color": GRID, "grid.linewidth": 0.8, "xtick.color": MUTED, "ytick.color": MUTED,
        "xtick.labelcolor": INK, "ytick.labelcolor": INK, "xtick.labelsize": 9, "ytick.labelsize": 9,
        "legend.frameon": False, "legend.fontsize": 9.5, "lines.linewidth": 1.8,
        "image.interpolation": "nearest", "figure.constrained_layout.w_pad": 0.08,
        "figure.constrained_layout.h_pad": 0.08, "figure.constrained_layout.wspace": 0.03,
        "figure.constrained_layout.hspace": 0.03, "svg.fonttype": "path", "svg.hashsalt": "tongsu",
    }  # fmt: skip
    with matplotlib.rc_context(style):
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure, sizes in inches, whose layout keeps labels apart. It never is part of pyplot."""
    return Figure(figsize=(width, height), layout="constrained")


def bare(axes: Axes) -> None:
    """Take away frame, ticks and grid: what is left is the picture."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def to_bytes(figure: Figure, kind: str = "png") -> bytes:
    """The figure as a PNG or SVG file: the same figure gives the same bytes."""
    buffer = BytesIO()
    with house():
        figure.savefig(buffer, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return buffer.getvalue()


def save(figure: Figure, path: Path | str) -> Path:
    """Write the figure to `path`, a .png or an .svg file, whole or not at all."""
    path = Path(path)
    kind = path.suffix.lower().lstrip(".")
    if kind not in ("png", "svg"):
        raise Problem("plots.format", file=path.name)
    write_bytes(path, to_bytes(figure, kind))
    return path
