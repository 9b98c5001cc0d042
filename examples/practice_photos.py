"""Photographs to practise with, for whoever has none at hand: cut-outs of three public photographs, a cat, a cup of
coffee and a rocket, in folders by class.

    python examples/practice_photos.py FOLDER [COUNT]

The photographs come from the package scikit-image, through the package index that pip uses; it is only read, not
installed. All pictures of a class are cut from one photograph, so a model that tells them apart has learned these three
photographs and not what a cat is: good for learning the way, not for judging a model.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from tongsu.data.sources import Asset, Package, fetch
from tongsu.locale import language

WHEEL = "scikit_image-0.26.0-cp311-cp311-manylinux_2_24_x86_64.manylinux_2_28_x86_64.whl"
DIGEST = "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af"
PHOTOS = {  # the folder's name in each language: file, size, sha256
    ("cat", "猫"): ("chelsea.png", 240_512, "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
    ("coffee", "咖啡"): ("coffee.png", 466_706, "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
    ("rocket", "火箭"): ("rocket.jpg", 112_525, "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c"),
}


def main(folder: Path, count: int) -> None:
    chance = np.random.default_rng(0)
    for labels, (name, size, sha256) in PHOTOS.items():
        label = labels[language() == "zh"]
        package = Package(WHEEL, 13_711_217, DIGEST, "scikit-image", "0.26.0", f"skimage/data/{name}")
        with Image.open(fetch(Asset(name, size, sha256, (package,)))) as file:
            photo = file.convert("RGB")
        (folder / label).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            side = int(chance.integers(min(photo.size) // 2, min(photo.size)))
            left, top = (int(chance.integers(0, length - side + 1)) for length in photo.size)
            piece = photo.crop((left, top, left + side, top + side)).resize((256, 256))
            piece = ImageEnhance.Brightness(piece).enhance(float(chance.uniform(0.7, 1.2)))
            piece.save(folder / label / f"{number:03}.jpg", quality=90)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 60)
