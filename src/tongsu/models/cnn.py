"""Convolutional nets (卷积网络): the road map's, LeNet-5 and VGG.

A convolution looks through a small window (local connection) with the same weights everywhere (sharing):

    y[k, i, j] = b[k] + Σ_c Σ_u Σ_v w[k, c, u, v] · x[c, i + u, j + v]

Letters used in shapes: B batch, C channels, S side of the picture, F filters, H dense units, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.models.checks import at_least, one_of
from tongsu.models.dropout import Dropout
from tongsu.models.initialise import like_keras


class CNN(nn.Module):
    """The road map's net: pictures (B, C, S, S) to logits (B, K); 225,034 parameters for 28×28×1.

    Each block is Conv 3×3 without padding, max-pooling 2×2, ReLU. Keras writes ReLU before pooling; both
    orders give the same numbers and gradients, because ReLU never swaps two values (max(relu(a), relu(b)) =
    relu(max(a, b))), but after pooling it has a quarter of the work.
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        size: int = 28,
        filters: Sequence[int] = (32, 64),
        dense: int = 128,
        outputs: int = 10,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        smallest, side = 1, size
        for _ in filters:
            smallest, side = 2 * smallest + 2, (side - 2) // 2
        at_least("size", size, smallest)
        widths = [channels, *filters]
        self.convolutions = nn.ModuleList(
            nn.Conv2d(narrow, wide, 3) for narrow, wide in zip(widths, widths[1:], strict=False)
        )
        self.dense = nn.Linear(widths[-1] * side * side, dense)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(dense, outputs)
        # Of the picture's side, what reaches the output: 26 of 28, because pooling rounds down.
        self.seen = (side + 2) * 2 ** len(filters) - 2
        like_keras(self)

    def features(self, x: Tensor) -> Tensor:
        """What the net has made of a picture before it decides: (B, C, S, S) to (B, H), all >= 0."""
        if self.training:  # the same numbers and gradients for a sixth less work; who looks inside sees whole maps
            x = x[..., : self.seen, : self.seen]
        x = x.to(memory_format=torch.channels_last)  # how it lies in memory: about 1.5 times as fast
        for convolution in self.convolutions:
            x = convolution(x)  # (B, F, S - 2, S - 2)
            x = F.relu(F.max_pool2d(x, 2))  # (B, F, (S - 2) // 2, (S - 2) // 2)
        x = x.permute(0, 2, 3, 1).flatten(1)  # (B, S·S·F), pixel by pixel as Keras flattens
        return F.relu(self.dense(x))  # (B, H)

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.dropout(self.features(x)))  # (B, K)


class LeNet5(nn.Module):
    """LeNet-5 (LeCun et al. 1998): pictures (B, C, S, S) to logits (B, K); 61,706 parameters.

    As in the paper: 32×32 inputs (28×28 is framed with zeros), 5×5 windows, averaging, tanh.
    """

    def __init__(self, *, channels: int = 1, size: int = 28, outputs: int = 10) -> None:
        super().__init__()
        frame = 2 if size < 32 else 0
        side = ((size + 2 * frame - 4) // 2 - 4) // 2
        at_least("size", size, 12)
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=frame)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.dense1 = nn.Linear(16 * side * side, 120)
        self.dense2 = nn.Linear(120, 84)
        self.output = nn.Linear(84, outputs)
        like_keras(self)

    def forward(self, x: Tensor) -> Tensor:  # sides below are those of 28×28
        x = F.avg_pool2d(torch.tanh(self.conv1(x)), 2)  # (B, 6, 14, 14)
        x = F.avg_pool2d(torch.tanh(self.conv2(x)), 2)  # (B, 16, 5, 5)
        x = x.flatten(1)  # (B, 400)
        x = torch.tanh(self.dense1(x))  # (B, 120)
        x = torch.tanh(self.dense2(x))  # (B, 84)
        return self.output(x)  # (B, K)


# How many 3×3 convolutions stand before each of the five poolings (table 1 of the paper: A, B, D).
VGG_BLOCKS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3)}


class VGG(nn.Module):
    """VGG (Simonyan & Zisserman 2014): pictures (B, C, S, S) to logits (B, K).

    VGG-16 has 138,357,544 parameters.

    Modules are named as torchvision's, so that its published weights load. For 32×32 pictures:
    `VGG(size=32, dense=512, outputs=10)`.
    """

    def __init__(
        self,
        *,
        depth: int = 16,
        batch_norm: bool = False,
        size: int = 224,
        channels: int = 3,
        dense: int = 4096,
        outputs: int = 1000,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        one_of("depth", depth, VGG_BLOCKS)
        at_least("size", size, 32)
        layers: list[nn.Module] = []
        for block, count in enumerate(VGG_BLOCKS[depth]):
            filters = min(64 * 2**block, 512)
            for _ in range(count):
                layers.append(nn.Conv2d(channels, filters, 3, padding=1))
                layers += [nn.BatchNorm2d(filters)] if batch_norm else []
                layers.append(nn.ReLU(inplace=True))
                channels = filters
            layers.append(nn.MaxPool2d(2))
        side = size // 32
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(side)
        self.classifier = nn.Sequential(
            nn.Linear(512 * side * side, dense), nn.ReLU(inplace=True), Dropout(dropout),
            nn.Linear(dense, dense), nn.ReLU(inplace=True), Dropout(dropout),
            nn.Linear(dense, outputs),
        )  # fmt: skip
        for module in self.modules():  # Glorot's variance halves at every ReLU; 16 layers need He's
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(x)  # (B, 512, S / 32, S / 32)
        x = self.avgpool(x).flatten(1)  # (B, 512·(S / 32)²)
        return self.classifier(x)  # (B, K)
