"""The adversarial game, looked at: between two noises, in the discriminator's eyes, and one round in slow motion.

Letters used in shapes: N images, Z noise numbers, B batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.explain.arrays import array, plain
from tongsu.explain.record import at_least, evaluating
from tongsu.models.gan import GAN

AT_ONCE = 250  # images
STEP = 0.01  # how far D goes, for `fake_scores_after`


def noise_of(model: GAN, seed: int, count: int = 1) -> Tensor:
    """The noise (count, Z) that a seed stands for, the same as `tongsu generate --seed` draws from."""
    return torch.randn(count, model.noise, generator=torch.Generator().manual_seed(seed))


def drawn(model: GAN, noise: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Images (N, 28, 28) from 0 to 1, and D's probability (N,) that each is real."""
    place = next(model.parameters()).device
    images, scores = [], []
    with evaluating(model), torch.no_grad():
        for part in noise.to(place).split(AT_ONCE):
            images.append(model(part))
            scores.append(torch.sigmoid(model.discriminator(images[-1]))[:, 0])
    return plain(torch.cat(images)[:, 0] / 2 + 0.5), plain(torch.cat(scores))


@dataclass(frozen=True)
class Samples:
    images: np.ndarray = array("image", "row", "column")
    scores: np.ndarray = array("image")


def samples(model: GAN, count: int = 10, seed: int = 0) -> Samples:
    """What the first noises of a seed become: asked of every frame, a film of digits that grow."""
    at_least("count", count, 1)
    return Samples(*drawn(model, noise_of(model, seed, count)))


@dataclass(frozen=True)
class Interpolation:
    images: np.ndarray = array("image", "row", "column")
    scores: np.ndarray = array("image")
    positions: np.ndarray = array("image")  # 0: the first noise, 1: the other


def interpolation(model: GAN, seed: int = 0, other: int = 1, count: int = 9) -> Interpolation:
    """From one noise to another along the sphere on which noise lies (White 2016), not through its empty middle."""
    at_least("count", count, 2)
    a, b = noise_of(model, seed)[0], noise_of(model, other)[0]  # (Z,)
    t = torch.linspace(0, 1, count)[:, None]
    angle = torch.acos((a @ b / (a.norm() * b.norm())).clamp(-1, 1))
    if float(angle) < 1e-4:
        path = (1 - t) * a + t * b
    else:
        path = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)
    return Interpolation(*drawn(model, path), plain(t[:, 0]))


@dataclass(frozen=True)
class LatentArithmetic:
    """Four images: first, minus, plus, and first - minus + plus."""

    images: np.ndarray = array("image", "row", "column")
    scores: np.ndarray = array("image")


def latent_arithmetic(model: GAN, first: int = 0, minus: int = 1, plus: int = 2, average: int = 1) -> LatentArithmetic:
    """Noises by their seeds; average: of how many each (Radford et al. 2015 took three)."""
    at_least("average", average, 1)
    a, b, c = (noise_of(model, s, average).mean(0, keepdim=True) * math.sqrt(average) for s in (first, minus, plus))
    return LatentArithmetic(*drawn(model, torch.cat([a, b, c, a - b + c])))


@dataclass(frozen=True)
class Scores:
    """D's probability of "real", for real images and drawings, and in equal bins.

    optimum: in each bin the answer of the best possible D, p / (p + q) (Goodfellow et al. 2014, proposition 1), with
    the shares p and q that fall into it. Where G has won, both losses stand at log 4 and all scores at 1/2.
    """

    discriminator_loss: float
    equilibrium_loss: float
    real: np.ndarray = array("image")
    fake: np.ndarray = array("image")
    edges: np.ndarray = array("edge")
    centres: np.ndarray = array("bin")
    real_counts: np.ndarray = array("bin")
    fake_counts: np.ndarray = array("bin")
    optimum: np.ndarray = array("bin")  # NaN where nothing falls


@torch.no_grad()
def scores(model: GAN, x: Tensor, seed: int = 0, bins: int = 20) -> Scores:
    """x: real images (N, 1, 28, 28) in [-1, 1]; as many drawings are made."""
    at_least("bins", bins, 2)
    with evaluating(model):
        on_real = torch.cat([model.discriminator(part) for part in x.split(AT_ONCE)])[:, 0]
        noise = noise_of(model, seed, len(x)).to(x.device)
        on_fake = torch.cat([model.discriminator(model(part)) for part in noise.split(AT_ONCE)])[:, 0]
    real, fake = plain(on_real.sigmoid()), plain(on_fake.sigmoid())
    edges = np.linspace(0, 1, bins + 1)
    p, q = np.histogram(real, edges)[0], np.histogram(fake, edges)[0]
    both = p / len(real) + q / len(fake)
    optimum = np.divide(p / len(real), both, out=np.full(bins, np.nan), where=both > 0)
    loss = float(F.softplus(-on_real.double()).mean() + F.softplus(on_fake.double()).mean())
    return Scores(loss, 2 * math.log(2), real, fake, edges, (edges[1:] + edges[:-1]) / 2, p, q, optimum)


@dataclass(frozen=True)
class Round:
    """One round in five stages: noise; drawings; D's scores; what D is told; what G is told. Nothing is kept."""

    discriminator_loss: float  # -log D(x) - log(1 - D(G(z)))
    generator_loss: float  # -log D(G(z))
    discriminator_names: tuple[str, ...]
    generator_names: tuple[str, ...]
    noise: np.ndarray = array("image", "number")
    real: np.ndarray = array("image", "row", "column")
    fakes: np.ndarray = array("image", "row", "column")
    real_scores: np.ndarray = array("image")
    fake_scores: np.ndarray = array("image")
    fake_scores_after: np.ndarray = array("image")  # after one small step of D
    discriminator_gradient: np.ndarray = array("layer")
    generator_gradient: np.ndarray = array("layer")
    pixel_gradient: np.ndarray = array("image", "row", "column")  # -d generator loss / d pixel: where ink is wanted


def adversarial_round(model: GAN, x: Tensor, seed: int = 0, count: int = 8) -> Round:
    """x: real images (N, 1, 28, 28) in [-1, 1]. Without dropout, with the statistics that BatchNorm carries."""
    at_least("count", count, 1)
    real = x[:count]
    with evaluating(model), torch.enable_grad():
        noise = noise_of(model, seed, len(real)).to(x.device)
        fake = model(noise)  # (B, 1, 28, 28)
        on_real, on_fake = model.discriminator(real), model.discriminator(fake)  # (B, 1)
        d_loss = F.softplus(-on_real).mean() + F.softplus(on_fake).mean()
        g_loss = F.softplus(-on_fake).mean()
        d_named, g_named = (list(part.named_parameters()) for part in (model.discriminator, model.generator))
        d_slopes = torch.autograd.grad(d_loss, [p for _, p in d_named], retain_graph=True)
        wanted, *g_slopes = torch.autograd.grad(g_loss, [fake, *(p for _, p in g_named)])
        with torch.no_grad():
            whole = torch.stack([slope.square().sum() for slope in d_slopes]).sum().sqrt().clamp(min=1e-12)
            moved = {n: p - STEP * slope / whole for (n, p), slope in zip(d_named, d_slopes, strict=True)}
            after = torch.func.functional_call(model.discriminator, moved, (fake.detach(),))
    return Round(
        float(d_loss.detach()), float(g_loss.detach()), _layers(model.discriminator), _layers(model.generator),
        plain(noise), plain(real[:, 0] / 2 + 0.5), plain(fake[:, 0] / 2 + 0.5), plain(on_real.sigmoid()[:, 0]),
        plain(on_fake.sigmoid()[:, 0]), plain(after.sigmoid()[:, 0]), _norms(model.discriminator, d_named, d_slopes),
        _norms(model.generator, g_named, g_slopes), plain(-wanted[:, 0]),
    )  # fmt: skip


def _layers(part: nn.Module) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.rpartition(".")[0] for name, _ in part.named_parameters()))


def _norms(part: nn.Module, named: list[tuple[str, nn.Parameter]], slopes: Sequence[Tensor]) -> np.ndarray:
    squares = dict.fromkeys(_layers(part), 0.0)
    for (name, _), slope in zip(named, slopes, strict=True):
        squares[name.rpartition(".")[0]] += float(slope.double().square().sum())
    return np.sqrt(np.array(list(squares.values())))
