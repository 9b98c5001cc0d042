"""One picture of every view, from answers of real (if untrained) nets."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from gallery import ANIMALS, CHINESE
from matplotlib.figure import Figure
from torch import Tensor, nn

from tongsu.explain import VIEWS
from tongsu.models import CNN, GAN, MLP, RNN, SmallResNet, Transformer
from tongsu.plots.views import About, draw
from tongsu.recipes.choose import choose
from tongsu.training.build import complete, dataset_of
from tongsu.trials import Game, Trials

DIGITS = tuple(str(k) for k in range(10))
SPOKEN = ("the", "film", "is", "n't", "as", "bad", "as", "everybody", "says", ",", "just", "unconvincingly", "long")
MOODS = ("negative", "a wonderfully long name")


@cache
def net(name: str) -> nn.Module:
    torch.manual_seed(0)
    small: dict[str, Any] = {"words": 40, "embedding": 12, "hidden": 10}
    made: dict[str, Callable[[], nn.Module]] = {
        "mlp": MLP,
        "points": lambda: MLP(inputs=2, hidden=(8, 5), outputs=1),
        "classes": lambda: MLP(inputs=2, hidden=(6,), outputs=5),
        "cnn": lambda: CNN(filters=(8, 24)),
        "resnet": lambda: SmallResNet(blocks=(2, 2, 2)),
        "plain": lambda: SmallResNet(blocks=(2, 2, 2), skip=False),
        "lstm": lambda: RNN(cell="lstm", padding="skip", **small),
        "gru": lambda: RNN(cell="gru", bidirectional=True, layers=2, **small),
        "simple": lambda: RNN(cell="simple", **small),
        "transformer": lambda: Transformer(words=40, length=60, width=16),
        "gan": lambda: GAN(width=8),
    }
    return made[name]().eval()


@cache
def image() -> np.ndarray:
    """A ring with a tail, (1, 28, 28) uint8."""
    y, x = np.mgrid[0:28, 0:28]
    ring = np.abs(np.hypot(y - 10, x - 13) - 5) < 1.6
    return ((ring | ((y > 12) & (y < 24) & (np.abs(x - 18) < 1.5))) * 255).astype(np.uint8)[None]


def seen() -> Tensor:
    return torch.from_numpy(image()[None] / 255.0).float()


def many(count: int = 60) -> tuple[Tensor, Tensor]:
    chance = torch.Generator().manual_seed(1)
    return torch.rand(count, 1, 28, 28, generator=chance), torch.arange(count) % 10


def said(words: tuple[str, ...], length: int = 60) -> Tensor:
    numbers = torch.tensor([[1, *(3 + hash_of(word) % 37 for word in words)]])
    return nn.functional.pad(numbers, (length - numbers.shape[1], 0))


def hash_of(word: str) -> int:
    return sum(map(ord, word))


def looked(view: str, model: str, x: Tensor | None = None, about: About | None = None, **options: Any) -> Figure:
    found, net_ = VIEWS[view], net(model)
    if found.takes("background") and model not in ("points", "classes"):
        options["background"] = torch.zeros(1)
    given = {"one": (seen() if x is None else x,), "batch": many(), "real": (many()[0] * 2 - 1,), "none": ()}
    if x is not None and found.input == "batch":
        given["batch"] = (x, torch.arange(len(x)) % 2)
    return draw(view, found.function(net_, *given[found.input], **options), about or About(DIGITS, image=image()))


def trained(view: str, model: str, chapter: str, *changes: str, **options: Any) -> Figure:
    """Views that train for real, in a moment."""
    recipe = choose(chapter, "quick", "digits", ["examples=200", *changes])
    dataset = dataset_of(recipe)
    brought: Any = (Game if VIEWS[view].takes("game") else Trials)(complete(recipe, dataset), dataset)
    return looked(view, model, **{"game" if VIEWS[view].takes("game") else "trials": brought}, **options)


def read(view: str, model: str, words: tuple[str, ...] = SPOKEN, **options: Any) -> Figure:
    vocabulary = ("<start>", "<unknown>", "the", "a", "unconvincingly", "隔音", "（真的）", "very") * 5
    return looked(view, model, said(words), About(MOODS, ("<start>", *words), vocabulary=vocabulary), **options)


POINT = torch.tensor([[0.3, -1.2]])
VIEW_GALLERY: dict[str, Callable[[], Figure]] = {
    "layers": lambda: looked("layers", "cnn"),
    "layers of many": lambda: looked("layers", "resnet"),
    "activations of pixels": lambda: looked("activations", "mlp"),
    "activations": lambda: looked("activations", "cnn"),
    "activations of many": lambda: looked("activations", "resnet"),
    "activations of words": lambda: read("activations", "transformer"),
    "first-weights": lambda: looked("first-weights", "mlp"),
    "small first-weights": lambda: looked("first-weights", "cnn"),
    "wires": lambda: looked("wires", "mlp", layer="output"),
    "many wires": lambda: looked("wires", "mlp"),
    "unit of pixels": lambda: looked("unit", "mlp", layer="hidden.0", unit=5),
    "unit": lambda: looked("unit", "cnn", unit=3),
    "unit of two": lambda: looked("unit", "points", POINT, About(), layer="hidden.0", unit=1),
    "unit of a word": lambda: read("unit", "transformer", layer="blocks.1.feedforward.0", unit=7),
    "pixel": lambda: looked("pixel", "cnn", channel=2, row=5, column=9),
    "deep pixel": lambda: looked("pixel", "cnn", layer="convolutions.1", channel=11, row=5, column=9),
    "padded pixel": lambda: looked("pixel", "resnet", layer="blocks.3.conv1", channel=11, row=0, column=0),
    "pool": lambda: looked("pool", "cnn", channel=2, row=5, column=7),
    "activation-functions": lambda: looked("activation-functions", "mlp"),
    "dead-units": lambda: looked("dead-units", "cnn"),
    "backpropagation": lambda: looked("backpropagation", "mlp"),
    "backpropagation of many": lambda: looked("backpropagation", "resnet", target=4, optimizer="adam", lr=0.01),
    "gradients-by-step": lambda: read("gradients-by-step", "lstm"),
    "gradients-by-step, long": lambda: read("gradients-by-step", "gru", CHINESE * 2),
    "gradients-by-depth": lambda: looked("gradients-by-depth", "resnet"),
    "gradients-by-depth, shallow": lambda: looked("gradients-by-depth", "cnn"),
    "gates": lambda: read("gates", "lstm"),
    "gates backward": lambda: read("gates", "gru", CHINESE, depth=1, direction="backward"),
    "state": lambda: read("gates", "simple", ("好",)),
    "gate-numbers": lambda: read("gate-numbers", "lstm", unit=3, word=4),
    "gate-numbers of a GRU": lambda: read("gate-numbers", "gru", CHINESE, unit=3),
    "gate-numbers of one": lambda: read("gate-numbers", "simple", CHINESE, unit=3),
    "trajectory": lambda: read("trajectory", "lstm"),
    "trajectory, long": lambda: read("trajectory", "lstm", CHINESE * 2),
    "running-prediction": lambda: read("running-prediction", "transformer"),
    "directions": lambda: read("directions", "gru"),
    "neighbours": lambda: read("neighbours", "lstm"),
    "attention": lambda: read("attention", "transformer", depth=1),
    "attention, long": lambda: read("attention", "transformer", CHINESE * 2, head=1),
    "attention-maps": lambda: read("attention-maps", "transformer"),
    "integrated-gradients": lambda: looked("integrated-gradients", "mlp"),
    "integrated-gradients of words": lambda: read("integrated-gradients", "transformer", CHINESE),
    "integrated-gradients of a point": lambda: looked("integrated-gradients", "points", POINT, About(MOODS)),
    "grad-cam": lambda: looked("grad-cam", "cnn"),
    "occlusion": lambda: looked("occlusion", "cnn"),
    "occlusion of words": lambda: read("occlusion", "lstm"),
    "deletion": lambda: looked("deletion", "mlp"),
    "deletion of words": lambda: read("deletion", "transformer", method="occlusion"),
    "shift": lambda: looked("shift", "mlp"),
    "decision-map": lambda: looked("decision-map", "points", about=About(("内圈", "外圈，很长的名字"))),
    "decision-map of classes": lambda: looked("decision-map", "classes", about=About(ANIMALS * 2)),
    "ablation": lambda: looked("ablation", "mlp", units=(1, 2, 3)),
    "ablation of few": lambda: looked("ablation", "points", torch.randn(40, 2, generator=torch.Generator())),
    "weight-noise": lambda: looked("weight-noise", "cnn", levels=3, repeats=2),
    "activation-exchange": lambda: looked("activation-exchange", "cnn"),
    "embedding-map": lambda: looked("embedding-map", "mlp"),
    "samples": lambda: looked("samples", "gan"),
    "interpolation": lambda: looked("interpolation", "gan"),
    "latent-arithmetic": lambda: looked("latent-arithmetic", "gan"),
    "scores": lambda: looked("scores", "gan"),
    "round": lambda: looked("round", "gan"),
    "mode-collapse": lambda: trained("mode-collapse", "gan", "gan", "width=8", collapsing=12, curing=6),
    "mode-collapse, no time": lambda: trained("mode-collapse", "gan", "gan", "width=8", seconds=0.0),
    "same-budget": lambda: trained(
        "same-budget", "mlp", "mlp", variants="hidden=8; activation=sigmoid hidden=64,32 lr=0.02; lr=0.5", learned=80
    ),
    "same-budget, no time": lambda: trained("same-budget", "cnn", "cnn", seconds=0.0),
    "depth-accuracy": lambda: trained(
        "depth-accuracy", "resnet", "resnet", "width=4", depths=(8, 14), learned=60, epochs=1
    ),
    "conv-sandbox": lambda: looked("conv-sandbox", "mlp", size=9, kernel=3, stride=2, padding=1),
    "conv-sandbox unread": lambda: looked("conv-sandbox", "mlp", size=12, kernel=3, stride=3, dilation=2),
}
