"""What stands beside an exported model: how to read inputs, what the outputs mean, and what was checked.

Whoever has this JSON and the weights can serve the model without Tongsu and without PyTorch.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from tongsu import __version__
from tongsu.data import text
from tongsu.learned import Learned
from tongsu.pretrained.networks import NETWORKS

FORMAT = 1

# How each kind of input is read, in words that another program can follow.
READING = {
    "images": [
        "decode, turn upright (EXIF), put transparent pixels on white",
        "channels 1: grey (ITU-R 601); 3: RGB",
        "scale without distortion to height x width (bicubic): cut out the middle (fit crop) or pad (fit pad)",
        "x = (pixel / 255 - mean) / std for each channel, as float32 (batch, channels, height, width)",
    ],
    "digits": [
        "a drawing is brought to the form of MNIST first: ink bright on black, in a box of 20 x 20 pixels, centred by "
        "mass in 28 x 28; a picture that is 28 x 28 and bright on black already stays as it is",
        "x = (pixel / 255 - mean) / std, as float32 (batch, 1, 28, 28)",
    ],
    "text": [
        "replace <br> by a space; if not ASCII: Unicode NFKC, and U+2019 by an apostrophe; lower case",
        f"level word: all matches of {text.WORD.pattern!r}; a run of Han characters is cut by jieba's dictionary",
        "level char: every character that is not a space",
        "each word's number is its place in the vocabulary, 2 if it has none; keep the last `length` words",
        "if fewer than `length` are left put 1 (start) before them; fill up with 0 at the FRONT to `length`, "
        "or, where `padding` says free, to the longest text of the batch",
    ],
    "wordpieces": [
        "replace <br> by a space; BERT's normaliser (lower case, no accents) and pre-tokeniser; WordPiece",
        "[CLS], the last `length` - 2 pieces, [SEP]; fill up with 0 at the FRONT",
    ],
    "points": ["two or more numbers as they are, as float32 (batch, dimensions)"],
}


def describe(learned: Learned) -> dict[str, Any]:
    """The part of the description that every form of export shares."""
    recipe, how = learned.recipe, learned.preprocessing.to_dict()
    kind = "digits" if how.get("digits") else how["kind"]
    if recipe.task == "gan":
        reading = ["draw standard normal numbers, float32 (batch, noise)", "a pixel is (output + 1) / 2"]
    else:
        reading = READING[kind]
    return {
        "format": FORMAT,
        "made_by": f"tongsu {__version__}",
        "run": learned.run.name,
        "chapter": recipe.chapter,
        "preset": recipe.preset,
        "model": recipe.model,
        "model_args": recipe.model_args,
        "task": recipe.task,
        "origin": origin(learned),
        "labels": list(learned.labels) if recipe.task == "classify" else [],
        "preprocessing": how,
        "padding": "free" if any_padding(learned) else "fixed",
        "reading": reading,
        "metrics": learned.run.results().get("metrics", {}),
        "test_split": learned.run.preprocessing()["test_split"],
    }


def origin(learned: Learned) -> dict[str, str] | None:
    """Whose weights these are, or were before they learned more here: the network's name, or that of the file they came
    in, and its licence where we know it. None: they began with chance."""
    name = learned.recipe.pretrained or learned.run.environment().get("imported")
    if not name:
        return None
    return {"name": str(name), "licence": NETWORKS[name].licence if name in NETWORKS else ""}


def any_padding(learned: Learned) -> bool:
    """Does a text mean the same to the model whatever it is padded to? (Else it is always padded to `length`.)"""
    if learned.preprocessing.kind != "text":
        return False
    return learned.recipe.model != "rnn" or learned.recipe.model_args.get("padding") == "skip"


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
