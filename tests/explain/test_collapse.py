"""Mode collapse: its rounds against PyTorch written out, its coverage against the task's."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from nets import lesson
from torch import Tensor
from torch.nn import functional as F

from tongsu.explain import VIEWS
from tongsu.models import GAN
from tongsu.tasks.judge import Judge
from tongsu.trials import Game


@pytest.fixture(scope="module")
def game() -> Game:
    return Game(*lesson("gan", "digits", "width=8", "examples=400", "dropout=0", "batch_size=16"))


@pytest.fixture(scope="module")
def learned(game: Game) -> GAN:
    """A generator that has learned for some hundred rounds."""
    torch.manual_seed(0)
    net = GAN(width=8, dropout=0.0)
    rounds = game.rounds(
        net.train(), rates={"generator": 1e-3, "discriminator": 1e-3}, feature_matching=0.1, batch_size=16, seed=5
    )
    for _ in range(150):
        next(rounds)
    return net.eval()


def real(game: Game, count: int = 200) -> Tensor:
    return game.dataset.preprocessing.scale(game.dataset.train.inputs[:count])


def test_a_frozen_judge_and_a_generator_that_learns_by_adam(game: Game, learned: GAN) -> None:
    """One round: -log D(G(z)) goes down, and D does not move."""
    one, other = copy.deepcopy(learned).train(), copy.deepcopy(learned).train()
    rounds = game.rounds(one, rates={"generator": 1e-3}, feature_matching=0.0, batch_size=12, seed=7)
    told = next(rounds)
    torch.manual_seed(7)
    rule = torch.optim.Adam(other.generator.parameters(), lr=1e-3, betas=(0.5, 0.999), eps=1e-7)
    loss = -F.logsigmoid(other.discriminator(other.generator(torch.randn(12, 100)))).mean()
    loss.backward()
    rule.step()
    assert told["generator_loss"] == pytest.approx(loss.item(), rel=1e-5)
    for (name, a), b in zip(one.named_parameters(), other.parameters(), strict=True):
        if name.startswith("discriminator"):
            assert torch.equal(a, dict(learned.named_parameters())[name]), name
        else:
            torch.testing.assert_close(a, b, rtol=1e-4, atol=2e-5, msg=name)


def test_both_learn_where_both_have_a_rate(game: Game, learned: GAN) -> None:
    net = copy.deepcopy(learned).train()
    rates = {"generator": 1e-3, "discriminator": 1e-5}
    next(game.rounds(net, rates=rates, feature_matching=1.0, batch_size=8, seed=1))
    before = dict(learned.named_parameters())
    reach = dict.fromkeys(rates, 0.0)
    for name, p in net.named_parameters():
        part = name.split(".")[0]
        reach[part] = max(reach[part], float((p - before[name]).detach().abs().max()))
    for part, rate in rates.items():  # Adam's first step is as long as the rate
        assert reach[part] == pytest.approx(rate, rel=0.05)


def test_the_stages_are_counted_as_the_task_counts(game: Game, learned: GAN) -> None:
    x = real(game)
    answer = VIEWS["mode-collapse"].function(learned, x, game, cause="frozen-judge", collapsing=60, curing=3, seed=2)
    noise = torch.randn(len(x), 100, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        images = learned(noise)
    judged = Judge.load(torch.device("cpu")).compare(images, x)
    assert answer.coverage[0] == pytest.approx(judged["coverage"]) == pytest.approx(answer.path[0])
    assert answer.shares[0].min() == pytest.approx(judged["rarest_digit"])
    assert answer.variety[0] == pytest.approx(float(np.std(images.numpy() / 2, axis=0, ddof=1).mean()), rel=1e-4)
    np.testing.assert_allclose(answer.images[0], images[:12, 0].numpy() / 2 + 0.5, atol=1e-5)
    assert answer.finished and (answer.collapsing, answer.curing) == (60, 3)
    assert answer.rounds.tolist() == [0, *range(5, 61, 5), 63] and len(answer.generator_loss) == 63
    np.testing.assert_allclose(answer.shares.sum(1), 1)
    # The generator has found what the frozen judge likes.
    assert answer.generator_loss[50:60].mean() < 0.5 * answer.generator_loss[:3].mean()
    assert answer.scores[1].mean() > max(0.9, answer.scores[0].mean())


def test_time_that_is_over_leaves_stages_unreached(game: Game, learned: GAN) -> None:
    answer = VIEWS["mode-collapse"].function(learned, real(game, 50), game, seconds=0.0)
    assert not answer.finished and (answer.collapsing, answer.curing) == (0, 0)
    assert np.isfinite(answer.coverage[0]) and np.isnan(answer.coverage[1:]).all() and np.isnan(answer.images[1:]).all()
    assert answer.path.tolist() == [answer.coverage[0]]
