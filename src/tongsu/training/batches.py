"""Batches: an order for the epoch, then one slice after another, from memory or from files.

Letters used in shapes: N examples, B batch, T tokens.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from tongsu.data.files import Files
from tongsu.training.recipe import Recipe

Batch = tuple[Tensor, Tensor]
Placed = tuple[Tensor, Tensor, Tensor]  # inputs, targets, and which examples they are


def epoch_order(
    recipe: Recipe, epoch: int, count: int, token_counts: Tensor | None = None, losses: Tensor | None = None
) -> Tensor:
    """The order of one epoch: it follows from its arguments alone, so a resumed run finds its place.

    With `losses` (N,), of each example when it was last seen, only the largest of them have a place in it. With
    `token_counts` (N,), sentences of like length come together (shuffled pools of 100 batches are sorted, then the
    batches are shuffled), so that little time goes into padding.
    """
    chance = torch.Generator().manual_seed(recipe.seed * 1_000_003 + epoch)
    order = torch.randperm(count, generator=chance)
    if losses is not None and (kept := examples_in_epoch(recipe, epoch, count)) < count:
        hard = losses.cpu().topk(kept).indices
        order = order[torch.zeros(count, dtype=torch.bool).index_fill_(0, hard, True)[order]]
    if token_counts is None:
        return order
    pools = [pool[token_counts[pool].argsort(stable=True)] for pool in order.split(100 * recipe.batch_size)]
    batches = [batch for pool in pools for batch in pool.split(recipe.batch_size)]
    # The short batch stays at the end, where `epoch_batches` expects it.
    last = [batches.pop()] if len(batches[-1]) < recipe.batch_size else []
    shuffled = [batches[i] for i in torch.randperm(len(batches), generator=chance).tolist()]
    return torch.cat(shuffled + last)


def examples_in_epoch(recipe: Recipe, epoch: int, count: int) -> int:
    """How many of `count` examples are learned from: all in the first epoch, then `recipe.hardest` of them."""
    return count if epoch == 0 else max(1, round(recipe.hardest * count))


def steps_in_epoch(recipe: Recipe, epoch: int, count: int) -> int:
    """A last batch of one example is left out: BatchNorm cannot normalise it."""
    full, rest = divmod(examples_in_epoch(recipe, epoch, count), recipe.batch_size)
    return full + (rest > 1 or (rest == 1 and full == 0))


def all_steps(recipe: Recipe, count: int) -> int:
    """Of a whole training on `count` examples."""
    return sum(steps_in_epoch(recipe, epoch, count) for epoch in range(recipe.epochs))


def epoch_batches(
    recipe: Recipe, epoch: int, inputs: Tensor, targets: Tensor, start: int = 0, losses: Tensor | None = None
) -> Iterator[Placed]:
    """The batches of one epoch from the batch number `start` on; `losses` as `epoch_order` takes them.

    Tokens (integers, padded at the front) lose the columns in which the whole batch is padding, and all but the
    last `recipe.lengths[epoch]` words where the recipe lets sentences grow from epoch to epoch.
    """
    count = len(targets)
    if isinstance(inputs, Files):  # pictures that are decoded when their turn comes, a few batches ahead
        order = epoch_order(recipe, epoch, count, losses=losses)
        places = order.split(recipe.batch_size)[start : steps_in_epoch(recipe, epoch, count)]
        yield from zip(inputs.batches(places), (targets[at.to(targets.device)] for at in places), places, strict=True)
        return
    is_text = not inputs.dtype.is_floating_point
    if is_text and recipe.lengths:
        inputs = inputs[:, -recipe.lengths[min(epoch, len(recipe.lengths) - 1)] :]
    token_counts = (inputs != 0).sum(1).cpu() if is_text and recipe.bucket else None
    order = epoch_order(recipe, epoch, count, token_counts, losses)
    longest: list[int] = []  # known beforehand: to ask the device at each step would be to wait for it
    if token_counts is not None:
        longest = [int(token_counts[part].max()) for part in order.split(recipe.batch_size)]
    order = order.to(inputs.device)
    for number in range(start, steps_in_epoch(recipe, epoch, count)):
        chosen = order[number * recipe.batch_size : (number + 1) * recipe.batch_size]
        batch = inputs.index_select(0, chosen)
        if longest:
            batch = batch[:, -max(longest[number], 1) :]
        yield batch, targets.index_select(0, chosen), chosen


AT_ONCE = 500  # examples that are measured together, unless a large model says less (`at_once`)
NUMBERS = 2**23  # ... or large pictures do: 32 MB as floats


def plain_batches(inputs: Tensor, targets: Tensor, size: int = AT_ONCE) -> Iterator[Batch]:
    """In order and unshuffled, for measuring."""
    size = max(1, min(size, NUMBERS // max(inputs.shape[1:].numel(), 1)))
    yield from zip(inputs.split(size), targets.split(size), strict=True)
