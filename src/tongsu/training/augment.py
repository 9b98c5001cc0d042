"""Each time a picture is shown it looks a little different, so that a small net cannot learn pixels by heart.

Letters used in shapes: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Augment = Literal["none", "shift", "photo"]

FAR = 8  # a picture moves by an eighth of its side at most
NEAR = 0.8  # a photograph is seen from as near as four fifths of its side


def augmented(images: Tensor, how: Augment) -> Tensor:
    """A batch (B, C, H, W), each picture changed by its own chance; what a shift uncovers repeats the edge.

    shift: moved by whole pixels, for signs that a mirror would turn into others (digits, letters, arrows).
    photo: moved, and half of them mirrored left to right, and all seen from a little nearer.
    Chance comes from torch's own generator on the CPU, whose state is part of every checkpoint.
    """
    if how == "none":
        return images
    count, _, height, width = images.shape
    rows, columns = _places(count, height), _places(count, width)  # (B, H), (B, W): where each pixel comes from
    if how == "photo":
        near = NEAR + (1 - NEAR) * torch.rand(count, 1)
        rows, columns = ((at - at.mean(1, keepdim=True)) * near + at.mean(1, keepdim=True) for at in (rows, columns))
        mirrored = torch.rand(count, 1) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    down = rows.round().long().clamp(0, height - 1).to(images.device)[:, None, :, None]  # (B, 1, H, 1)
    across = columns.round().long().clamp(0, width - 1).to(images.device)[:, None, None, :]  # (B, 1, 1, W)
    each = torch.arange(count, device=images.device)[:, None, None, None]
    channels = torch.arange(images.shape[1], device=images.device)[None, :, None, None]
    return images[each, channels, down, across]


def _places(count: int, side: int) -> Tensor:
    """0, 1, ... side - 1 for each picture (B, side), moved by its own number of whole pixels."""
    most = side // FAR
    return torch.arange(side) - torch.randint(-most, most + 1, (count, 1)).float()
