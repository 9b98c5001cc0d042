"""Reading pictures that people give: safely, upright, in the right colours, and digits as MNIST has them.

Letters used in shapes: C channels, H height, W width.
"""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from tongsu.errors import Problem
from tongsu.locale import t

Raw = str | Path | bytes | Image.Image | np.ndarray  # bytes: what stands in a file

FORMATS = ("PNG", "JPEG", "WEBP", "BMP")
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
PIXELS = 25_000_000  # more is refused before anything is decoded
LARGE = 1_000  # a side; finer detail is of no use to small models
BROKEN = (OSError, SyntaxError, ValueError, EOFError, OverflowError, IndexError, KeyError, TypeError, MemoryError)


def name_of(raw: Raw) -> str:
    return str(raw) if isinstance(raw, str | Path) else t("data.text.a_picture")


@contextmanager
def opened(raw: Raw) -> Iterator[Image.Image]:
    """The picture, decoded, upright (EXIF) and in 8 bits: mode L, RGB or RGBA.

    Raises Problem for a missing or broken file, another format than PNG, JPEG, WebP or BMP (the content counts,
    not the name), and more than 25 million pixels (known from the header, before decoding).
    """
    name = name_of(raw)
    if isinstance(raw, np.ndarray):
        yield _from_array(raw, name)
    elif isinstance(raw, Image.Image):
        _check_size(raw, name)
        yield _plain(raw, name)
    else:
        if not isinstance(raw, bytes) and not Path(raw).is_file():
            raise Problem("data.file_missing", file=name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's words on odd files; what matters is raised below
            try:
                image = Image.open(io.BytesIO(raw) if isinstance(raw, bytes) else raw, formats=FORMATS)
            except Image.DecompressionBombError:
                raise Problem("data.image_too_large", file=name, limit=PIXELS // 1_000_000) from None
            except Image.UnidentifiedImageError:
                raise Problem("data.not_an_image", file=name) from None
            except BROKEN as error:
                raise Problem("data.broken_image", file=name, reason=_reason(error)) from None
            with image:
                _check_size(image, name)
                image.draft("", (2 * LARGE, 2 * LARGE))  # a very large JPEG is decoded small at once
                yield _plain(image, name)


def fitted(
    image: Image.Image, channels: int, height: int, width: int, fit: Literal["crop", "pad"] = "crop"
) -> np.ndarray:
    """A picture in the given shape without distortion -> (C, H, W) uint8; transparency becomes white."""
    image = on_background(image, "white").convert("L" if channels == 1 else "RGB")
    if image.size != (width, height):
        if fit == "crop":
            image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
        else:
            image = ImageOps.pad(image, (width, height), Image.Resampling.BICUBIC)
    pixels = np.array(image)  # (H, W) or (H, W, C)
    return pixels[None] if channels == 1 else np.ascontiguousarray(pixels.transpose(2, 0, 1))


def on_background(image: Image.Image, colour: str) -> Image.Image:
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, colour), image).convert("RGB")


# A digit that a person drew, MNIST's way ------------------------------------------------------------------------

# MNIST: ink in a box of 20 x 20, centred by mass in 28 x 28 (LeCun et al. 1998): pixel 14, of 0 to 27, that is.
BOX, SIDE, CENTRE = 20, 28, 14.5
WORKING = 200  # side of the enlarged or shrunk drawing on which the pen is measured
PEN = (1.6, 3.0)  # pixels; a thinner pen is grown, a thicker one shrunk to these widths, both usual in MNIST


def as_digit(image: Image.Image, name: str = "") -> np.ndarray:
    """A drawing, any size, colour and pen -> (28, 28) uint8, ink bright on black. Raises Problem if it is blank.

    What already is 28 x 28 and bright on black is MNIST's own kind and stays as it is.
    """
    if image.size == (SIDE, SIDE) and image.mode != "RGBA":
        grey = np.array(image.convert("L"))
        if np.median(_border(grey)) == 0 and grey.any():
            return grey
    if max(image.size) > LARGE:
        image = image.copy()
        image.thumbnail((LARGE, LARGE))
    ink = _ink(on_background(image, _behind(image)))  # (H, W) float32 in [0, 1]
    threshold = _otsu(ink) if ink.size else 0.0
    if ink.max(initial=0) < 0.1:
        raise Problem("data.blank_drawing", file=name)
    ink = np.clip(ink / np.percentile(ink[ink > threshold], 90), 0, 1)
    ink[ink < 0.4 * _otsu(ink)] = 0  # paper, shadow and the noise of JPEG
    drawing = _even_pen(_cropped(ink))
    return _centred(_shrunk(_cropped(drawing), BOX))


def _ink(image: Image.Image) -> np.ndarray:
    """How far each pixel (H, W) is from the background's colour, the commonest along the border: any pen shows."""
    pixels = np.array(image if image.mode == "L" else image.convert("RGB"), dtype=np.float32, ndmin=3)
    pixels = pixels.transpose(1, 2, 0) if image.mode == "L" else pixels  # (H, W, C), grey has one channel
    background = np.median(_border(pixels).reshape(-1, pixels.shape[2]), axis=0)  # (C,)
    distance = np.abs(pixels - background)
    return functools.reduce(np.maximum, (distance[..., c] for c in range(distance.shape[2]))) / 255


def _behind(image: Image.Image) -> str:
    """Paper for a drawing on nothing: black behind light ink, white behind dark."""
    if image.mode != "RGBA":
        return "white"
    grey = np.asarray(image.convert("RGB").convert("L"), dtype=np.float64)
    alpha = np.asarray(image.getchannel("A"), dtype=np.float64)
    return "black" if (grey * alpha).sum() > 127.5 * alpha.sum() else "white"


def _border(pixels: np.ndarray) -> np.ndarray:
    """The outermost pixels (H, W, ...) -> (B, ...)."""
    rows = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    return np.concatenate(rows)


def _otsu(ink: np.ndarray) -> float:
    """The threshold that parts ink from paper best: largest variance between the two (Otsu 1979)."""
    counts, edges = np.histogram(ink, bins=64, range=(0, 1))
    middles = (edges[1:] + edges[:-1]) / 2
    below = counts.cumsum()
    mass = (counts * middles).cumsum()
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = mass / below - (mass[-1] - mass) / above
        between = np.nan_to_num(below * above * gap**2, nan=0.0, posinf=0.0)
    return float(edges[1:][between.argmax()])


def _cropped(ink: np.ndarray) -> np.ndarray:
    rows, columns = np.nonzero(ink.max(axis=1) > 0)[0], np.nonzero(ink.max(axis=0) > 0)[0]
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _shrunk(ink: np.ndarray, side: int) -> np.ndarray:
    """The longer side becomes `side`, the other follows."""
    height, width = ink.shape
    share = side / max(height, width)
    size = (max(1, round(width * share)), max(1, round(height * share)))
    image = Image.fromarray(np.round(ink * 255).astype(np.uint8))
    kind = Image.Resampling.BOX if share < 1 else Image.Resampling.BICUBIC
    return np.asarray(image.resize(size, kind)) / 255


def _even_pen(ink: np.ndarray) -> np.ndarray:
    """A pen as wide as MNIST's: the stroke is about 2 x area / outline wide; grow or shrink it on both sides."""
    ink = np.pad(_shrunk(ink, WORKING), WORKING // BOX * 2)
    image = Image.fromarray(np.round(ink * 255).astype(np.uint8))
    area = (ink > 0.5).sum()
    outline = area - (np.asarray(image.filter(ImageFilter.MinFilter(3))) > 127).sum()
    pen = 2 * area / max(outline, 1) * BOX / WORKING  # in pixels of the final box
    wanted = float(np.clip(pen, *PEN))
    step = round(abs(wanted - pen) / 2 * WORKING / BOX)
    if step:
        kind = ImageFilter.MaxFilter if wanted > pen else ImageFilter.MinFilter
        changed = np.asarray(image.filter(kind(2 * step + 1))) / 255
        ink = changed if changed.any() else ink
    return ink


def _centred(ink: np.ndarray) -> np.ndarray:
    """Ink (h, w), at most 20 x 20, on a black field of 28 x 28 with its centre of mass in the middle."""
    height, width = ink.shape
    mass = ink.sum()
    row = (ink.sum(axis=1) * (np.arange(height) + 0.5)).sum() / mass
    column = (ink.sum(axis=0) * (np.arange(width) + 0.5)).sum() / mass
    top = int(np.clip(round(CENTRE - row), 0, SIDE - height))
    left = int(np.clip(round(CENTRE - column), 0, SIDE - width))
    field = np.zeros((SIDE, SIDE), np.uint8)
    field[top : top + height, left : left + width] = np.round(np.clip(1.1 * ink, 0, 1) * 255)
    return field


# Safe opening ----------------------------------------------------------------------------------------------------


def _check_size(image: Image.Image, name: str) -> None:
    if image.width * image.height > PIXELS:
        raise Problem("data.image_too_large", file=name, limit=PIXELS // 1_000_000)


def _plain(image: Image.Image, name: str) -> Image.Image:
    """Decoded, upright, and in mode L, RGB or RGBA; a very large one is shrunk first, to spare memory."""
    try:
        image.load()
        if image.mode.startswith("I"):  # 16 bit: the high byte has the full range
            values = np.asarray(image)
            image = Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))
        elif image.mode == "F":
            image = Image.fromarray(np.asarray(image).clip(0, 255).round().astype(np.uint8))
        if (times := min(image.size) // LARGE) > 1 and image.mode in ("L", "RGB", "RGBA"):
            image = image.reduce(times)
        image = ImageOps.exif_transpose(image)
        if image.has_transparency_data:
            return image.convert("RGBA")
        return image if image.mode in ("L", "RGB") else image.convert("L" if image.mode == "1" else "RGB")
    except BROKEN as error:
        raise Problem("data.broken_image", file=name, reason=_reason(error)) from None


def _from_array(array: np.ndarray, name: str) -> Image.Image:
    shape = array.shape
    fits = len(shape) == 2 or (len(shape) == 3 and shape[2] in (1, 3, 4))
    if array.dtype != np.uint8 or not fits or 0 in shape:
        raise Problem("data.not_an_array", dtype=array.dtype, shape="×".join(map(str, shape)))
    image = Image.fromarray(array[..., 0] if shape[2:] == (1,) else array)
    _check_size(image, name)
    return image


def _reason(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
