"""A person's own pictures: `images:FOLDER`, one folder inside for each class.

FOLDER/cat/*.jpg, FOLDER/dog/*.png ...; or FOLDER/train/cat/..., FOLDER/test/cat/... (and val, or validation).
Letters used in shapes: N images, C channels, S size of a side.
"""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import torch

from tongsu.data import pictures
from tongsu.data.dataset import Dataset, Split
from tongsu.data.prepared import Prepared, fingerprint, remembered
from tongsu.data.preprocessing import Images
from tongsu.data.splitting import stratified
from tongsu.errors import Problem
from tongsu.locale import t

PARTS = {"train": ("train", "training"), "validation": ("validation", "valid", "val"), "test": ("test", "testing")}
LEAST = 3  # pictures of each class: one to learn from, one to choose by, one to examine

Example = tuple[Path, str, str | None]  # file, class, part if its folder says so


def load(
    where: str, *, size: int = 32, fit: Literal["crop", "pad"] = "crop", skip_broken: bool = False, split_seed: int = 0
) -> Dataset:
    """Pictures as (N, C, size, size); grey if all of them are grey. What the folders do not split is split 80/10/10.

    fit: the middle of a picture is cut out, or its sides are padded. skip_broken: go on without broken files.
    Raises Problem, naming file or folder, for a missing or empty folder, one class only, and a broken picture.
    """
    folder = Path(where).expanduser()
    if not 8 <= size <= 1024:
        raise Problem("data.image_size", size=size)
    if fit not in ("crop", "pad"):
        raise Problem("data.unknown_choice", argument="fit", value=fit, known="crop, pad")
    examples = listed(folder)
    key = ["images", [(str(f.relative_to(folder)), _digest(f)) for f, _, _ in examples], size, fit, skip_broken]
    tensors, info = remembered("images", key, lambda: _read(examples, folder, size, fit, skip_broken))
    kept = [examples[at] for at in info["kept"]]
    labels = tuple(sorted({name for _, name, _ in kept}))
    _check(labels, kept, folder)
    targets = [labels.index(name) for _, name, _ in kept]
    places = _parts(kept, targets, folder, split_seed)
    inputs, answers = tensors["images"], torch.tensor(targets)
    splits = {part: Split(inputs[at], answers[at]) for part, at in places.items()}
    learned = splits["train"].inputs.double() / 255  # (N, C, S, S)
    mean, std = learned.mean((0, 2, 3)), learned.std((0, 2, 3)).clamp(min=0.01)
    return Dataset(
        f"images:{where}",
        **splits,
        labels=labels,
        preprocessing=Images(
            inputs.shape[1], size, size,
            tuple(round(v, 4) for v in mean.tolist()), tuple(round(v, 4) for v in std.tolist()), fit=fit,
        ),
        test_split=t("data.split.images", count=f"{len(places['test']):,}", folder=folder.name),
        fingerprint=fingerprint(*key, split_seed),
    )  # fmt: skip


def listed(folder: Path) -> list[Example]:
    """Every picture of a folder with its class, in the order of names. Raises Problem."""
    if not folder.is_dir():
        raise Problem("data.folder_missing", folder=folder)
    inside = _folders(folder)
    named = {p.name.lower(): p for p in inside}
    by_part = {part: [named[name] for name in names if name in named] for part, names in PARTS.items()}
    classes: list[tuple[Path, str | None]]
    if by_part["train"]:
        places = [(place, part) for part, found in by_part.items() for place in found]
        classes = [(entry, part) for place, part in places for entry in _folders(place)]
    else:
        classes = [(entry, None) for entry in inside]
    examples: list[Example] = []
    for entry, part in classes:
        files = [file for file in sorted(entry.rglob("*")) if _is_picture(file)]
        if not files:
            raise Problem("data.empty_class", folder=entry)
        examples += [(file, entry.name, part) for file in files]
    if not examples:
        raise Problem("data.empty_folder", folder=folder)
    return examples


def _is_picture(file: Path) -> bool:
    return file.suffix.lower() in pictures.SUFFIXES and not file.name.startswith(".") and file.is_file()


def _folders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__")))


def _digest(file: Path) -> str:
    try:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise Problem("data.unreadable", file=file, reason=error.strerror) from None


def _read(examples: list[Example], folder: Path, size: int, fit: Literal["crop", "pad"], skip_broken: bool) -> Prepared:
    def one(example: Example) -> torch.Tensor | Problem:
        try:
            return Images(3, size, size, fit=fit).read(example[0])
        except Problem as problem:
            if skip_broken:
                return problem
            raise

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        read = list(pool.map(one, examples))
    kept = [at for at, image in enumerate(read) if isinstance(image, torch.Tensor)]
    if not kept:
        raise Problem("data.empty_folder", folder=folder)
    images = torch.stack([image for image in read if isinstance(image, torch.Tensor)])  # (N, 3, S, S)
    if (images[:, :1] == images).all():  # red, green and blue are the same everywhere: grey
        images = images[:, :1].contiguous()
    return {"images": images}, {"kept": kept}


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
