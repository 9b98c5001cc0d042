"""Small nets of every kind, with weights that are not all alike, and inputs for them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tongsu.bench import made_up
from tongsu.data import Dataset
from tongsu.models import CNN, GAN, MLP, RNN, VGG, LeNet5, MiniLM, ResNet, SmallResNet, Transformer
from tongsu.recipes.choose import choose
from tongsu.training.build import complete, dataset_of
from tongsu.training.recipe import Recipe
from tongsu.trials import Game, Trials

SMALL: dict[str, Any] = {"words": 40, "embedding": 12, "hidden": 10}
TEXTS = ("simple", "lstm", "gru", "written", "transformer", "minilm")


def nets() -> dict[str, nn.Module]:
    torch.manual_seed(0)
    made: dict[str, nn.Module] = {
        "mlp": MLP(hidden=(20, 12)),
        "points": MLP(inputs=2, hidden=(8, 5), outputs=1, activation="tanh"),
        "cnn": CNN(filters=(6, 8), dense=16),
        "lenet5": LeNet5(),
        "vgg": VGG(depth=11, size=32, channels=1, dense=16, outputs=10, batch_norm=True),
        "resnet": ResNet(channels=1, outputs=10),
        "small-resnet": SmallResNet(),
        "simple": RNN(**SMALL),
        "lstm": RNN(cell="lstm", padding="skip", **SMALL),
        "gru": RNN(cell="gru", bidirectional=True, layers=2, padding="skip", **SMALL),
        "written": RNN(cell="lstm", written_out=True, **SMALL),
        "transformer": Transformer(words=40, length=30, width=16),
        "minilm": MiniLM(words=40, positions=30, width=24, heads=2, layers=2, feedforward=32),
        "gan": GAN(width=8),
    }
    for net in made.values():  # biases and scales that are not 0 and 1 find more mistakes
        for p in net.parameters():
            if p.dim() == 1 and p.requires_grad:
                nn.init.uniform_(p, 0.2, 0.6)
    return made


def inputs(name: str, count: int = 8) -> Tensor:
    chance = torch.Generator().manual_seed(1)
    if name == "points":
        return torch.randn(count, 2, generator=chance)
    if name in TEXTS:
        words = torch.randint(3, 40, (count, 9), generator=chance)
        return nn.functional.pad(words, (6, 0))
    side = 32 if name == "vgg" else 28
    return torch.rand(count, 1, side, side, generator=chance) * 2 - (1 if name == "gan" else 0)


def double(tensor: Tensor) -> np.ndarray:
    return tensor.detach().double().numpy()


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


SHORT: dict[str, dict[str, Any]] = {  # views that train, in a moment
    "same-budget": {"learned": 40, "epochs": 1, "seeds": 1},
    "depth-accuracy": {"depths": (8, 14), "learned": 40, "epochs": 1, "seeds": 1},
    "mode-collapse": {"collapsing": 2, "curing": 1},
}
CHAPTERS = {"points": "mlp", "lenet5": "cnn", "vgg": "cnn", "small-resnet": "resnet", "transformer": "transformer"}


@cache
def lesson(chapter: str, data: str = "digits", *changes: str) -> tuple[Recipe, Dataset]:
    """A chapter's quick recipe on data that need no download; texts are made up."""
    recipe = choose(chapter, "quick", None if data == "made up" else data, changes)
    dataset = made_up(recipe) if data == "made up" else dataset_of(recipe)
    return complete(recipe, dataset), dataset


def brought(name: str, view: Any) -> dict[str, Any]:
    """What a view that trains is given, for a net of `nets()`."""
    if view.takes("game"):
        return {"game": Game(*lesson("gan", "digits", "width=8", "examples=200"))}
    if not view.takes("trials"):
        return {}
    if name in TEXTS:
        return {"trials": Trials(*lesson(CHAPTERS.get(name, "rnn"), "made up", "words=200"))}
    data = "moons" if name == "points" else "digits"
    return {"trials": Trials(*lesson(CHAPTERS.get(name, name), data, "examples=200"))}
