"""Whatever a person gets wrong: one line of what, one line of what to do, exit code 2, and nothing left behind."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from program import Answer, Program, World, write_table

TRAIN = ("train", "mlp", "--data", "digits", "examples=100", "epochs=1")


def check(answer: Answer, *said: str, code: int = 2, start: str = "Error: ") -> None:
    """One line of error and one of hint, and the same as JSON; `said`: words that must stand in them."""
    assert answer.code == code, answer.err
    assert "Traceback" not in answer.err + answer.out
    *_, error, hint = answer.lines
    assert error.startswith(start) and hint.startswith("→ "), answer.err
    assert sum(line.startswith((start, "→ ")) for line in answer.lines) == 2, answer.err
    told = answer.json["error"]
    assert list(told) == ["kind", "message", "hint"]
    assert error == f"{start}{told['message']}" and hint == f"→ {told['hint']}"
    for word in said:
        assert word in error + hint, answer.err


# The recipe ------------------------------------------------------------------------------------------------------

RECIPE = {
    "unknown chapter": (("train", "cn"), "“cn”", "mean cnn?"),
    "no chapter": (("train",), "tongsu train mlp"),
    "unknown preset": ((*TRAIN, "--preset", "fastest"), "reference, fast, quick"),
    "unknown key": ((*TRAIN, "lrr=0.1"), "“lrr”", "mean lr?"),
    "wrong type": ((*TRAIN[:-1], "epochs=abc"), "epochs=abc"),
    "no epochs": ((*TRAIN[:-1], "epochs=0"), "epochs=0"),
    "negative rate": ((*TRAIN, "lr=-1"), "lr=-1"),
    "rate is no number": ((*TRAIN, "lr=NaN"), "lr=NaN"),
    "empty batch": ((*TRAIN, "batch_size=0"), "batch_size=0"),
    "no such choice": ((*TRAIN, "optimizer=adan"), "optimizer=adan", "adam"),
    "no such measure": ((*TRAIN, "monitor=val_los", "patience=1"), "monitor=val_los", "val_loss"),
    "not a pair": ((*TRAIN, "lr"), "“lr”", "KEY=VALUE"),
    "unknown model": ((*TRAIN, "model=lenet"), "“lenet”", "lenet5"),
    "unknown data": (("train", "mlp", "--data", "digit"), "digits"),
    "unknown cell": (("train", "rnn", "--data", "TABLE", "cell=lstmm"), "cell=lstmm", "lstm"),
    "unknown activation": ((*TRAIN, "activation=relo"), "relu"),
    "negative width": ((*TRAIN, "hidden=-5"), "mlp"),
    "picture too small": (("train", "cnn", "--data", "IMAGES", "size=8", "filters=4,4,4"), "size"),
    "what the data decide": ((*TRAIN, "outputs=3"), "outputs"),
    "not this optimizer's": ((*TRAIN, "optimizer=adam", "momentum=0.5"), "momentum"),
    "pictures for rnn": (("train", "rnn", "--data", "digits"), "rnn", "digits", "1 × 28 × 28"),
    "texts for cnn": (("train", "cnn", "--data", "TABLE"), "cnn", "text"),
    "points for cnn": (("train", "cnn", "--data", "moons"), "cnn", "points"),
    "shapes for gan": (("train", "gan", "--data", "IMAGES"), "gan", "28"),
    "unknown device": ((*TRAIN, "--device", "nonsense"), "nonsense", "cpu"),
    "run's name": ((*TRAIN, "--name", "../up"), "../up"),
    "unknown option": ((*TRAIN, "--epochs", "3"), "--epochs"),
    "offline without data": (("train", "mlp"), "mnist", "network"),
}


@pytest.mark.parametrize("case", RECIPE)
def test_recipe(case: str, world: World, program: Program) -> None:
    words, *said = RECIPE[case]
    own = {"TABLE": f"table:{world.table}?text=review&label=mood", "IMAGES": f"images:{world.pictures}"}
    check(program(*(own.get(word, word) for word in words), "--json"), *said)
    assert not program.runs.exists()


# Tables ----------------------------------------------------------------------------------------------------------

ROWS = "".join(f"text {n},{'yes' if n % 2 else 'no'}\n" for n in range(20))
TABLES: dict[str, tuple[bytes | None, tuple[str, ...]]] = {
    "missing file": (None, ("t.csv",)),
    "missing column": (("words,answer\n" + ROWS).encode(), ("text", "words, answer")),
    "one class only": (("text,answer\n" + ROWS.replace("no", "yes")).encode(), ("yes",)),
    "no rows": (b"text,answer\n", ("t.csv",)),
    "an empty file": (b"", ("t.csv",)),
    "an empty text": (("text,answer\n" + ROWS + " ,yes\n").encode(), ("row 22", "text")),
    "a wrong encoding": (("text,answer\n" + ROWS + "很好的电影,yes\n").encode("gbk"), ("row 22", "encoding=gbk")),
    "a cell of 10 MB": (("text,answer\n" + ROWS + "a" * 10_000_000 + ",yes\n").encode(), ("row 22",)),
    "a row too short": (("text,answer\n" + ROWS + "alone\n").encode(), ("row 22",)),
}


@pytest.mark.parametrize("case", TABLES)
def test_table(case: str, program: Program, tmp_path: Path) -> None:
    content, said = TABLES[case]
    if content is not None:
        (tmp_path / "t.csv").write_bytes(content)
    check(program("train", "rnn", "--data", f"table:{tmp_path / 't.csv'}?text=text&label=answer", "--json"), *said)
    assert not program.runs.exists()


# Pictures --------------------------------------------------------------------------------------------------------


def bomb(path: Path) -> Path:
    """A PNG of a few bytes whose header speaks of 100,000 × 100,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + data)
    return path


def broken(path: Path) -> Path:
    Image.effect_noise((64, 64), 50).save(path)
    path.write_bytes(path.read_bytes()[:900])
    return path


def unsupported(path: Path) -> Path:
    Image.new("RGB", (8, 8)).save(path, format="GIF")
    return path


SPOILT: dict[str, tuple[Callable[[Path], Path], str]] = {
    "broken": (broken, "damaged"),
    "a bomb": (bomb, "25 million"),
    "another format": (unsupported, "PNG, JPEG, WebP or BMP"),
}


@pytest.mark.parametrize("case", SPOILT)
def test_spoilt_picture_in_a_folder_and_alone(case: str, world: World, program: Program, tmp_path: Path) -> None:
    spoil, said = SPOILT[case]
    for name in ("cat", "dog"):
        (tmp_path / "pets" / name).mkdir(parents=True)
        for at in range(5):
            Image.new("L", (20, 20), 40 * at).save(tmp_path / "pets" / name / f"{at}.png")
    guilty = spoil(tmp_path / "pets" / "dog" / "rex.png")
    check(program("train", "cnn", "--data", f"images:{tmp_path / 'pets'}", "--json"), str(guilty), said)
    assert not program.runs.exists()
    check(world.program("predict", "shapes", guilty, "--json"), str(guilty), said)


@pytest.mark.parametrize("case", ["missing", "empty", "one class", "an empty class"])
def test_folder(case: str, program: Program, tmp_path: Path) -> None:
    folder = tmp_path / "pets"
    if case != "missing":
        folder.mkdir()
    if case in ("one class", "an empty class"):
        (folder / "cat").mkdir()
        for at in range(5):
            Image.new("L", (20, 20), 40 * at).save(folder / "cat" / f"{at}.png")
    if case == "an empty class":
        (folder / "dog").mkdir()
    check(program("train", "cnn", "--data", f"images:{folder}", "--json"), str(folder))
    assert not program.runs.exists()


# Runs and what one asks them -------------------------------------------------------------------------------------

ASKED = {
    "only unknown words": (("predict", "glad", "zzzz qqqq"), "zzzz qqqq"),
    "an empty text": (("predict", "glad", "  "), "empty"),
    "no word": (("predict", "glad", "?!…"), "?!…"),
    "nothing": (("predict", "glad"), "--help"),
    "missing picture": (("predict", "shapes", "no/such.png"), "no/such.png"),
    "blank drawing": (("predict", "digits", "BLANK"), "blank"),
    "not UTF-8": (("predict", "glad", "GBK"), "UTF-8", "gbk.txt"),
    "unknown split": (("evaluate", "digits", "--split", "tset"), "tset", "train, validation, test"),
    "unknown frame": (("evaluate", "digits", "--frame", "7"), "7"),
    "a classifier cannot draw": (("generate", "digits"), "digits"),
    "a generator cannot tell": (("predict", "forger", "BLANK"), "forger"),
    "how many": (("generate", "forger", "-n", "0"), "0"),
    "unknown run": (("evaluate", "digitz"), "digitz", "mean digits?"),
    "unknown run to resume": (("train", "--resume", "digitz"), "mean digits?"),
    "finished": (("train", "--resume", "digits"), "digits", "finished"),
    "a changed recipe": (("train", "--resume", "digits", "lr=0.5", "hidden=9"), "digits", "hidden", "lr"),
    "another chapter": (("train", "cnn", "--resume", "digits"), "chapter"),
    "other data": (("train", "--resume", "digits", "--data", "blobs"), "data"),
    "other data by force": (("train", "--resume", "digits", "--data", "blobs", "--force"), "digits", "mlp"),
    "another net by force": (("train", "--resume", "digits", "hidden=9", "--force"), "digits", "weights"),
    "another optimizer by force": (("train", "--resume", "digits", "optimizer=adam", "--force"), "optimizer"),
    "another model": (("train", "--resume", "digits", "model=cnm"), "“cnm”", "cnn"),
    "compare with nothing": (("compare", "digits"), "tongsu"),
    "best of nothing": (("evaluate", "best:resnet"), "resnet"),
}


def runs_of(world: World) -> list[Path]:
    """Every file of every run; the index beside them may come and go."""
    return sorted(path for run in world.program.runs.glob("*/") for path in run.rglob("*"))


@pytest.mark.parametrize("case", ASKED)
def test_asked(case: str, world: World, tmp_path: Path) -> None:
    words, *said = ASKED[case]
    Image.new("L", (300, 200), 255).save(tmp_path / "blank.png")
    (tmp_path / "gbk.txt").write_bytes("很好看的电影".encode("gbk"))
    own = {"BLANK": tmp_path / "blank.png", "GBK": tmp_path / "gbk.txt"}
    before = runs_of(world)
    check(world.program(*(own.get(word, word) for word in words), "--json"), *said)
    assert runs_of(world) == before


@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16", "P", "1", "CMYK"])
def test_unusual_pictures_are_read(mode: str, world: World, tmp_path: Path) -> None:
    """With transparency, 16 bits, a palette ...: the same disc, the same answer."""
    from PIL import ImageDraw

    image = Image.new("L", (60, 50), 255)
    ImageDraw.Draw(image).ellipse((14, 9, 46, 41), fill=0)
    if mode in ("RGBA", "LA"):
        nothing = image.point(lambda value: 255 - value)
        image = Image.new(mode, image.size)
        image.putalpha(nothing)
    elif mode == "I;16":
        wide = image.convert("I").point(lambda value: value * 257)
        image = wide.convert("I;16")
    else:
        image = image.convert(mode)
    path = tmp_path / ("disc.jpg" if mode == "CMYK" else "disc.png")
    image.save(path)
    answer = world.program("predict", "shapes", path, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["predictions"][0]["label"] == "disc", answer.json


# The surroundings ------------------------------------------------------------------------------------------------


def one_small_file_only() -> None:
    """As on a full disk: no file may grow beyond 60 KB."""
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))


def without_superpowers() -> None:
    """The superuser without the right to pass over permissions."""
    if os.geteuid() == 0:
        for right in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if ctypes.CDLL(None).prctl(24, right, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
                os._exit(99)


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")


@on_linux
def test_full_disk(program: Program) -> None:
    check(program.alone(*TRAIN, "--json", preexec_fn=one_small_file_only), "space", str(program.runs))
    assert not list(program.runs.rglob("*.tmp")) and not list(program.runs.rglob("*.safetensors"))


@on_linux
def test_read_only_folder(program: Program) -> None:
    program.runs.mkdir()
    program.runs.chmod(0o555)
    answer = program.alone(*TRAIN, "--json", preexec_fn=without_superpowers)
    if answer.code == 99:
        pytest.skip("rights cannot be given up here")
    check(answer, str(program.runs))
    assert not list(program.runs.iterdir())


def test_runs_folder_is_a_file(program: Program) -> None:
    program.runs.write_text("")
    check(program(*TRAIN, "--json"), str(program.runs))


# Both languages, and the real program ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("train", "cn"), "cnn"),
        ((*TRAIN, "lrr=0.1"), "lr"),
        (("train", "rnn", "--data", "table:no.csv?text=a&label=b"), "no.csv"),
        (("evaluate", "nobody"), "runs"),
    ],
)
def test_in_chinese(words: tuple[str, ...], said: str, tmp_path: Path) -> None:
    answer = Program(tmp_path, language="zh")(*words, "--json")
    check(answer, said, start="出错了：")
    told = answer.json["error"]
    for sentence in (told["message"], told["hint"]):
        assert any("\u4e00" <= sign <= "\u9fff" for sign in sentence), sentence


def test_as_a_program(program: Program) -> None:
    check(program.alone("--lang", "zh", "train", "cn", "--json"), "cnn", start="出错了：")
    plain = program.alone("train", "cn")
    assert plain.code == 2 and plain.out == "" and len(plain.lines) == 2


def test_small_table_of_few_rows_is_enough(program: Program, tmp_path: Path) -> None:
    """The other side of it: what looks odd but is sound is not refused."""
    table = write_table(tmp_path / "两 rows.csv", rows=8)
    answer = program("train", "rnn", "--data", f"table:{table}?text=review&label=mood", "epochs=1", "--json")
    assert answer.code == 0, answer.err
