"""EfficientNet-Lite0 (Tan & Le 2019; the Lite form for small machines: ReLU6, no squeeze-and-excitation).

Each block widens, looks at every channel by itself, and narrows again (Sandler et al. 2018, MobileNetV2):

    y = x + narrow(depthwise(widen(x)))        no activation after the narrowing; x + only where shapes agree

Letters used in shapes: B batch, C channels, W width of a block's output, E its widening, S side, K outputs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.models.checks import one_of
from tongsu.models.dropout import Dropout

# repeats, kernel, stride of the first repeat, widening E, output width W
BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
EPSILON, MOMENTUM = 1e-3, 0.01  # TensorFlow's BatchNorm, with which the published weights were learned


def same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad (B, C, S, S) as TensorFlow's "same" does: the output has ⌈S / stride⌉, an odd pixel goes right and below."""
    pads: list[int] = []
    for side in (x.shape[-1], x.shape[-2]):
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        pads += [missing // 2, missing - missing // 2]
    return F.pad(x, pads)


class MobileBlock(nn.Module):
    """Widen by 1×1, look by a depthwise convolution, narrow by 1×1."""

    def __init__(self, channels: int, width: int, kernel: int, stride: int, widening: int) -> None:
        super().__init__()
        wide = channels * widening
        self.kernel, self.stride = kernel, stride
        self.widens, self.adds = widening > 1, stride == 1 and channels == width
        if self.widens:
            self.widen = nn.Conv2d(channels, wide, 1, bias=False)
            self.bn_widen = nn.BatchNorm2d(wide, EPSILON, MOMENTUM)
        self.depthwise = nn.Conv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self.bn_depthwise = nn.BatchNorm2d(wide, EPSILON, MOMENTUM)
        self.narrow = nn.Conv2d(wide, width, 1, bias=False)
        self.bn_narrow = nn.BatchNorm2d(width, EPSILON, MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        f = F.relu6(self.bn_widen(self.widen(x))) if self.widens else x  # (B, C E, S, S)
        f = self.depthwise(same(f, self.kernel, self.stride))  # (B, C E, S / stride, S / stride)
        f = F.relu6(self.bn_depthwise(f))
        f = self.bn_narrow(self.narrow(f))  # (B, W, S / stride, S / stride)
        return x + f if self.adds else f


class EfficientNetLite(nn.Module):
    """Pictures (B, 3, S, S) to logits (B, K); 4,652,008 parameters.

    statistics: BatchNorm normalises by the mean and variance that it carries ("keep", for going on from published
    weights with few pictures) or by each batch's own ("learn", for starting from nothing).
    """

    at_once = 32  # pictures that are measured together: the first maps of one take 10 MB

    def __init__(
        self, *, outputs: int = 1000, channels: int = 3, dropout: float = 0.2, statistics: str = "learn"
    ) -> None:
        super().__init__()
        one_of("statistics", statistics, ("learn", "keep"))
        self.statistics = statistics
        self.stem = nn.Conv2d(channels, 32, 3, stride=2, bias=False)
        self.bn_stem = nn.BatchNorm2d(32, EPSILON, MOMENTUM)
        self.blocks = nn.Sequential()
        wide = 32
        for repeats, kernel, stride, widening, width in BLOCKS:
            for number in range(repeats):
                self.blocks.append(MobileBlock(wide, width, kernel, 1 if number else stride, widening))
                wide = width
        self.top = nn.Conv2d(wide, 1280, 1, bias=False)
        self.bn_top = nn.BatchNorm2d(1280, EPSILON, MOMENTUM)
        self.dropout = Dropout(dropout)
        self.head = nn.Linear(1280, outputs)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        nn.init.xavier_uniform_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def features(self, x: Tensor) -> Tensor:
        """What the head reads: (B, 3, S, S) to (B, 1280)."""
        x = x.to(memory_format=torch.channels_last)  # how it lies in memory: faster
        x = F.relu6(self.bn_stem(self.stem(same(x, 3, 2))))  # (B, 32, S / 2, S / 2)
        x = self.blocks(x)  # (B, 320, S / 32, S / 32)
        x = F.relu6(self.bn_top(self.top(x)))  # (B, 1280, S / 32, S / 32)
        return x.mean((2, 3))  # (B, 1280)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.dropout(self.features(x)))  # (B, K)

    def train(self, mode: bool = True) -> EfficientNetLite:
        super().train(mode)
        if self.statistics == "keep":
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self
