"""What an answer rests on: three ways to ask, and the check that deletes what they name.

`background` is what an empty pixel is in the model's units, (C,); nothing at a word is the vector of padding.
Letters used in shapes: C channels, S side, T words, D features, B batch, K classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.errors import Problem
from tongsu.explain.arrays import array, plain
from tongsu.explain.gradients import learnable, target_of
from tongsu.explain.record import at_least, evaluating, named, sentence, steps, within
from tongsu.models.logits import logit_of, probabilities

BATCH = 64  # variants of one example that are asked at once
FINEST = 1024  # points of the integral at most


@dataclass(frozen=True)
class IntegratedGradients:
    """How much each input number, or word, adds to the logit of `target`: total = end - start, up to `error`."""

    target: int
    start: float  # logit of nothing
    end: float
    total: float
    error: float
    attribution: np.ndarray = array("channel", "row", "column")  # or (word,), or (feature,)


def integrated_gradients(
    model: nn.Module, x: Tensor, background: Tensor | None = None, target: int | None = None, steps: int = 64
) -> IntegratedGradients:
    """(x - x0) times the mean gradient on the straight way from nothing, x0, to x (Sundararajan et al. 2017).

    Integrated by Gauss-Legendre; the points are doubled, up to 1024, until the sum is right to a thousandth.
    x (1, ...) or tokens (1, T).
    """
    at_least("steps", steps, 2)
    while True:
        found = _integrated(model, x, background, target, min(steps, FINEST))
        if steps >= FINEST or found.error <= 1e-3 * abs(found.end - found.start):
            return found
        steps *= 2


def _integrated(
    model: nn.Module, x: Tensor, background: Tensor | None, target: int | None, steps: int
) -> IntegratedGradients:
    words = not x.dtype.is_floating_point
    read, count = sentence(model, x) if words else (x, 0)
    begin, end, run = _entrance(model, read, background)
    places, weights = np.polynomial.legendre.leggauss(steps)  # on [-1, 1]
    shares = torch.from_numpy((places + 1) / 2).to(end)
    shape = [-1, *[1] * (end.dim() - 1)]
    mean = torch.zeros_like(end, dtype=torch.float64)
    with learnable(model), evaluating(model), torch.enable_grad():
        target = target_of(model(x).detach(), target)
        share_of = torch.from_numpy(weights / 2).to(x.device)
        for part, weight in zip(shares.split(BATCH), share_of.split(BATCH), strict=True):
            some = (begin + (end - begin) * part.view(shape)).detach().requires_grad_()  # (b, ...)
            (slopes,) = torch.autograd.grad(logit_of(run(some), target).sum(), some)
            mean += (slopes.double() * weight.view(shape)).sum(0, keepdim=True)
        with torch.no_grad():
            start, finish = (float(logit_of(run(value), target)[0]) for value in (begin, end))
    values = ((end - begin).double() * mean)[0].detach()
    if words:
        values = values.sum(-1)  # (L,): the features of a word together
    total = float(values.sum())
    return IntegratedGradients(
        target, start, finish, total, abs(total - (finish - start)), plain(values[-count:] if words else values)
    )


def _entrance(
    model: nn.Module, x: Tensor, background: Tensor | None
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """Nothing, the input, and the rest of the model: pixels, or the words' vectors (1, T, D)."""
    if x.dtype.is_floating_point:
        return blank(x, background), x, model
    embedding = cast(nn.Module, model.embed)

    def run(vectors: Tensor) -> Tensor:
        hook = embedding.register_forward_hook(lambda _module, _inputs, _output: vectors)
        try:
            return cast(Tensor, model(x.expand(len(vectors), -1)))
        finally:
            hook.remove()

    with torch.no_grad():
        return embedding(torch.zeros_like(x)), embedding(x), run


def blank(x: Tensor, background: Tensor | None) -> Tensor:
    """An empty picture of x's shape; without a background, zeros."""
    if background is None or x.dim() != 4:
        return torch.zeros_like(x)
    return background.to(x).view(1, -1, 1, 1).expand_as(x).contiguous()


@dataclass(frozen=True)
class GradCam:
    """Where a layer's maps speak for the target: relu of the maps, weighted by their mean gradients."""

    layer: str
    target: int
    map: np.ndarray = array("row", "column")  # of the picture's size
    coarse: np.ndarray = array("row", "column")  # of the layer's
    weights: np.ndarray = array("channel")


def grad_cam(model: nn.Module, x: Tensor, target: int | None = None, layer: str | None = None) -> GradCam:
    """x (1, C, S, S) (Selvaraju et al. 2017); the last convolution unless told."""
    with learnable(model), torch.enable_grad():
        found, logits = steps(model, x)
        step = named(found, layer, ("conv",), last=True)
        target = target_of(logits, target)
        (slopes,) = torch.autograd.grad(logit_of(logits, target).sum(), step.output)
    weights = slopes.mean((2, 3))  # (1, C)
    heat = F.relu((weights[:, :, None, None] * step.output).sum(1, keepdim=True)).detach()  # (1, 1, s, s)
    large = F.interpolate(heat, x.shape[2:], mode="bilinear", align_corners=False)
    return GradCam(step.name, target, plain(large[0, 0]), plain(heat[0, 0]), plain(weights[0]))


@dataclass(frozen=True)
class Occlusion:
    """How much the probability of `target` falls when a square is made background, or a word is left out."""

    target: int
    probability: float
    size: int
    stride: int
    drops: np.ndarray = array("row", "column")  # a pixel: mean over the squares that cover it; or (word,)


@torch.no_grad()
def occlusion(
    model: nn.Module, x: Tensor, background: Tensor | None = None, target: int | None = None, size: int = 5,
    stride: int = 2,
) -> Occlusion:  # fmt: skip
    """x (1, C, S, S) (Zeiler & Fergus 2014); or tokens (1, T), where each word is deleted in turn."""
    with evaluating(model):
        logits = model(x)
        target = target_of(logits, target)
        before = float(probabilities(logits)[0, target])
        if not x.dtype.is_floating_point:
            _, count = sentence(model, x)
            kept = torch.ones(count, count, dtype=torch.bool) ^ torch.eye(count, dtype=torch.bool)
            asked = torch.cat([without(x, row) for row in kept])
            drops = before - ask(model, asked)[:, target]
            return Occlusion(target, before, 1, 1, plain(drops))
        if x.dim() != 4:
            raise Problem("explain.pictures_and_texts")
        height, width = x.shape[2:]
        within("size", size - 1, min(height, width))
        at_least("stride", stride, 1)
        empty = blank(x, background)[0]
        corners = [(top, left) for top in _starts(height, size, stride) for left in _starts(width, size, stride)]
        total, hits = np.zeros((height, width)), np.zeros((height, width))
        for some in (corners[i : i + BATCH] for i in range(0, len(corners), BATCH)):
            covered = x.repeat(len(some), 1, 1, 1)
            for one, (top, left) in zip(covered, some, strict=True):
                one[:, top : top + size, left : left + size] = empty[:, top : top + size, left : left + size]
            for chance, (top, left) in zip(ask(model, covered)[:, target].tolist(), some, strict=True):
                total[top : top + size, left : left + size] += before - chance
                hits[top : top + size, left : left + size] += 1
    return Occlusion(target, before, size, stride, total / np.maximum(hits, 1))


def _starts(side: int, size: int, stride: int) -> list[int]:
    """Every stride-th place, and the last one, so that the far edge is covered too."""
    return sorted({*range(0, side - size + 1, stride), side - size})


def without(tokens: Tensor, kept: Tensor) -> Tensor:
    """tokens (1, L) with only those words (T,) that are kept, padded at the front to the same width."""
    words = tokens[:, -len(kept) :][:, kept.to(tokens.device)]
    return F.pad(words, (tokens.shape[1] - words.shape[1], 0))


def ask(model: nn.Module, x: Tensor) -> Tensor:
    """Probabilities (B, K) in parts that fit into memory."""
    return torch.cat([probabilities(model(part)) for part in x.split(BATCH)]).double()


@dataclass(frozen=True)
class Deletion:
    """The probability of `target` while what matters most is deleted first; a good attribution makes it fall fast."""

    target: int
    method: str
    area: float  # under the curve: lower is better (Petsiuk et al. 2018)
    random_area: float
    removed: np.ndarray = array("step")  # share that is gone
    probabilities: np.ndarray = array("step")
    random: np.ndarray = array("step")  # mean of five random orders
    order: np.ndarray = array("place")  # pixels (row by row) or words, as they were deleted


METHODS: dict[str, Callable[..., Any]] = {
    "integrated-gradients": lambda *given: integrated_gradients(*given).attribution,
    "grad-cam": lambda model, x, _background, target: grad_cam(model, x, target).map,
    "occlusion": lambda *given: occlusion(*given).drops,
}


def deletion(
    model: nn.Module, x: Tensor, background: Tensor | None = None, target: int | None = None,
    method: str = "integrated-gradients", steps: int = 20,
) -> Deletion:  # fmt: skip
    """x (1, C, S, S): pixels become background; or tokens (1, T): words vanish."""
    words = not x.dtype.is_floating_point
    known = [name for name in METHODS if not (words and name == "grad-cam")]
    if method not in known:
        raise Problem("explain.choice", what="method", value=method, known=", ".join(known))
    if x.dim() != 4 and not words:
        raise Problem("explain.pictures_and_texts")
    at_least("steps", steps, 1)
    with torch.no_grad(), evaluating(model):
        target = target_of(model(x), target)
    values = METHODS[method](model, x, background, target)  # (C, S, S), (S, S) or (T,)
    score = (values.sum(0) if values.ndim == 3 else values).ravel()
    order = np.argsort(-score, kind="stable")
    chance = np.random.default_rng(0)
    orders = [order, *(chance.permutation(len(score)) for _ in range(5))]
    counts = np.unique(np.linspace(0, len(score), min(steps, len(score)) + 1).round().astype(int))
    with torch.no_grad(), evaluating(model):
        curves = [plain(ask(model, _deleted(x, background, some, counts))[:, target]) for some in orders]
    removed = counts / len(score)
    random = np.mean(curves[1:], axis=0)
    return Deletion(
        target, method, float(np.trapezoid(curves[0], removed)), float(np.trapezoid(random, removed)), removed,
        curves[0], random, order,
    )  # fmt: skip


def _deleted(x: Tensor, background: Tensor | None, order: np.ndarray, counts: np.ndarray) -> Tensor:
    variants = []
    for count in counts:
        if x.dtype.is_floating_point:
            gone = torch.zeros(x[0, 0].numel(), dtype=torch.bool)
            gone[torch.from_numpy(order[:count].copy())] = True
            variants.append(torch.where(gone.view(x.shape[2:]).to(x.device), blank(x, background), x))
        else:
            kept = torch.ones(len(order), dtype=torch.bool)
            kept[torch.from_numpy(order[:count].copy())] = False
            variants.append(without(x, kept))
    return torch.cat(variants)
