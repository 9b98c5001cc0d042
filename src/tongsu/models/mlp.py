"""The multilayer perceptron (多层感知机): weighted sums and a bend, layer upon layer.

    h₀ = x,   hₗ = f(Wₗ hₗ₋₁ + bₗ),   logits = W h + b        (Rumelhart, Hinton & Williams 1986)

Letters used in shapes: B batch, D input numbers, H hidden units, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from tongsu.models.checks import one_of
from tongsu.models.dropout import Dropout
from tongsu.models.initialise import like_keras

# Why a bend at all: without f the product of all W is one matrix, and the net a linear map.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
}


class MLP(nn.Module):
    """Images (B, C, H, W) or vectors (B, D) to logits (B, K). The road map's net has 109,386 parameters."""

    def __init__(
        self,
        *,
        inputs: int = 784,
        hidden: Sequence[int] = (128, 64),
        outputs: int = 10,
        activation: str = "relu",
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        one_of("activation", activation, ACTIVATIONS)
        layers: list[nn.Module] = []
        for width in hidden:
            layers += [nn.Linear(inputs, width), ACTIVATIONS[activation](), Dropout(dropout)]
            inputs = width
        self.hidden = nn.Sequential(*layers)
        self.output = nn.Linear(inputs, outputs)
        like_keras(self)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)  # (B, D)
        h = self.hidden(x)  # (B, H)
        return self.output(h)  # (B, K)
