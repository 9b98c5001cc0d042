"""Residual nets (残差网络): each block learns what to add to its input, so depth can do no harm.

    y = relu(x + f(x))        (He, Zhang, Ren & Sun 2015)

Letters used in shapes: B batch, C channels, S side of the picture, W width of a stage, K outputs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.models.checks import at_least, one_of


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside the shortcut. The stride has one place here, whatever `early` says."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, early: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _projection(channels, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        f = F.relu(self.bn1(self.conv1(x)))  # (B, W, S, S), S already divided by the stride
        f = self.bn2(self.conv2(f))  # (B, W, S, S)
        shortcut = x if self.downsample is None else self.downsample(x)  # (B, W, S, S)
        return F.relu(shortcut + f)


class Bottleneck(nn.Module):
    """1×1 narrows, 3×3 looks, 1×1 widens to 4 W. `early` puts the stride into the first 1×1, as the paper and Keras
    do (version 1); else it stands in the 3×3, as in torchvision and on the hub (version 1.5)."""

    expansion = 4

    def __init__(self, channels: int, width: int, stride: int, early: bool = False) -> None:
        super().__init__()
        first, second = (stride, 1) if early else (1, stride)
        self.conv1 = nn.Conv2d(channels, width, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, second, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.downsample = _projection(channels, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        f = F.relu(self.bn1(self.conv1(x)))  # (B, W, S, S)
        f = F.relu(self.bn2(self.conv2(f)))  # (B, W, S, S), S now divided by the stride
        f = self.bn3(self.conv3(f))  # (B, 4 W, S, S)
        shortcut = x if self.downsample is None else self.downsample(x)  # (B, 4 W, S, S)
        return F.relu(shortcut + f)


def _projection(channels: int, width: int, stride: int) -> nn.Sequential | None:
    """Option B of the paper: where the shape changes, the shortcut is a learned 1×1 convolution."""
    if stride == 1 and channels == width:
        return None
    return nn.Sequential(nn.Conv2d(channels, width, 1, stride, bias=False), nn.BatchNorm2d(width))


KINDS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
}


class ResNet(nn.Module):
    """Pictures (B, C, S, S) to logits (B, K); 11,689,512 / 21,797,672 / 25,557,032 parameters (18 / 34 / 50).

    Modules are named as torchvision's, so that published ImageNet weights load by name.
    stride_in: the convolution of a bottleneck that holds the stride: "3x3" (version 1.5) or "1x1" (version 1).
    statistics: BatchNorm goes by each batch's mean and variance ("learn") or by those that it carries ("keep").
    """

    at_once = 32  # pictures that are measured together: the maps of one take 20 MB

    def __init__(
        self, *, depth: int = 18, outputs: int = 1000, channels: int = 3, stride_in: str = "3x3",
        statistics: str = "learn",
    ) -> None:  # fmt: skip
        super().__init__()
        one_of("depth", depth, KINDS)
        one_of("stride_in", stride_in, ("3x3", "1x1"))
        one_of("statistics", statistics, ("learn", "keep"))
        self.statistics = statistics
        early = stride_in == "1x1"
        block, counts = KINDS[depth]
        self.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = _stage(block, 64, 64, counts[0], stride=1, early=early)
        self.layer2 = _stage(block, 64 * block.expansion, 128, counts[1], stride=2, early=early)
        self.layer3 = _stage(block, 128 * block.expansion, 256, counts[2], stride=2, early=early)
        self.layer4 = _stage(block, 256 * block.expansion, 512, counts[3], stride=2, early=early)
        self.fc = nn.Linear(512 * block.expansion, outputs)
        _he(self)

    def features(self, x: Tensor) -> Tensor:
        """What the last layer reads: (B, C, S, S) to (B, 512 e), e = 1 or 4 (expansion)."""
        x = x.to(memory_format=torch.channels_last)  # how it lies in memory: faster
        x = F.relu(self.bn1(self.conv1(x)))  # (B, 64, S / 2, S / 2)
        x = self.maxpool(x)  # (B, 64, S / 4, S / 4)
        x = self.layer1(x)  # (B, 64 e, S / 4, S / 4)
        x = self.layer2(x)  # (B, 128 e, S / 8, S / 8)
        x = self.layer3(x)  # (B, 256 e, S / 16, S / 16)
        x = self.layer4(x)  # (B, 512 e, S / 32, S / 32)
        return x.mean((2, 3))  # (B, 512 e)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.features(x))  # (B, K)

    def train(self, mode: bool = True) -> ResNet:
        super().train(mode)
        if self.statistics == "keep":
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


def _stage(
    block: type[BasicBlock] | type[Bottleneck], channels: int, width: int, count: int, stride: int, early: bool
) -> nn.Sequential:
    rest = [block(width * block.expansion, width, 1) for _ in range(count - 1)]
    return nn.Sequential(block(channels, width, stride, early), *rest)


class SmallBlock(nn.Module):
    """Section 4.2 of the paper. The shortcut has no weights (option A: every other pixel, missing channels
    are zero), so `skip=False` takes away the residual connection and nothing else."""

    def __init__(self, channels: int, width: int, stride: int, skip: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride, self.missing, self.skip = stride, width - channels, skip

    def forward(self, x: Tensor) -> Tensor:
        f = F.relu(self.bn1(self.conv1(x)))  # (B, W, S, S), S already divided by the stride
        f = self.bn2(self.conv2(f))  # (B, W, S, S)
        if not self.skip:
            return F.relu(f)
        shortcut = x[:, :, :: self.stride, :: self.stride]  # (B, C, S, S)
        if self.missing:
            shortcut = F.pad(shortcut, (0, 0, 0, 0, 0, self.missing))  # (B, W, S, S)
        return F.relu(shortcut + f)


class SmallResNet(nn.Module):
    """For pictures of 28 to 32 pixels: (B, C, S, S) to logits (B, K).

    `blocks` counts the blocks of each stage; (n, n, n) is the paper's net of depth 6 n + 2: (3, 3, 3) with
    three channels is ResNet-20 with its 0.27 million parameters. Every stage doubles the width and halves
    the side.
    """

    def __init__(
        self,
        *,
        channels: int = 1,
        blocks: Sequence[int] = (1, 1, 1),
        width: int = 16,
        outputs: int = 10,
        skip: bool = True,
    ) -> None:
        super().__init__()
        at_least("blocks", min(blocks, default=0), 1)
        self.conv = nn.Conv2d(channels, width, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential()
        wide = width
        for stage, count in enumerate(blocks):
            for number in range(count):
                stride = 2 if stage > 0 and number == 0 else 1
                self.blocks.append(SmallBlock(wide, width * 2**stage, stride, skip))
                wide = width * 2**stage
        self.output = nn.Linear(wide, outputs)
        _he(self)

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(memory_format=torch.channels_last)  # how it lies in memory: faster
        x = F.relu(self.bn(self.conv(x)))  # (B, W, S, S)
        x = self.blocks(x)  # (B, 4 W, S / 4, S / 4)
        x = x.mean((2, 3))  # (B, 4 W)
        return self.output(x)  # (B, K)


def _he(model: nn.Module) -> None:
    """He et al. 2015 (Delving Deep into Rectifiers): variance 2 / fan, which ReLU halves back to 1 / fan."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
