"""The adversarial game (Goodfellow et al. 2014): the generator draws, the discriminator tells drawn from real.

    min over G, max over D:  E[log D(x)] + E[log(1 - D(G(z)))]

The generator follows the non-saturating form, max log D(G(z)), as the road map's script does. It may also match
features (Salimans et al. 2016): the mean of what the discriminator sees, over a batch, the same for drawn as for real.
Letters used in shapes: B batch, Z noise, D features.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from tongsu.models import GAN
from tongsu.tasks.judge import Judge


def binary_cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(x) - log(1 - D(G(z))) from logits (B, 1)."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


@dataclass(frozen=True)
class AdversarialGame:
    """`share_fakes`: both steps see the same drawings, which saves the second pass through the generator; the
    discriminator then judges them a moment before it learns from them, instead of a moment after."""

    share_fakes: bool = False
    feature_matching: float = 0.0  # weight of || mean f(x) - mean f(G(z)) ||^2 in the generator's loss
    samples: int = 10_000  # drawings at most for the Fréchet distance: as many as there are real images to compare

    def parts(self, model: nn.Module) -> dict[str, nn.Module]:
        game = cast(GAN, model)
        return {"discriminator": game.discriminator, "generator": game.generator}

    def step(
        self, model: nn.Module, batch: tuple[Tensor, Tensor], optimizers: Mapping[str, Optimizer]
    ) -> dict[str, Tensor]:
        game = cast(GAN, model)
        real, _ = batch  # (B, 1, 28, 28) in [-1, 1]
        fake = game(self.noise(game, real))  # (B, 1, 28, 28)

        # The discriminator learns first: real up, drawn down. `detach` keeps the generator out of it.
        judged_real, judged_fake = game.discriminator(real), game.discriminator(fake.detach())  # (B, 1)
        discriminator_loss = binary_cross_entropy(judged_real, judged_fake)
        optimizers["discriminator"].zero_grad()
        discriminator_loss.backward()
        optimizers["discriminator"].step()

        # Then the generator: its drawings should pass for real with the discriminator as it is now.
        if not self.share_fakes:
            fake = game(self.noise(game, real))
        game.discriminator.requires_grad_(False)  # its own gradient is not needed here
        seen = game.discriminator.features(fake)  # (B, D)
        generator_loss = F.softplus(-game.discriminator.output(seen)).mean()
        if self.feature_matching:
            with torch.no_grad():
                wanted = game.discriminator.features(real).mean(0)  # (D,)
            generator_loss = generator_loss + self.feature_matching * (seen.mean(0) - wanted).square().sum()
        optimizers["generator"].zero_grad()
        generator_loss.backward()
        optimizers["generator"].step()
        game.discriminator.requires_grad_(True)

        return {
            "discriminator_loss": discriminator_loss.detach(),
            "generator_loss": generator_loss.detach(),
            "real_score": judged_real.detach().sigmoid().mean(),
            "fake_score": judged_fake.detach().sigmoid().mean(),
        }

    @staticmethod
    def noise(game: GAN, like: Tensor) -> Tensor:
        return torch.randn(len(like), game.noise, device=like.device)  # (B, Z)

    @torch.no_grad()
    def evaluate(self, model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]]) -> dict[str, float]:
        """Fréchet distance of drawings to the given real images in the features of the fixed judge, and how evenly
        the ten digits come up (`coverage`: exp(entropy) / 10, 1 is even; `rarest_digit`: its share)."""
        game = cast(GAN, model).eval()
        real = torch.cat([images for images, _ in batches])  # (N, 1, 28, 28)
        chance = torch.Generator().manual_seed(20_140_610)  # the same noise for every model that is measured
        count = min(self.samples, len(real))
        noise = torch.randn(count, game.noise, generator=chance).to(real.device)  # (N, Z)
        drawn = torch.cat([game(part) for part in noise.split(500)])  # (N, 1, 28, 28)
        return Judge.load(real.device).compare(drawn, real)
