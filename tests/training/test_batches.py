from __future__ import annotations

from dataclasses import replace

import torch

from tongsu.recipes import mlp
from tongsu.training.batches import all_steps, epoch_batches, epoch_order, steps_in_epoch

RECIPE = replace(mlp.reference(), batch_size=4)


def test_each_example_comes_once_and_epochs_differ():
    x = torch.arange(18.0)[:, None]
    seen = [torch.cat([b for b, *_ in epoch_batches(RECIPE, e, x, torch.zeros(18))])[:, 0] for e in (0, 1)]
    assert sorted(seen[0].tolist()) == list(range(18)) and not torch.equal(*seen)
    again = torch.cat([b for b, *_ in epoch_batches(RECIPE, 0, x, torch.zeros(18))])[:, 0]
    assert torch.equal(seen[0], again)


def test_starting_in_the_middle_gives_the_rest():
    x = torch.arange(18.0)[:, None]
    whole = [b for b, *_ in epoch_batches(RECIPE, 3, x, torch.zeros(18))]
    rest = [b for b, *_ in epoch_batches(RECIPE, 3, x, torch.zeros(18), start=2)]
    assert len(rest) == 3 and all(torch.equal(a, b) for a, b in zip(whole[2:], rest, strict=True))


def test_a_last_batch_of_one_is_left_out_unless_it_is_all_there_is():
    assert [steps_in_epoch(RECIPE, 0, n) for n in (1, 4, 5, 6, 9)] == [1, 1, 1, 2, 2]


def test_later_epochs_learn_from_the_hardest():
    recipe = replace(RECIPE, hardest=0.3, epochs=3)
    x, losses = torch.arange(40.0)[:, None], torch.rand(40, generator=torch.Generator().manual_seed(0))
    first, *later = (torch.cat([b for b, *_ in epoch_batches(recipe, e, x, x[:, 0], losses=losses)]) for e in range(3))
    assert sorted(first[:, 0].tolist()) == list(range(40))
    hardest = sorted(range(40), key=lambda i: -losses[i])[:12]
    assert all(sorted(epoch[:, 0].int().tolist()) == sorted(hardest) for epoch in later)
    assert not torch.equal(*later)  # in another order
    assert [steps_in_epoch(recipe, e, 40) for e in range(3)] == [10, 3, 3] and all_steps(recipe, 40) == 16
    places = torch.cat([chosen for _, _, chosen in epoch_batches(recipe, 1, x, x[:, 0], losses=losses)])
    assert torch.equal(x[places], later[0])


def test_buckets_keep_everything_and_waste_little():
    chance = torch.Generator().manual_seed(0)
    lengths = torch.randint(1, 200, (1003,), generator=chance)
    recipe = replace(RECIPE, batch_size=10, bucket=True)
    order = epoch_order(recipe, 0, 1003, lengths)
    assert sorted(order.tolist()) == list(range(1003))
    spread = [int(lengths[b].max() - lengths[b].min()) for b in order.split(10)]
    assert sum(spread) / len(spread) < 5  # 160 without buckets


def test_tokens_lose_common_padding_and_grow_over_the_epochs():
    tokens = torch.zeros(8, 10, dtype=torch.int64)
    for row in range(8):
        tokens[row, 10 - row - 1 :] = row + 1
    recipe = replace(RECIPE, bucket=True, batch_size=2)
    for batch, *_ in epoch_batches(recipe, 0, tokens, torch.zeros(8)):
        assert (batch != 0).sum(1).max() == batch.shape[1]
    growing = replace(RECIPE, lengths=(3, 7))
    widths = [next(epoch_batches(growing, e, tokens, torch.zeros(8)))[0].shape[1] for e in (0, 1, 2)]
    assert widths == [3, 7, 7]
