"""A person's own pictures: `images:FOLDER`, one folder inside for each class.

FOLDER/cat/*.jpg, FOLDER/dog/*.png ...; or FOLDER/train/cat/..., FOLDER/test/cat/... (and val, or validation).
Letters used in shapes: N images, C channels, S size of a side.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast

import numpy as np
import torch

from tongsu.data import pictures
from tongsu.data.dataset import Dataset, Split
from tongsu.data.files import Files, memory_limit, threads
from tongsu.data.prepared import Prepared, Tensors, fingerprint, remembered
from tongsu.data.preprocessing import Images
from tongsu.data.splitting import stratified, unique
from tongsu.errors import Problem
from tongsu.locale import t

PARTS = {"train": ("train", "training"), "validation": ("validation", "valid", "val"), "test": ("test", "testing")}
LEAST = 3  # pictures of each class: one to learn from, one to choose by, one to examine
TOGETHER = 256  # pictures that are decoded at once when a folder is read for the first time

Channels = tuple[float, ...]

Example = tuple[Path, str, str | None]  # file, class, part if its folder says so


def load(
    where: str, *, size: int = 32, fit: Literal["crop", "pad"] = "crop", skip_broken: bool = False, split_seed: int = 0
) -> Dataset:
    """Pictures as (N, C, size, size); grey if all of them are grey. What the folders do not split is split 80/10/10,
    each file once: copies, and files that lie in two classes, are left out there.

    More than `files.memory_limit()` bytes of them stay in their files and are decoded batch by batch.
    fit: the middle of a picture is cut out, or its sides are padded. skip_broken: go on without broken files.
    Raises Problem, naming file or folder, for a missing or empty folder, one class only, and a broken picture.
    """
    folder = Path(where).expanduser()
    if not 8 <= size <= 1024:
        raise Problem("data.image_size", size=size)
    if fit not in ("crop", "pad"):
        raise Problem("data.unknown_choice", argument="fit", value=fit, known="crop, pad")
    examples = listed(folder)
    with threads() as pool:
        digests = list(pool.map(digest_of, (file for file, _, _ in examples)))
    key = ["images", [(str(f.relative_to(folder)), d) for (f, _, _), d in zip(examples, digests, strict=True)],
           size, fit, skip_broken]  # fmt: skip
    in_memory = len(examples) * 3 * size * size <= memory_limit()
    reader = Images(3, size, size, fit=fit)
    survey = [2, "whole" if in_memory else "sums", *key]
    tensors, info = remembered("images", survey, lambda: _read(examples, folder, reader, skip_broken, in_memory))
    readable = info["kept"]
    places, dropped = _used(examples, digests, readable)
    kept = [examples[readable[at]] for at in places]
    labels = tuple(sorted({name for _, name, _ in kept}))
    _check(labels, kept, folder)
    targets = [labels.index(name) for _, name, _ in kept]
    parts = _parts(kept, targets, folder, split_seed)
    channels = 1 if info["grey"] else 3
    files, answers, at = tuple(file for file, _, _ in kept), torch.tensor(targets), torch.tensor(places)
    mean, std = _statistics(tensors, at[parts["train"]], size, channels)
    reader = replace(reader, channels=channels, mean=mean, std=std)

    def inputs(chosen: list[int]) -> torch.Tensor:
        if in_memory:
            return tensors["images"][at[chosen]]
        return cast(torch.Tensor, Files(tuple(files[one] for one in chosen), reader))

    splits = {
        part: Split(inputs(chosen), answers[chosen], files=tuple(str(files[one]) for one in chosen))
        for part, chosen in parts.items()
    }
    count = f"{len(splits['test']):,}"
    sentence = t("data.split.images", count=count, folder=folder.name)
    if dropped:
        sentence = t("data.split.images_dropped", count=count, folder=folder.name, dropped=f"{dropped:,}")
    mark = fingerprint(*key, split_seed, *([places] if dropped else []))
    return Dataset(
        f"images:{where}", **splits, labels=labels, preprocessing=reader, test_split=sentence, fingerprint=mark
    )


def listed(folder: Path) -> list[Example]:
    """Every picture of a folder with its class, in the order of names. Raises Problem."""
    examples: list[Example] = []
    for entry, part in classes(folder):
        files = pictures_in(entry)
        if not files:
            raise Problem("data.empty_class", folder=entry)
        examples += [(file, entry.name, part) for file in files]
    if not examples:
        raise Problem("data.empty_folder", folder=folder)
    return examples


def classes(folder: Path) -> list[tuple[Path, str | None]]:
    """The folders of the classes, each with its part where the folders say so. Raises Problem if there is no folder."""
    if not folder.is_dir():
        raise Problem("data.folder_missing", folder=folder)
    inside = _folders(folder)
    named = {p.name.lower(): p for p in inside}
    by_part = {part: [named[name] for name in names if name in named] for part, names in PARTS.items()}
    if not by_part["train"]:
        return [(entry, None) for entry in inside]
    places = [(place, part) for part, found in by_part.items() for place in found]
    return [(entry, part) for place, part in places for entry in _folders(place)]


def pictures_in(entry: Path) -> list[Path]:
    return [file for file in sorted(entry.rglob("*")) if _is_picture(file)]


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in pictures.SUFFIXES and not file.name.startswith(".") and file.is_file()


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))


def digest_of(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise Problem("data.unreadable", file=file, reason=error.strerror) from None


def _read(examples: list[Example], folder: Path, reader: Images, skip_broken: bool, in_memory: bool) -> Prepared:
    """Every picture once, a few at a time: which ones can be read, whether all are grey, and of each channel the sum
    of its pixels and of their squares (N, 3), from which mean and deviation follow exactly. And the pictures (N, C, S,
    S) themselves if they may stay in memory."""

    def one(example: Example) -> torch.Tensor | Problem:
        try:
            return reader.read(example[0])
        except Problem as problem:
            if skip_broken:
                return problem
            raise

    side = reader.height
    images = torch.empty(len(examples) if in_memory else 0, 3, side, side, dtype=torch.uint8)
    kept: list[int] = []
    sums = torch.zeros(len(examples), 2, 3, dtype=torch.int64)
    grey = True
    with threads() as pool:
        for start in range(0, len(examples), TOGETHER):
            for at, image in enumerate(pool.map(one, examples[start : start + TOGETHER]), start):
                if isinstance(image, Problem):
                    continue
                if in_memory:
                    images[len(kept)] = image
                grey = grey and bool((image[:1] == image).all())  # red, green and blue are the same everywhere
                pixels = image.flatten(1).numpy()  # (3, S S)
                sums[len(kept), 0] = torch.from_numpy(pixels.sum(1, dtype=np.int64))
                sums[len(kept), 1] = torch.from_numpy(np.square(pixels, dtype=np.uint16).sum(1, dtype=np.int64))
                kept.append(at)
    if not kept:
        raise Problem("data.empty_folder", folder=folder)
    tensors = {"sums": sums[: len(kept)].clone()}  # (N, 2, 3)
    if in_memory:
        tensors["images"] = images[: len(kept), : 1 if grey else 3].contiguous()
    return tensors, {"kept": kept, "grey": grey}


def _statistics(tensors: Tensors, chosen: torch.Tensor, size: int, channels: int) -> tuple[Channels, Channels]:
    """Mean and standard deviation of each channel over some pictures, for pixels in [0, 1]."""
    totals = tensors["sums"][chosen].sum(0)[:, :channels].tolist()
    count = len(chosen) * size * size
    means, deviations = [], []
    for total, squares in zip(*totals, strict=True):
        variance = (squares - total * total / count) / max(count - 1, 1) / 255**2
        means.append(round(total / count / 255, 4))
        deviations.append(round(max(math.sqrt(max(variance, 0.0)), 0.01), 4))
    return tuple(means), tuple(deviations)


def _used(examples: list[Example], digests: list[str], readable: list[int]) -> tuple[list[int], int]:
    """Which of the readable pictures are used, by their place among these, and how many are not: where the folders
    leave the split to us, the same file must not both teach and examine. What folders say is theirs to say."""
    if {"validation", "test"} <= {examples[number][2] for number in readable}:
        return list(range(len(readable))), 0
    free = [at for at, number in enumerate(readable) if examples[number][2] in (None, "train")]
    chosen = [readable[at] for at in free]
    once, _, _ = unique([digests[at] for at in chosen], [examples[at][1] for at in chosen])
    used = {free[at] for at in once} | (set(range(len(readable))) - set(free))
    return sorted(used), len(readable) - len(used)


def _check(labels: tuple[str, ...], kept: list[Example], folder: Path) -> None:
    if len(labels) < 2:
        raise Problem("data.one_class", folder=folder, label=labels[0])
    for label in labels:
        count = sum(name == label for _, name, _ in kept)
        if count < LEAST:
            raise Problem("data.few_pictures", folder=folder, label=label, count=count, least=LEAST)


def _parts(kept: list[Example], targets: list[int], folder: Path, seed: int) -> dict[str, list[int]]:
    """Positions of the three parts: what the folders say, and what is missing is cut from the training part."""
    places = {part: [at for at, (_, _, its) in enumerate(kept) if (its or "train") == part] for part in PARTS}
    missing = [part for part in ("test", "validation") if not places[part]]
    if missing:
        free = places["train"]
        tenth = max(len(set(targets)), round(len(free) / 10))
        keys = [str(kept[at][0].relative_to(folder)) for at in free]
        *cut, rest = stratified(keys, [targets[at] for at in free], [tenth] * len(missing), seed)
        for part, positions in zip((*missing, "train"), (*cut, rest), strict=True):
            places[part] = [free[at] for at in positions]
    if absent := set(targets) - {targets[at] for at in places["train"]}:
        label = min(name for (_, name, _), target in zip(kept, targets, strict=True) if target in absent)
        raise Problem("data.not_learned", folder=folder, label=label)
    return places
