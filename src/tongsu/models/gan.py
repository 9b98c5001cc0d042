"""The generative adversarial pair (生成对抗网络): a forger and a judge, both convolutional.

    min_G max_D  E log D(x) + E log(1 − D(G(z)))        (Goodfellow et al. 2014; DCGAN: Radford et al. 2015)

Pictures are stored channels last ("NHWC" in memory, "NCHW" in shape): on CPUs a step of the pair takes about
four fifths of the time. ConvTranspose2d is then as fast as an equal convolution with a flipped kernel.

Letters used in shapes: B batch, Z noise numbers.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.models.dropout import Dropout
from tongsu.models.initialise import like_keras

SLOPE = 0.3  # Keras's LeakyReLU
# Keras's BatchNormalization: momentum 0.99 of the old statistics is torch's 0.01 of the new.
EPSILON, MOMENTUM = 1e-3, 0.01


class Generator(nn.Module):
    """Noise (B, Z) to pictures (B, 1, 28, 28) in [-1, 1]; 2,330,944 numbers with BatchNorm's statistics."""

    def __init__(self, *, noise: int = 100, width: int = 64) -> None:
        super().__init__()
        self.width = width
        self.dense = nn.Linear(noise, 7 * 7 * 4 * width, bias=False)
        self.norm1 = nn.BatchNorm1d(7 * 7 * 4 * width, EPSILON, MOMENTUM)
        self.conv1 = nn.ConvTranspose2d(4 * width, 2 * width, 5, stride=1, padding=2, bias=False)
        self.norm2 = nn.BatchNorm2d(2 * width, EPSILON, MOMENTUM)
        self.conv2 = nn.ConvTranspose2d(2 * width, width, 5, stride=2, padding=1, bias=False)
        self.norm3 = nn.BatchNorm2d(width, EPSILON, MOMENTUM)
        self.conv3 = nn.ConvTranspose2d(width, 1, 5, stride=2, padding=1, bias=False)
        like_keras(self)

    def forward(self, noise: Tensor) -> Tensor:
        x = F.leaky_relu(self.norm1(self.dense(noise)), SLOPE)  # (B, 12544)
        x = x.view(-1, 7, 7, 4 * self.width).permute(0, 3, 1, 2)  # (B, 256, 7, 7), stored channels last
        x = F.leaky_relu(self.norm2(self.conv1(x)), SLOPE)  # (B, 128, 7, 7)
        x = F.leaky_relu(self.norm3(_same(self.conv2(x))), SLOPE)  # (B, 64, 14, 14)
        return torch.tanh(_same(self.conv3(x)))  # (B, 1, 28, 28)


def _same(x: Tensor) -> Tensor:
    """Keras's "same" cuts 1 row before and 2 behind; torch cuts 1 on both sides, so one is left over."""
    return x[:, :, :-1, :-1].contiguous(memory_format=torch.channels_last)


class Discriminator(nn.Module):
    """Pictures (B, 1, 28, 28) to logits (B, 1): how real each one looks; 212,865 parameters."""

    def __init__(self, *, width: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, width, 5, stride=2)
        self.conv2 = nn.Conv2d(width, 2 * width, 5, stride=2)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(7 * 7 * 2 * width, 1)
        like_keras(self)

    def features(self, x: Tensor) -> Tensor:
        """What the discriminator sees in a picture before it decides: (B, 1, 28, 28) to (B, 6272)."""
        x = x.to(memory_format=torch.channels_last)
        # Keras's "same" at stride 2 pads 1 row before and 2 behind, which torch's own padding cannot.
        x = self.dropout(F.leaky_relu(self.conv1(F.pad(x, (1, 2, 1, 2))), SLOPE))  # (B, 64, 14, 14)
        x = self.dropout(F.leaky_relu(self.conv2(F.pad(x, (1, 2, 1, 2))), SLOPE))  # (B, 128, 7, 7)
        return x.permute(0, 2, 3, 1).flatten(1)  # (B, 6272), pixel by pixel as Keras flattens

    def forward(self, x: Tensor) -> Tensor:
        return self.output(self.features(x))  # (B, 1)


class GAN(nn.Module):
    """Both players. Called with noise (B, Z) it generates pictures (B, 1, 28, 28)."""

    def __init__(self, *, noise: int = 100, width: int = 64, dropout: float = 0.3) -> None:
        super().__init__()
        self.noise = noise
        self.generator = Generator(noise=noise, width=width)
        self.discriminator = Discriminator(width=width, dropout=dropout)

    def forward(self, noise: Tensor) -> Tensor:
        return self.generator(noise)
