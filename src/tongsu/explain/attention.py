"""One sentence through a Transformer: queries, keys, scores, weights, and what each word takes from the others.

Letters used in shapes: T words, W width, N heads, d = W / N, L layers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tongsu.explain.arrays import array, plain
from tongsu.explain.record import evaluating, sentence, within
from tongsu.models.logits import probabilities
from tongsu.models.minilm import BertBlock
from tongsu.models.transformer import attention_weights


@dataclass(frozen=True)
class Attention:
    """One block: weights = softmax(scores), scores = Q K^T / sqrt(d), mixed = weights V, output = W_o of all heads."""

    depth: int
    layers: int
    heads: np.ndarray = array("head")
    embeddings: np.ndarray = array("word", "width")
    positions: np.ndarray = array("word", "width")
    inputs: np.ndarray = array("word", "width")  # what the heads read: normalised where the norm stands before
    q: np.ndarray = array("head", "word", "feature")
    k: np.ndarray = array("head", "word", "feature")
    v: np.ndarray = array("head", "word", "feature")
    scores: np.ndarray = array("head", "word", "word")
    weights: np.ndarray = array("head", "word", "word")
    mixed: np.ndarray = array("head", "word", "feature")
    output: np.ndarray = array("word", "width")  # of the attention, before it is added to what came in
    probabilities: np.ndarray = array("class")


@torch.no_grad()
def attention(model: Any, tokens: Tensor, depth: int = 0, head: int | None = None) -> Attention:
    """tokens (1, T), padded at the front; padding is left out, which changes no number. head: all unless told."""
    within("depth", depth, len(model.blocks))
    read, count = sentence(model, tokens)
    with evaluating(model):
        x, seen = model.begin(read)  # (1, T, W), (1, T)
        for block in list(model.blocks)[:depth]:
            x = block(x, seen)
        block = model.blocks[depth]
        bert = isinstance(block, BertBlock)
        inputs = x if bert else block.norm1(x)
        q, k, v = (block if bert else block.attention).project(inputs)  # (1, N, T, d) each
        weights = attention_weights(q, k, seen)  # (1, N, T, T)
        mixed = weights @ v  # (1, N, T, d)
        output = (block.out if bert else block.attention.out)(mixed.transpose(1, 2).flatten(2))  # (1, T, W)
        chances = probabilities(model(tokens))[0]
        places = torch.arange(count, device=tokens.device)
        words = [model.embed(read)[0], model.positions(places), inputs[0]]
    heads = list(range(q.shape[1])) if head is None else [within("head", head, q.shape[1])]
    per_head = [part[0, heads] for part in (q, k, v, q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1]), weights, mixed)]
    return Attention(
        depth, len(model.blocks), np.array(heads), *map(plain, [*words, *per_head, output[0], chances])
    )  # fmt: skip


@dataclass(frozen=True)
class AttentionMaps:
    weights: np.ndarray = array("layer", "head", "word", "word")


@torch.no_grad()
def attention_maps(model: Any, tokens: Tensor) -> AttentionMaps:
    """How much word i takes from word j, in every head of every layer."""
    read, _ = sentence(model, tokens)
    maps = []
    with evaluating(model):
        x, seen = model.begin(read)
        for block in model.blocks:
            heads = (x, block) if isinstance(block, BertBlock) else (block.norm1(x), block.attention)
            maps.append(heads[1].weights(heads[0], seen))
            x = block(x, seen)
    return AttentionMaps(plain(torch.cat(maps)))
