"""One figure of every kind, from made-up data, with the names that make a layout hard."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from matplotlib.figure import Figure

from tongsu import plots
from tongsu.plots.data import overview

LABELS = [str(k) for k in range(10)]
ANIMALS = ["猫", "金毛寻回犬（幼犬，侧面）", "a very long name of an aeroplane"]
ENGLISH = (
    *("It", "starts", "slowly", ",", "but", "($5", "ticket,", "$8", "popcorn)", "don’t", "miss"),
    *("the", "ending", "–", "“wonderful”", "!", "\U0001f47e"),
)
CHINESE = (
    *("房间", "太", "小", "，", "隔音", "很", "差", "；", "不过", "服务员", "非常", "热情", "，"),
    *("早餐", "丰富", "，", "下次", "还会", "再来", "。"),
)


def images(count: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).random((count, channels, 28, 28))


def shares(count: int, classes: int) -> np.ndarray:
    return np.random.default_rng(1).dirichlet(np.ones(classes) * 0.3, count)


def history(name: str, slow: float = 1.0) -> plots.History:
    steps = np.arange(0, 1000, 10)
    late = np.arange(250, 1001, 250)

    def columns(at: np.ndarray) -> dict[str, np.ndarray]:
        return {"step": at, "seconds": at * 0.01 * slow, "loss": 2.3 * np.exp(-at / 200 / slow),
                "accuracy": 1 - 0.9 * np.exp(-at / 150 / slow)}  # fmt: skip

    return plots.History(name, columns(steps), columns(late))


def running(count: int) -> np.ndarray:
    return 0.5 + 0.5 * np.sin(np.arange(count))


GALLERY: dict[str, Callable[[], Figure]] = {
    "one curve": lambda: plots.curves([history("CNN")]),
    "curves": lambda: plots.curves(
        [
            history("SimpleRNN", 2),
            history("LSTM"),
            history("GRU", 1.2),
            history("双向 LSTM，两层，很长的名字", 3),
        ]
    ),
    "predictions": lambda: plots.predictions(images(5), [1, 2, 3, 4, 5], shares(5, 10), LABELS),
    "colour": lambda: plots.predictions(images(5, 3), [0, 1, 2, 0, 1], shares(5, 3), ANIMALS),
    "confusion": lambda: plots.confusion(np.full((10, 10), 1000), LABELS),
    "animals": lambda: plots.confusion([[5, 1, 0], [2, 9, 0], [0, 0, 0]], ANIMALS),
    "worst": lambda: plots.worst_errors(images(10), np.arange(10), np.arange(10)[::-1], np.ones(10), LABELS),
    "worst animals": lambda: plots.worst_errors(
        images(5, 3), [0, 1, 2, 1, 2], [1, 2, 0, 2, 1], [1] * 5, ANIMALS
    ),
    "no errors": lambda: plots.worst_errors(np.zeros((0, 28, 28)), [], [], [], LABELS),
    "samples": lambda: plots.samples(images(10)),
    "growing": lambda: plots.growing([(step, images(10)) for step in (0, 10, 100, 12345)]),
    "english": lambda: plots.words(ENGLISH, running(len(ENGLISH))),
    "chinese": lambda: plots.words(CHINESE * 4, running(4 * len(CHINESE)), ("差评", "好评")),
    "reliability": lambda: plots.reliability([0.45, 0.55, 0.75, 0.97], [0.4, 0.6, 0.7, 0.9], [3, 9, 40, 900], 0.071),
    "nothing to rely on": lambda: plots.reliability([], [], [], 0.0),
    "data": lambda: overview(
        {name: {"all": 40 - 9 * k} for k, name in enumerate(ANIMALS)}, "side", np.arange(20, 400, 3),
        [(name, (images(1, 3)[0, :, :, :] * 255).astype(np.uint8)) for name in ANIMALS for _ in range(4)],
        [("error", "猫 = 金毛寻回犬: a sentence so long that it has to be cut before it leaves the sheet " * 2),
         ("warning", "two"), ("note", "three")],
        {"train": 75, "validation": 9, "test": 9},
    ),
    "data in parts": lambda: overview(
        {str(k): {"train": 90 + k, "validation": 12, "test": 11} for k in range(12)}, "words", np.arange(1, 300),
    ),
    "one word": lambda: plots.words(["好"], [0.9]),
    "coverage": lambda: plots.coverage([12, 9, 11, 0, 10, 8, 14, 13, 10, 13], LABELS),
    "nothing": lambda: plots.coverage([0] * 10, LABELS),
    "reference": lambda: plots.against_reference(
        ["MLP", "CNN", "bidirectional LSTM", "卷积神经网络"],
        [0.976, 0.991, 0.87, 0.99],
        [0.975, 0.99, 0.9, None],
    ),
}
