"""What a person gives becomes what a model reads: compared with NumPy, Pillow and expectations written by hand."""

from __future__ import annotations

import json
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageFile

from tongsu.data import load, preprocessing, toy
from tongsu.data.preprocessing import Images, Points, Preprocessing, Text
from tongsu.errors import Problem
from tongsu.tasks.judge import Judge

GREY = Images(1, 8, 8)
COLOUR = Images(3, 8, 8, (0.5, 0.4, 0.3), (0.1, 0.2, 0.3))
DIGIT = Images(1, 28, 28, (0.1307,), (0.3081,), digits=True)


@pytest.mark.parametrize(
    "one", [GREY, COLOUR, DIGIT, Text(("<pad>", "<start>", "<unknown>", "好", 'a"b'), 5, "char"), Points(2), Points()]
)
def test_through_json_and_back(one: Preprocessing) -> None:
    assert preprocessing.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_scale_is_the_formula() -> None:
    pixels = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    scaled = COLOUR.scale(pixels)
    mean, std = np.array([0.5, 0.4, 0.3]).reshape(3, 1, 1), np.array([0.1, 0.2, 0.3]).reshape(3, 1, 1)
    np.testing.assert_allclose(scaled.numpy(), (pixels.numpy() / 255 - mean) / std, rtol=1e-5, atol=1e-6)
    assert scaled.dtype == torch.float32


def test_arrays_of_the_right_size_stay_as_they_are() -> None:
    grey = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert (GREY.read(grey).numpy() == grey).all()
    assert (GREY.read(grey[..., None]).numpy() == grey).all()
    colour = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    assert (COLOUR.read(colour).numpy() == colour.transpose(2, 0, 1)).all()


@pytest.mark.parametrize("array", [np.zeros((8, 8)), np.zeros((2, 8, 8, 3), np.uint8), np.zeros((0, 8), np.uint8)])
def test_arrays_that_are_no_pictures(array: np.ndarray) -> None:
    with pytest.raises(Problem, match="no picture"):
        GREY.read(array)


def halves(width: int, height: int) -> Image.Image:
    """Left black, right white."""
    image = Image.new("L", (width, height))
    image.paste(255, (width // 2, 0, width, height))
    return image


def test_fit_crops_or_pads_without_distortion() -> None:
    wide = Image.new("RGB", (80, 40), "red")
    wide.paste((0, 0, 255), (20, 0, 60, 40))  # the middle is blue
    cropped = Images(3, 8, 8).read(wide)
    assert (cropped[2] > 200).all() and (cropped[0] < 50).all()
    padded = Images(3, 8, 8, fit="pad").read(wide)
    assert (padded[:, :2] == 0).all() and (padded[:, -2:] == 0).all() and padded[0, 4, 0] > 200


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    halves(64, 64).convert("RGB").save(tmp_path / f"a.{suffix}")
    read = GREY.read(tmp_path / f"a.{suffix}")[0]
    assert (read[:, :3] < 20).all() and (read[:, 5:] > 235).all()


@pytest.mark.parametrize("suffix", ["gif", "tiff", "ppm", "ico"])
def test_other_formats_are_refused_whatever_their_name(tmp_path: Path, suffix: str) -> None:
    halves(64, 64).save(tmp_path / f"a.{suffix}")
    (tmp_path / f"a.{suffix}").rename(tmp_path / "a.png")
    with pytest.raises(Problem, match="a.png is not a PNG, JPEG, WebP or BMP"):
        GREY.read(tmp_path / "a.png")


@pytest.mark.parametrize("mode", ["I;16", "I", "F", "1", "L", "LA", "RGB", "RGBA", "P", "CMYK"])
def test_all_modes_give_the_same_greys(tmp_path: Path, mode: str) -> None:
    if mode in ("I;16", "I"):
        values = np.where(np.asarray(halves(8, 8)) > 0, 65535, 0)
        image = Image.fromarray(values.astype(np.uint16 if mode == "I;16" else np.int32))
    else:
        image = halves(8, 8).convert(mode)
    assert (GREY.read(image)[0].numpy() == np.asarray(halves(8, 8))).all()


def test_sixteen_bits_keep_their_range(tmp_path: Path) -> None:
    ramp = (np.arange(64).reshape(8, 8) * 1000).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "a.png")
    read = GREY.read(tmp_path / "a.png")[0].numpy().astype(float)
    np.testing.assert_allclose(read, ramp / 257, atol=1)


def test_transparency_becomes_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    image.putpixel((3, 3), (255, 0, 0, 255))
    image.save(tmp_path / "a.png")
    read = Images(3, 8, 8).read(tmp_path / "a.png")
    assert read[:, 3, 3].tolist() == [255, 0, 0] and (read[:, 0] == 255).all()


@pytest.mark.parametrize(("suffix", "side"), [("jpg", 64), ("jpg", 4400), ("png", 64), ("png", 2400), ("webp", 64)])
def test_exif_orientation_is_honoured(tmp_path: Path, suffix: str, side: int) -> None:
    image = halves(side, side)
    exif = image.getexif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: the left becomes the top
    image.save(tmp_path / f"a.{suffix}", exif=exif)
    read = GREY.read(tmp_path / f"a.{suffix}")[0]
    assert (read[:3] < 20).all() and (read[5:] > 235).all()


def png(width: int, height: int, rest: bytes = b"") -> bytes:
    """A PNG whose header says (width, height), whatever follows."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rest or zlib.compress(b"\0" * 1000))


@pytest.mark.parametrize("size", [(5001, 5000), (10_000, 10_000), (30_000, 30_000), (2**31 - 1, 2**31 - 1)])
def test_an_image_bomb_is_refused_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    (tmp_path / "bomb.png").write_bytes(png(*size))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: pytest.fail("decoded before it was measured"))
    with pytest.raises(Problem, match="bomb.png"):
        GREY.read(tmp_path / "bomb.png")


def broken_files() -> dict[str, bytes]:
    from io import BytesIO

    whole: dict[str, bytes] = {}
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    for suffix, kind in (("png", "PNG"), ("jpg", "JPEG"), ("webp", "WEBP"), ("bmp", "BMP")):
        buffer = BytesIO()
        noise.save(buffer, kind)
        whole[suffix] = buffer.getvalue()
    files = {f"cut-{suffix}": data[: len(data) // 2] for suffix, data in whole.items()}
    files |= {f"head-{suffix}": data[:20] for suffix, data in whole.items()}
    files["noise"] = bytes(range(256))
    files["empty"] = b""
    files["text"] = "这不是图片".encode()
    files["bad-zlib"] = png(8, 8, b"junk" * 50)
    return files


@pytest.mark.parametrize("kind", list(broken_files()))
def test_broken_files_are_named(tmp_path: Path, kind: str) -> None:
    (tmp_path / "broken file").write_bytes(broken_files()[kind])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Problem, match="broken file") as caught:
            GREY.read(tmp_path / "broken file")
    assert caught.value.exit_code == 2 and "\n" not in caught.value.message


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.png", tmp_path):
        with pytest.raises(Problem, match="There is no file"):
            GREY.read(path)


def test_points() -> None:
    assert Points(2).read("1.5,-0.3").tolist() == pytest.approx([1.5, -0.3])
    assert Points().read([1, 2, 3]).tolist() == [1, 2, 3]
    for bad in ("", "1.5", "1,2,3", "a,b", "nan,1", "1,inf", None):
        with pytest.raises(Problem, match="not a point"):
            Points(2).read(bad)  # type: ignore[arg-type]


# Digits as people draw them -----------------------------------------------------------------------------------------


def on_canvas(digit: np.ndarray, ink: tuple[int, ...], paper: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    """A digit 28 x 28 (bright on black) enlarged and drawn off-centre on 400 x 300."""
    big = Image.fromarray(digit).resize((224, 224), Image.Resampling.BICUBIC)
    image = Image.new(mode, (400, 300), paper)
    image.paste(Image.new(mode, big.size, ink), (150, 60), big)
    return image


PENS = {
    "black on white": ((0, 0, 0), (255, 255, 255)),
    "white on black": ((255, 255, 255), (0, 0, 0)),
    "yellow on white": ((255, 255, 0), (255, 255, 255)),
    "blue on grey": ((20, 40, 200), (170, 170, 170)),
    "red on green": ((220, 30, 30), (30, 150, 30)),
}


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """Mean distance of pixels, as a share of the ink in `a`."""
    return float(np.abs(a.astype(float) - b).sum() / a.sum())


@pytest.fixture(scope="module")
def drawn() -> np.ndarray:
    """Twenty drawn digits, brought to MNIST's way once."""
    return np.stack([DIGIT.read(image[0].repeat_interleave(4, 0).repeat_interleave(4, 1).numpy())[0].numpy()
                     for image in toy.digits(examples=100).train.inputs[:20]])  # fmt: skip


@pytest.mark.parametrize("pen", list(PENS))
def test_a_drawing_of_any_colour_gives_the_digit_back(drawn: np.ndarray, pen: str) -> None:
    differences = [difference(digit, DIGIT.read(on_canvas(digit, *PENS[pen]))[0].numpy()) for digit in drawn]
    assert np.mean(differences) < 0.2


@pytest.mark.parametrize("ink", [(0, 0, 0, 255), (255, 255, 255, 255)])
def test_a_drawing_on_nothing(drawn: np.ndarray, ink: tuple[int, ...]) -> None:
    paper = (*ink[:3], 0)
    differences = [difference(digit, DIGIT.read(on_canvas(digit, ink, paper, "RGBA"))[0].numpy()) for digit in drawn]
    assert np.mean(differences) < 0.2


def test_sixteen_bit_drawing(drawn: np.ndarray, tmp_path: Path) -> None:
    eight = np.asarray(on_canvas(drawn[0], *PENS["black on white"]).convert("L"))
    Image.fromarray(eight.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    assert (DIGIT.read(tmp_path / "deep.png") == DIGIT.read(eight)).all()


@pytest.mark.parametrize("pen", [3, 8, 20, 40])
def test_the_width_of_the_pen_hardly_matters(pen: int) -> None:
    """A seven drawn with any pen: ink within the box, centre of mass in the middle, about as much ink as MNIST's."""
    image = Image.new("L", (400, 300), 255)
    ImageDraw.Draw(image).line([(210, 60), (330, 60), (260, 250)], fill=0, width=pen, joint="curve")
    digit = DIGIT.read(image)[0].double()
    rows, columns = digit.sum(1).nonzero().flatten(), digit.sum(0).nonzero().flatten()
    assert max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 == 20
    places = torch.arange(28).double()
    assert abs((digit.sum(1) @ places) / digit.sum() - 14) < 0.6
    assert abs((digit.sum(0) @ places) / digit.sum() - 14) < 0.6
    assert 40 < digit.sum() / 255 < 170 and digit.max() > 200


def test_noise_and_shadow_of_a_photograph_are_left_out(drawn: np.ndarray) -> None:
    clean = np.asarray(on_canvas(drawn[3], *PENS["black on white"]).convert("L")).astype(float)
    shadow = np.linspace(0, 30, 400)[None] + np.random.default_rng(0).normal(0, 4, clean.shape)
    photo = np.clip(clean * 0.85 + 20 - shadow, 0, 255).astype(np.uint8)
    assert difference(drawn[3], DIGIT.read(photo)[0].numpy()) < 0.25


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_blank_drawing_is_refused(value: int) -> None:
    for size in ((28, 28), (400, 300), (1, 1)):
        with pytest.raises(Problem, match="blank"):
            DIGIT.read(Image.new("L", size, value))


@pytest.mark.data
@pytest.mark.parametrize("pen", list(PENS))
def test_mnist_comes_back_from_a_canvas(pen: str) -> None:
    """Nearly the same pixels, and a CNN that has only seen MNIST reads them as well as before."""
    test = load("mnist").test
    images = test.inputs[:150, 0].numpy()
    back = np.stack([DIGIT.read(on_canvas(image, *PENS[pen]))[0].numpy() for image in images])
    assert np.median([difference(*pair) for pair in zip(images, back, strict=True)]) < 0.2
    _, digits = Judge.load(torch.device("cpu")).look(torch.from_numpy(back)[:, None] / 127.5 - 1)
    assert (digits == test.targets[:150]).sum() >= 148


@pytest.mark.data
def test_mnist_itself_passes_unchanged() -> None:
    images = load("mnist").test.inputs[:2000, 0].numpy()
    assert all((DIGIT.read(image)[0].numpy() == image).all() for image in images)
