"""Names that stand where a run can: `imagenet`, `sentiment` and `sentiment-zh` (情感) answer without any training.

Each is an ordinary run folder: one lies in this package, two are put together in the cache from the weights of others
and, for `sentiment`, the last layer that our own recipe fitted (`benchmarks/finetune.py` says how it was measured).
A run of the person's own with such a name goes first.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import torch

from tongsu.data.sources import home
from tongsu.data.text import HAN_RUN
from tongsu.data.wordpieces import WordPieces
from tongsu.errors import Failure, Problem
from tongsu.learned import Learned
from tongsu.locale import language
from tongsu.models import parameter_count
from tongsu.predict import Prediction, predict
from tongsu.pretrained import imagenet
from tongsu.pretrained.hub import hub_file, in_cache
from tongsu.pretrained.names import Found
from tongsu.pretrained.networks import body, network
from tongsu.runs.atomic import make_folder, write_text
from tongsu.runs.store import Run, RunStore
from tongsu.session import environment
from tongsu.training import checkpoint
from tongsu.training.build import UNKNOWN_DATA, build_model
from tongsu.training.recipe import Recipe

SHIPPED = Path(__file__).with_name("shipped")
VERSION = 1  # raise it when what a name stands for changes
DISTILBERT = "distilbert/distilbert-base-uncased-finetuned-sst-2-english"
DISTILBERT_FILES = ("config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors")  # the last comes last
ALIASES = {"情感": "sentiment-zh", "情感分析": "sentiment-zh", "图片": "imagenet", "sentiment-en": "sentiment"}
NAMES = ("imagenet", "sentiment", "sentiment-zh", "sentiment-hub")


def plain(spec: str) -> str:
    return ALIASES.get(spec, spec)


def is_built_in(spec: str) -> bool:
    """Unless the person has a run of that name."""
    return plain(spec) in NAMES and not Run(RunStore().root / spec).exists()


def find(spec: str) -> Run:
    """The run that a person means, as `RunStore.find` does, or the one behind a built-in name.

    Raises Problem for a name that nobody has, Failure when a network has to be fetched and cannot be.
    """
    if not is_built_in(spec):
        return RunStore().find(spec)
    name = plain(spec)
    if name == "sentiment-hub":
        raise Problem("pretrained.hub_only", name=spec)
    if name == "sentiment-zh":
        return Run(SHIPPED / name)
    folder = home() / "built-in" / (f"imagenet-{language()}-{VERSION}" if name == "imagenet" else f"{name}-{VERSION}")
    run = Run(folder)
    if not run.exists():
        make_folder(folder)
        (_imagenet if name == "imagenet" else _sentiment)(run)
    return run


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


def _imagenet(run: Run) -> None:
    chosen = network("efficientnet-lite0")
    write_run(run, chosen.load(), chosen.preprocessing().to_dict(), imagenet.classes(), chosen.name)


def _sentiment(run: Run) -> None:
    """MiniLM as it was published, and on it the last layer that we fitted."""
    shipped = SHIPPED / "sentiment"
    recipe = Recipe.from_dict(json.loads((shipped / "recipe.json").read_text(encoding="utf-8")))
    model = build_model(recipe)
    model.load_state_dict(body(network("minilm").load()), strict=False)
    model.load_state_dict(checkpoint.read_tensors(shipped / "head.safetensors")[0], strict=False)
    notes = json.loads((shipped / "notes.json").read_text(encoding="utf-8"))
    reader = network("minilm").preprocessing(recipe.pretrained_args["tokens"])
    assert isinstance(reader, WordPieces)
    run.write_preprocessing({"preprocessing": reader.to_dict(), **notes["preprocessing"]})
    run.write_environment(notes["environment"])
    run.write_results(notes["results"])
    write_text(run.card, (shipped / "card.md").read_text(encoding="utf-8"))
    checkpoint.save_weights(run, {name: value.detach() for name, value in model.state_dict().items()})
    run.write_recipe(recipe.to_dict())  # last: with it the folder is a run


def write_run(run: Run, found: Found, prepare: dict[str, Any], labels: tuple[str, ...], source: str) -> None:
    """A finished run that answers with `found`; what it was trained on, nobody here knows."""
    recipe = Recipe(
        chapter="resnet", preset="pretrained", model=found.model, model_args=found.model_args, data=UNKNOWN_DATA,
        epochs=0,
    )  # fmt: skip
    model = build_model(recipe)
    model.load_state_dict(found.weights)
    run.write_environment({**environment(), "imported": source, "writer": found.writer})
    run.write_preprocessing(
        {"preprocessing": prepare, "labels": list(labels), "data": UNKNOWN_DATA, "fingerprint": None, "test_split": ""}
    )
    run.write_results({"metrics": {}, "parameters": parameter_count(model), "train_seconds": None})
    checkpoint.save_weights(run, model.state_dict())
    run.write_recipe(dataclasses.asdict(recipe))


def import_run(found: Found, prepare: dict[str, Any], labels: tuple[str, ...], file: Path, name: str | None) -> Run:
    run = RunStore().create(found.model, "pretrained", name)
    write_run(run, found, prepare, labels, file.name)
    return run


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
