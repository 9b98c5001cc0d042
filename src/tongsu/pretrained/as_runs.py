"""Networks of others as run folders: what `tongsu pretrained import` makes, and what built-in names stand for."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from tongsu.data.wordpieces import WordPieces
from tongsu.models import parameter_count
from tongsu.pretrained import imagenet
from tongsu.pretrained.names import Found
from tongsu.pretrained.networks import body, network
from tongsu.runs.atomic import write_bytes, write_text
from tongsu.runs.store import Run, RunStore
from tongsu.session import environment
from tongsu.training import checkpoint
from tongsu.training.build import UNKNOWN_DATA, build_model
from tongsu.training.recipe import Recipe

SHIPPED = Path(__file__).with_name("shipped")


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


def _sentiment_zh(run: Run) -> None:
    """Our own, as it lies in the package, which nobody may be allowed to write into."""
    for file in sorted((SHIPPED / run.name).iterdir(), key=lambda file: file.name == "recipe.json"):  # last here too
        write_bytes(run.path / file.name, file.read_bytes())


MAKERS = {"imagenet": _imagenet, "sentiment": _sentiment, "sentiment-zh": _sentiment_zh}
