"""Going on from what others have trained: the data made as the network wants them, and a new last layer fitted.

The last layer comes first (Kumar et al. 2022): what the network sees in each training example is worked out once and
kept; on that the layer is fitted to the end, in seconds. Only then do all layers learn, and slowly, so that the new
layer's first mistakes do not spoil the old ones.
Letters used in shapes: N examples, D features, K outputs, C channels, S side, T tokens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tongsu.data import Dataset, Split, load
from tongsu.data.files import Files
from tongsu.data.prepared import fingerprint, remembered
from tongsu.data.preprocessing import Images
from tongsu.data.sentences import PARTS
from tongsu.data.splitting import stratified
from tongsu.data.wordpieces import WordPieces
from tongsu.errors import Problem
from tongsu.pretrained.networks import SIDE, Network, body, head_of, network

LARGEST = 3_000_000_000  # bytes of pictures in memory
STRENGTHS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)  # of the pull towards zero on the last layer; validation data choose


def arguments_of(name: str) -> dict[str, Any]:
    """What may be set about how a network's data are made, and its type."""
    return {"examples": int} if network(name).kind == "images" else {"examples": int, "tokens": int}


def dataset_for(name: str, data: str, data_args: dict[str, Any], *, examples: int = 0, tokens: int = 256) -> Dataset:
    """A data set in the form in which a network reads it.

    examples: so many of the training part and in the same measure of the others (0: all); tokens: word pieces a text.
    Raises Problem when the network cannot read such data, and as `data.load` does.
    """
    wanted, raw = network(name), load(data, **data_args)
    if raw.preprocessing.kind != wanted.kind or (wanted.kind == "text" and not raw.train.texts):
        from tongsu.locale import t

        raise Problem("pretrained.does_not_fit", name=name, reads=t(f"pretrained.reads.{wanted.kind}"), data=data)
    if examples:
        raw = some(raw, examples)
    made = _pictures(wanted, raw) if wanted.kind == "images" else _sentences(wanted, raw, tokens)
    return replace(made, fingerprint=fingerprint(raw.fingerprint, name, examples, tokens))


def some(raw: Dataset, examples: int) -> Dataset:
    """`examples` of the training part and as large a share of the others; each label in its measure, always the same
    ones."""
    share = examples / len(raw.train)
    if share >= 1:
        return raw
    parts: dict[str, Split] = {}
    for part in PARTS:
        split: Split = getattr(raw, part)
        keys = list(split.texts) or [str(at) for at in range(len(split))]
        count = min(max(round(len(split) * share), len(raw.labels)), len(split) - 1)
        chosen = stratified(keys, split.targets.tolist(), [count])[0]
        named = {
            field: tuple(values[at] for at in chosen)
            for field, values in (("texts", split.texts), ("files", split.files)) if values
        }  # fmt: skip
        parts[part] = Split(split.inputs[chosen], split.targets[chosen], **named)
    return replace(raw, train=parts["train"], validation=parts["validation"], test=parts["test"])


def _pictures(wanted: Network, raw: Dataset) -> Dataset:
    """Three channels, and at least 64 pixels a side; smaller ones are brought to the network's own size."""
    before = cast(Images, raw.preprocessing)
    side = before.height if min(before.height, before.width) >= 64 else SIDE
    prepare = replace(before, channels=3, height=side, width=side, mean=wanted.mean, std=wanted.std, digits=False)
    count = sum(len(getattr(raw, part)) for part in PARTS)
    on_disk = isinstance(raw.train.inputs, Files)
    if not on_disk and (size := count * 3 * side * side) > LARGEST:
        told = {"count": f"{count:,}", "side": side, "size": f"{size / 1e9:.1f} GB"}
        raise Problem("pretrained.too_many_pictures", data=raw.name, **told)

    def grown(inputs: Tensor) -> Tensor:
        if isinstance(inputs, Files):  # decoded in this size when their turn comes
            return cast(Tensor, replace(inputs, reader=prepare))
        inputs = inputs.expand(-1, 3, -1, -1)  # grey: the same three times   (N, 3, S, S)
        if inputs.shape[2:] == (side, side):
            return inputs.contiguous()
        parts = [F.interpolate(part.float(), (side, side), mode="bicubic") for part in inputs.split(64)]
        return torch.cat([part.clamp(0, 255).round().to(torch.uint8) for part in parts])

    parts = {part: replace(getattr(raw, part), inputs=grown(getattr(raw, part).inputs)) for part in PARTS}
    return replace(raw, **parts, preprocessing=prepare)


def _sentences(wanted: Network, raw: Dataset, tokens: int) -> Dataset:
    if not 3 <= tokens <= 512:
        raise Problem("data.words_or_length", words=30_522, length=tokens)
    reader = cast(WordPieces, wanted.preprocessing(tokens))
    key = [wanted.source.sha256 if hasattr(wanted.source, "sha256") else wanted.name, raw.fingerprint, tokens]
    key += [len(getattr(raw, part)) for part in PARTS]
    made, _ = remembered("pieces", key, lambda: ({part: reader.encode(getattr(raw, part).texts) for part in PARTS}, {}))
    parts = {part: replace(getattr(raw, part), inputs=made[part]) for part in PARTS}
    return replace(raw, **parts, preprocessing=reader)


def begin(name: str, model_name: str, model: nn.Module, dataset: Dataset) -> None:
    """Give `model` the network's weights, and a last layer fitted to the training data. Nothing is drawn by lot."""
    found = network(name).load()
    model.load_state_dict(body(found), strict=False)
    head = cast(nn.Linear, getattr(model, head_of(model_name)))
    features = {part: features_of(name, model, dataset, part) for part in ("train", "validation")}
    weight, bias = fit_head(
        (features["train"], dataset.train.targets), (features["validation"], dataset.validation.targets), len(head.bias)
    )
    with torch.no_grad():
        head.weight.copy_(weight)
        head.bias.copy_(bias)


def features_of(name: str, model: nn.Module, dataset: Dataset, part: str) -> Tensor:
    """What the untouched network sees in each example of a part: (N, D), worked out once and kept in the cache."""
    split: Split = getattr(dataset, part)
    device = next(model.parameters()).device

    @torch.no_grad()
    def make() -> tuple[dict[str, Tensor], dict[str, Any]]:
        before = model.training
        model.eval()
        see = cast(Callable[[Tensor], Tensor], model.features)
        # Of like length together: padding costs as much as words do.
        lengths = (split.inputs != 0).sum(1) if dataset.preprocessing.kind == "text" else torch.zeros(len(split))
        order = lengths.argsort(stable=True)
        seen = [
            see(dataset.preprocessing.scale(split.inputs[at]).to(device)).cpu()
            for at in order.split(cast(int, model.at_once))
        ]
        model.train(before)
        return {"features": torch.cat(seen)[order.argsort()]}, {}

    return remembered("features", [name, dataset.fingerprint, part], make)[0]["features"]


def fit_head(train: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor], outputs: int) -> tuple[Tensor, Tensor]:
    """Logistic regression: weight (K, D) and bias (K,) that minimise the cross-entropy on train, with the pull
    towards zero under which the validation loss is lowest. Each is features (N, D) and targets (N,)."""
    mean, std = train[0].mean(0), train[0].std(0, unbiased=False).clamp(min=1e-6)
    x, y = (train[0] - mean) / std, train[1]
    other = (validation[0] - mean) / std
    weight, bias = torch.zeros(outputs, x.shape[1]), torch.zeros(outputs)
    best: tuple[float, Tensor, Tensor] | None = None
    for strength in STRENGTHS:  # from strong to weak, each going on from the one before
        weight, bias = solve(x, y, weight, bias, strength)
        judged = float(_loss(F.linear(other, weight, bias), validation[1]))
        if best is None or judged < best[0]:
            best = judged, weight, bias
    assert best is not None
    weight = best[1] / std
    return weight, best[2] - weight @ mean


def solve(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Minimise cross-entropy + strength / 2 · |weight|², from the given start (Liu & Nocedal 1989, L-BFGS)."""
    weight, bias = (value.clone().requires_grad_() for value in (weight, bias))
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = _loss(F.linear(x, weight, bias), y) + strength / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach(), bias.detach()


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    if logits.shape[1] == 1:
        return F.binary_cross_entropy_with_logits(logits[:, 0], targets.to(logits.dtype))
    return F.cross_entropy(logits, targets)
