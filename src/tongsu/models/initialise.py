"""How weights begin: Keras's defaults, because the road map's scripts start there.

Dense and convolution: Glorot-uniform (Glorot & Bengio 2010), zero biases. Embedding: uniform in ±0.05.
Recurrent: orthogonal (Saxe et al. 2014); the LSTM's forget bias is 1 (Jozefowicz et al. 2015), so that it
remembers before it has learned to forget.
"""

from __future__ import annotations

from torch import nn


def like_keras(model: nn.Module) -> None:
    """Fill every parameter of `model` in place, in the order of its modules (so a seed fixes all of them)."""
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.uniform_(module.weight, -0.05, 0.05)
        elif isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        else:
            _recurrent(module)


def _recurrent(module: nn.Module) -> None:
    """The layout that torch and our own cells share: gates stacked in rows, weight_ih (gates·H, D)."""
    for name, value in module.named_parameters(recurse=False):
        if name.startswith("weight_ih"):
            nn.init.xavier_uniform_(value)
        elif name.startswith("weight_hh"):
            nn.init.orthogonal_(value)
        elif name.startswith(("bias_ih", "bias_hh")):
            nn.init.zeros_(value)
            hidden = getattr(module, f"weight_hh{name.removeprefix(name[:7])}").shape[1]
            if (
                name.startswith("bias_ih") and value.numel() == 4 * hidden
            ):  # LSTM: input, forget, cell, output
                nn.init.ones_(value[hidden : 2 * hidden])
