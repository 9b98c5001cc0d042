"""The chapters of the road map: one file each, one function a preset, one dict to find them.

`reference`: the road map's own hyperparameters. `fast` (the default): at least the same quality in the least
time. `quick`: seconds, for a tour or a test.
"""

from __future__ import annotations

from collections.abc import Callable

from tongsu.recipes import cnn, gan, mlp, resnet, rnn, transformer
from tongsu.training.recipe import Recipe

CHAPTERS: dict[str, dict[str, Callable[[], Recipe]]] = {
    "mlp": mlp.PRESETS,
    "cnn": cnn.PRESETS,
    "rnn": rnn.PRESETS,
    "gan": gan.PRESETS,
    "transformer": transformer.PRESETS,
    "resnet": resnet.PRESETS,
}
