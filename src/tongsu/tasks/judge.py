"""The judge: one fixed CNN in whose features drawings are compared with real digits.

It is the reference CNN of the road map, trained by `tongsu train cnn` (see judge.json beside the weights), and it
is shipped, so that a Fréchet distance measured today can be compared with one measured next year.
Letters used in shapes: N images, D features.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from tongsu.models import CNN

WEIGHTS = Path(__file__).with_name("judge.safetensors")
MEAN, SPREAD = 0.1307, 0.3081  # of MNIST's pixels, as the judge was trained


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """||mu_a - mu_b||^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of features (N, D) (Heusel et al. 2017), in float64."""
    a, b = a.double(), b.double()
    cov_a, cov_b = torch.cov(a.T), torch.cov(b.T)  # (D, D)
    # (S_a S_b)^(1/2) has the trace of (R S_b R)^(1/2) with R = S_a^(1/2), which is symmetric.
    values, vectors = torch.linalg.eigh(cov_a)
    root = vectors * values.clamp(min=0).sqrt() @ vectors.T
    cross = torch.linalg.eigvalsh(root @ cov_b @ root).clamp(min=0).sqrt().sum()
    gap = (a.mean(0) - b.mean(0)).square().sum()
    return float(gap + cov_a.trace() + cov_b.trace() - 2 * cross)


class Judge:
    def __init__(self, device: torch.device) -> None:
        self.cnn = CNN()
        self.cnn.load_state_dict(load_file(WEIGHTS))
        self.cnn.eval().requires_grad_(False).to(device)

    @staticmethod
    @cache
    def load(device: torch.device) -> Judge:
        return Judge(device)

    @torch.no_grad()
    def look(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (N, 1, 28, 28) in [-1, 1] to features (N, D) and digits (N,)."""
        features = [self.cnn.features(((part + 1) / 2 - MEAN) / SPREAD) for part in images.split(500)]
        joined = torch.cat(features)
        return joined, self.cnn.output(joined).argmax(-1)

    def compare(self, drawn: Tensor, real: Tensor) -> dict[str, float]:
        features, digits = self.look(drawn)
        shares = digits.bincount(minlength=10).double() / len(digits)
        entropy = -(shares * shares.clamp(min=1e-12).log()).sum()
        return {
            "frechet_distance": frechet_distance(features.cpu(), self.look(real)[0].cpu()),
            "coverage": float(entropy.exp() / 10),
            "rarest_digit": float(shares.min()),
        }
