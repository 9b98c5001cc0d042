"""What other people call the layers of a ResNet, an EfficientNet-Lite and a MiniLM, turned into our names.

A file says by its names who wrote it. Three differences of Keras's ResNet are put into the weights, exactly: its
convolutions have a bias (the BatchNorm behind takes it off its mean), its BatchNorm has epsilon 1.001e-5 (the
difference goes into the variance), and it reads blue-green-red (the first kernel is turned round). A fourth is an
argument: its stride stands in the first 1×1 of a block, `stride_in="1x1"`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tongsu.errors import Problem
from tongsu.models import MODELS

Weights = dict[str, Tensor]

KERAS_EPSILON, OURS = 1.001e-5, 1e-5
PARTS = {"kernel": "weight", "W": "weight", "bias": "bias", "b": "bias", "gamma": "weight", "beta": "bias",
         "moving_mean": "running_mean", "running_mean": "running_mean",
         "moving_variance": "running_var", "running_std": "running_var"}  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A net that a file holds: our module, its arguments, its weights, and who wrote them."""

    model: str
    model_args: dict[str, Any]
    weights: Weights
    writer: str


def recognise(file: Path, weights: Weights) -> Found:
    """Which of our nets this is. Raises Problem, naming the first weight that is missing, odd or of a wrong shape."""
    weights = {name.removeprefix("module."): value for name, value in weights.items()}  # DataParallel's prefix
    for writer, mark, translate in WRITERS:
        if any(re.search(mark, name) for name in weights):
            found = translate(file, weights)
            return _fitting(file, Found(*found, writer))
    raise Problem("pretrained.unknown_net", file=file, names=", ".join(sorted(weights)[:4]))


def _fitting(file: Path, found: Found) -> Found:
    with torch.device("meta"):
        wanted = MODELS[found.model](**found.model_args).state_dict()
    weights = dict(found.weights)
    for name, value in wanted.items():
        if name.endswith("num_batches_tracked"):
            weights.setdefault(name, torch.zeros((), dtype=torch.int64))
        if name not in weights:
            raise Problem("pretrained.no_weight", file=file, name=name, model=found.model)
        if weights[name].shape != value.shape:
            shapes = (list(weights[name].shape), list(value.shape))
            raise Problem("pretrained.shape", file=file, name=name, found=shapes[0], wanted=shapes[1])
    if left := sorted(set(weights) - set(wanted)):
        raise Problem("pretrained.left_over", file=file, name=left[0], model=found.model)
    return Found(found.model, found.model_args, weights, found.writer)


Translated = tuple[str, dict[str, Any], Weights]


def _resnet(file: Path, weights: Weights, **arguments: Any) -> Translated:
    """Of names that are ours already: the depth shows in which blocks there are."""
    depth = 50 if "layer1.0.conv3.weight" in weights else 34 if "layer1.2.conv1.weight" in weights else 18
    if "fc.bias" not in weights or "conv1.weight" not in weights:
        missing = "conv1.weight" if "fc.bias" in weights else "fc.bias"
        raise Problem("pretrained.no_weight", file=file, name=missing, model="resnet")
    channels = weights["conv1.weight"].shape[1] if weights["conv1.weight"].dim() == 4 else 3
    return "resnet", {"depth": depth, "outputs": len(weights["fc.bias"]), "channels": channels, **arguments}, weights


def _huggingface(file: Path, weights: Weights) -> Translated:
    """resnet.encoder.stages.0.layers.1.layer.2.convolution.weight -> layer1.1.conv3.weight"""
    deep = any(".layer.2." in name for name in weights)
    ours: Weights = {}
    for name, value in weights.items():
        plain = name.removeprefix("resnet.")
        if match := re.fullmatch(r"embedder\.embedder\.(convolution|normalization)\.(\w+)", plain):
            ours[f"{'conv1' if match[1] == 'convolution' else 'bn1'}.{match[2]}"] = value
        elif match := re.fullmatch(
            r"encoder\.stages\.(\d)\.layers\.(\d+)\.(?:layer\.(\d)|shortcut)\.(convolution|normalization)\.(\w+)", plain
        ):
            stage, block, number, kind, part = match.groups()
            if number is None:
                place = f"downsample.{0 if kind == 'convolution' else 1}"
            else:
                place = f"{'conv' if kind == 'convolution' else 'bn'}{int(number) + 1}"
            ours[f"layer{int(stage) + 1}.{block}.{place}.{part}"] = value
        elif match := re.fullmatch(r"classifier\.1\.(weight|bias)", plain):
            ours[f"fc.{match[1]}"] = value
        else:
            raise Problem("pretrained.left_over", file=file, name=name, model="resnet")
    if not deep and "layer1.0.downsample.0.weight" in ours:  # ours has none where the shape stays
        raise Problem("pretrained.left_over", file=file, name="layer1.0.downsample", model="resnet")
    return _resnet(file, ours)


def _keras(file: Path, weights: Weights) -> Translated:
    """conv2_block1_1_conv/.../kernel:0, or of old res2a_branch2a/res2a_branch2a_W:0 -> layer1.0.conv1.weight"""
    ours: Weights = {}
    for name, value in weights.items():
        layer, last = name.split("/")[0], name.split("/")[-1].split(":")[0]
        part = next((ours_ for theirs, ours_ in PARTS.items() if re.fullmatch(rf"(.*_)?{theirs}(_\d+)?", last)), None)
        place = _keras_place(layer)
        if part is None or place is None:
            raise Problem("pretrained.left_over", file=file, name=name, model="resnet")
        if value.dim() == 4:
            value = value.permute(3, 2, 0, 1)  # height, width, in, out -> out, in, height, width
        elif value.dim() == 2:
            value = value.T
        ours[f"{place}.{part}"] = value.contiguous()
    for name in [name for name in ours if name.endswith(".running_var")]:
        norm = name.removesuffix(".running_var")
        ours[name] = ours[name] + (KERAS_EPSILON - OURS)
        convolution = re.sub(r"bn(\d)$", r"conv\1", norm).replace("downsample.1", "downsample.0")
        if (bias := ours.pop(f"{convolution}.bias", None)) is not None and f"{norm}.running_mean" in ours:
            ours[f"{norm}.running_mean"] = ours[f"{norm}.running_mean"] - bias
    if "conv1.weight" in ours:
        ours["conv1.weight"] = ours["conv1.weight"].flip(1)  # it reads blue, green, red
    return _resnet(file, ours, stride_in="1x1")


def _keras_place(layer: str) -> str | None:
    if layer in KERAS_ENDS:
        return KERAS_ENDS[layer]
    if match := re.fullmatch(r"conv([2-5])_block(\d+)_([0-3])_(conv|bn)", layer):
        stage, block, number, kind = int(match[1]), int(match[2]) - 1, int(match[3]), match[4]
    elif match := re.fullmatch(r"(res|bn)([2-5])([a-z])_branch(1|2[abc])", layer):
        stage, block = int(match[2]), ord(match[3]) - ord("a")
        number, kind = 0 if match[4] == "1" else "abc".index(match[4][1]) + 1, "conv" if match[1] == "res" else "bn"
    else:
        return None
    place = f"{kind}{number}" if number else f"downsample.{0 if kind == 'conv' else 1}"
    return f"layer{stage - 1}.{block}.{place}"


KERAS_ENDS = {"conv1": "conv1", "conv1_conv": "conv1", "bn_conv1": "bn1", "conv1_bn": "bn1", "fc1000": "fc",
              "predictions": "fc", "probs": "fc"}  # fmt: skip


def _efficientnet(file: Path, weights: Weights) -> Translated:
    """_blocks.1._expand_conv.weight -> blocks.1.widen.weight"""
    ours: Weights = {}
    for name, value in weights.items():
        plain = name
        if match := re.fullmatch(r"_blocks\.(\d+)\._(\w+)\.(\w+)", name):
            number, layer, part = match.groups()
            # The first block does not widen, so its BatchNorms count from the depthwise convolution on all the same.
            inner = {"expand_conv": "widen", "bn0": "bn_widen", "depthwise_conv": "depthwise", "bn1": "bn_depthwise",
                     "project_conv": "narrow", "bn2": "bn_narrow"}.get(layer, layer)  # fmt: skip
            plain = f"blocks.{number}.{inner}.{part}"
        else:
            for theirs, here in (("_conv_stem.", "stem."), ("_bn0.", "bn_stem."), ("_conv_head.", "top."),
                                 ("_bn1.", "bn_top."), ("_fc.", "head.")):  # fmt: skip
                if name.startswith(theirs):
                    plain = here + name.removeprefix(theirs)
        ours[plain] = value
    return "efficientnet-lite", {"outputs": len(ours.get("head.bias", torch.zeros(1000)))}, ours


BERT = (
    (r"encoder\.layer\.(\d+)\.attention\.self\.(query|key|value)\.", r"blocks.\1.\2."),
    (r"encoder\.layer\.(\d+)\.attention\.output\.dense\.", r"blocks.\1.out."),
    (r"encoder\.layer\.(\d+)\.attention\.output\.LayerNorm\.", r"blocks.\1.norm1."),
    (r"encoder\.layer\.(\d+)\.intermediate\.dense\.", r"blocks.\1.widen."),
    (r"encoder\.layer\.(\d+)\.output\.dense\.", r"blocks.\1.narrow."),
    (r"encoder\.layer\.(\d+)\.output\.LayerNorm\.", r"blocks.\1.norm2."),
    (r"embeddings\.LayerNorm\.", "norm."),
    (r"embeddings\.word_embeddings\.", "embed."),
    (r"embeddings\.position_embeddings\.", "positions."),
)
HEAD_WIDTH = 32  # of MiniLM and BERT: width of one attention head; the file does not say it


def _bert(file: Path, weights: Weights) -> Translated:
    """encoder.layer.0.attention.self.query.weight -> blocks.0.query.weight; BERT's pooler is not used.

    The head is new: it gives 0 until it is trained.
    """
    ours: Weights = {}
    for name, value in weights.items():
        plain = name.removeprefix("bert.")
        if plain.startswith("pooler.") or plain == "embeddings.position_ids":
            continue
        if plain == "embeddings.token_type_embeddings.weight" and value.dim() == 2:
            ours["segment"] = value[0].clone()
            continue
        for theirs, here in BERT:
            plain = re.sub(rf"^{theirs}", here, plain)
        ours[plain] = value
    embed = ours.get("embed.weight")
    if embed is None or embed.dim() != 2 or "positions.weight" not in ours or "blocks.0.widen.bias" not in ours:
        raise Problem("pretrained.no_weight", file=file, name="embed.weight", model="minilm")
    width = embed.shape[1]
    ours |= {"head.weight": torch.zeros(1, width), "head.bias": torch.zeros(1)}
    arguments = {
        "words": len(embed), "positions": len(ours["positions.weight"]), "width": width,
        "heads": max(width // HEAD_WIDTH, 1), "feedforward": len(ours["blocks.0.widen.bias"]),
        "layers": 1 + max(int(match[1]) for name in ours if (match := re.match(r"blocks\.(\d{1,2})\.", name))),
    }  # fmt: skip
    return "minilm", arguments, ours


# Who wrote it, a name by which that shows, and how it is read; the first that fits counts.
WRITERS: tuple[tuple[str, str, Callable[[Path, Weights], Translated]], ...] = (
    ("transformers-resnet", r"^(resnet\.)?embedder\.embedder\.", _huggingface),
    ("keras", r"^(conv1_conv|conv1|res2a_branch2a|conv2_block1_1_conv)/", _keras),
    ("efficientnet-lite", r"^_blocks\.0\._depthwise_conv", _efficientnet),
    ("bert", r"(^|\.)embeddings\.word_embeddings\.", _bert),
    ("torchvision", r"^layer1\.0\.conv1\.weight$", _resnet),
)
