"""Asking whatever stands where a run can, also the hub's DistilBERT, which is no run; Chinese goes to Chinese."""

from __future__ import annotations

from typing import Any

import torch

from tongsu.data.text import HAN_RUN
from tongsu.errors import Failure
from tongsu.learned import Learned
from tongsu.predict import Prediction, predict
from tongsu.pretrained.built_in import find, is_built_in, plain
from tongsu.pretrained.hub import hub_file, in_cache
from tongsu.pretrained.networks import network
from tongsu.training.build import build_model
from tongsu.training.recipe import Recipe

DISTILBERT = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
DISTILBERT_FILES = ("config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors")  # the last comes last


def ask(spec: str, inputs: list[Any], frame: int | None = None) -> tuple[list[Prediction], list[str]]:
    """Answers, and of each the folder of the run, or the hub's model, that gave it. Chinese goes to Chinese."""
    if not is_built_in(spec) or plain(spec) in ("imagenet", "sentiment-zh"):
        learned = Learned.load(find(spec), frame)
        return predict(learned, inputs), [str(learned.run.path)] * len(inputs)
    hub = plain(spec) == "sentiment-hub" or (spec == "sentiment" and in_cache(DISTILBERT, DISTILBERT_FILES[-1]))
    answers: list[Prediction | None] = [None] * len(inputs)
    who = [""] * len(inputs)
    for chinese in (True, False):
        at = [number for number, text in enumerate(inputs) if is_chinese(str(text)) == chinese]
        if at and hub and not chinese:
            found = ask_hub([str(inputs[number]) for number in at])
            by = DISTILBERT
        elif at:
            learned = Learned.load(find("sentiment-zh" if chinese else "sentiment"), frame)
            found, by = predict(learned, [inputs[number] for number in at]), str(learned.run.path)
        for place, answer in zip(at, found if at else [], strict=True):
            answers[place], who[place] = answer, by
    return [answer for answer in answers if answer is not None], who


def is_chinese(text: str) -> bool:
    """More Han characters than Latin words."""
    return len(HAN_RUN.findall(text)) > sum(word.isascii() and word.isalpha() for word in text.split())


def ask_hub(texts: list[str]) -> list[Prediction]:
    """The hub's DistilBERT through `transformers.pipeline`, which is given a folder and asks nobody else.

    Raises Problem or Failure when it cannot be had.
    """
    here = in_cache(DISTILBERT, DISTILBERT_FILES[-1])
    folder = [hub_file(DISTILBERT, name, offline=here) for name in DISTILBERT_FILES][-1].parent
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        build: Any = transformers.pipeline  # its many overloads know no such task
        found: Any = build("sentiment-analysis", model=str(folder), device="cpu")(texts, top_k=None, truncation=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:160]
        raise Failure("pretrained.hub_model", name="sentiment-hub", reason=reason) from None
    answers = []
    for text, rows in zip(texts, found, strict=True):
        named = {row["label"].lower(): float(row["score"]) for row in rows}
        best = max(named, key=lambda label: named[label])
        answers.append(Prediction(text, best, named[best], dict(sorted(named.items()))))
    return answers


@torch.no_grad()
def meanings(texts: list[str], length: int = 256) -> torch.Tensor:
    """What each text means, as MiniLM sees it: (N, 384), of length 1, so that products are likenesses."""
    chosen = network("minilm")
    found, reader = chosen.load(), chosen.preprocessing(length)
    model: Any = build_model(
        Recipe(chapter="transformer", preset="pretrained", model="minilm", model_args=found.model_args, data="imdb")
    )
    model.load_state_dict(found.weights)
    model.eval()
    tokens = reader.scale(torch.stack([reader.read(text) for text in texts]))
    return torch.nn.functional.normalize(model.features(tokens), dim=1)
