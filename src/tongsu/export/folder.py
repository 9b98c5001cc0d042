"""Plain folders: safetensors weights and JSON, and with a card the manner of the Hugging Face hub; and back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from tongsu.errors import Failure, Problem
from tongsu.export import samples
from tongsu.export.description import describe, origin, sha256
from tongsu.learned import BROKEN, Learned, reading, shapes
from tongsu.locale import t
from tongsu.models import parameter_count
from tongsu.runs.atomic import write_json, write_tensors, write_text
from tongsu.runs.store import Run, RunStore
from tongsu.training import checkpoint
from tongsu.training.build import build_model, weights_of
from tongsu.training.recipe import Recipe

DESCRIPTION, WEIGHTS, CONFIG, READER, CARD = (
    "tongsu.json", "model.safetensors", "config.json", "preprocessor_config.json", "README.md"
)  # fmt: skip
LARGEST = 2 * 2**30
LARGEST_JSON = 2**25
UNREADABLE = (OSError, SafetensorError, *BROKEN)


def write(learned: Learned, folder: Path, card: bool) -> dict[str, Any]:
    """model.safetensors and tongsu.json; with `card` also config.json, preprocessor_config.json and README.md.

    The folder is read back and must answer as the run does, bit for bit. Raises Failure if it does not.
    """
    described = describe(learned)
    described["recipe"] = learned.recipe.to_dict()
    described["data"] = {name: learned.run.preprocessing()[name] for name in ("data", "fingerprint")}
    write_tensors(folder / WEIGHTS, weights_of(learned.model), {"format": "pt"})
    described["files"] = {WEIGHTS: sha256(folder / WEIGHTS)}
    if card:
        write_json(folder / CONFIG, hub_config(learned))
        write_json(folder / READER, described["preprocessing"])
        write_text(folder / CARD, model_card(learned))
    write_json(folder / DESCRIPTION, described)
    described["check"] = _checked(learned, folder)
    write_json(folder / DESCRIPTION, described)
    return {"check": described["check"]}


def _checked(learned: Learned, folder: Path) -> dict[str, Any]:
    _, model, _ = read(folder)
    split, seen = samples.test_split(learned), []
    with torch.no_grad():
        for inputs in samples.batches(learned, split):
            difference = float((model(inputs) - learned.model(inputs)).abs().max())
            if difference != 0:
                raise Failure("export.differs", run=learned.run.name, difference=f"{difference:.2g}", limit=0)
            seen.append(list(inputs.shape))
    told = {"runtime": f"torch {torch.__version__}", "source": samples.source_of(learned)}
    return {**told, "inputs": seen, "largest_difference": 0.0}


def read(folder: Path) -> tuple[dict[str, Any], torch.nn.Module, Recipe]:
    """The description, the model with its weights, and its recipe. Foreign files are data: nothing in them runs,
    and a model that does not fit its weights is refused before memory is taken for it. Raises Problem."""
    path = folder / DESCRIPTION
    try:
        if path.stat().st_size > LARGEST_JSON or (folder / WEIGHTS).stat().st_size > LARGEST:
            raise Problem("export.too_large", folder=folder)
        described = json.loads(path.read_text(encoding="utf-8"))
        recipe = Recipe.from_dict(described["recipe"])
        reading(described["preprocessing"])
        wanted = {name: tuple(shape) for name, shape in shapes(recipe).items()}
        with safe_open(folder / WEIGHTS, "pt") as file:
            found = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
            if found != wanted:
                raise Problem("export.weights_do_not_fit", folder=folder, model=recipe.model)
            weights = {name: file.get_tensor(name) for name in found}
    except FileNotFoundError as error:
        raise Problem("export.not_ours", folder=folder, file=Path(error.filename or path).name) from None
    except UNREADABLE as error:
        raise Problem("export.damaged", folder=folder, reason=" ".join(str(error).split())[:200]) from None
    model = build_model(recipe)
    model.load_state_dict(weights)
    return described, model.eval(), recipe


def import_folder(folder: Path, store: RunStore, name: str | None = None) -> Run:
    """An exported folder becomes a run again, which predicts, evaluates and exports like any other."""
    described, model, recipe = read(folder)
    run = store.create(recipe.chapter, "imported", name)
    run.write_recipe(recipe.to_dict())
    run.write_environment({"imported": folder.name})
    kept = {"preprocessing": described["preprocessing"], "labels": described["labels"] or ["0"]}
    run.write_preprocessing({**kept, **described["data"], "test_split": described["test_split"]})
    checkpoint.save_weights(run, model.state_dict())
    metrics = {"metrics": described["metrics"], "parameters": parameter_count(model), "train_seconds": None}
    run.write_results({**metrics, "test_split": described["test_split"]})
    return run


def hub_config(learned: Learned) -> dict[str, Any]:
    """config.json as the hub's tools expect it; `model_type` says that the code is ours."""
    labels = learned.labels if learned.recipe.task == "classify" else ()
    return {
        "model_type": "tongsu",
        "architectures": [type(learned.model).__name__],
        **learned.recipe.model_args,
        "id2label": {str(number): label for number, label in enumerate(labels)},
        "label2id": {label: number for number, label in enumerate(labels)},
    }


def model_card(learned: Learned) -> str:
    """README.md: a head that the hub reads, then what a person wants to know."""
    recipe, kind, begun = learned.recipe, learned.preprocessing.kind, origin(learned)
    task = {"text": "text-classification", "images": "image-classification"}.get(kind, "tabular-classification")
    task = "unconditional-image-generation" if recipe.task == "gan" else task
    metrics = learned.run.results().get("metrics", {})
    rows = [f"| {name} | {value:.4f} |" for name, value in metrics.items() if isinstance(value, int | float)]
    facts: dict[str, object] = {
        "model": recipe.model, "chapter": recipe.chapter, "preset": recipe.preset, "data": recipe.data,
        "seed": recipe.seed, "parameters": f"{parameter_count(learned.model):,}",
        "labels": ", ".join(learned.labels[:20]) + (" …" if len(learned.labels) > 20 else ""),
        "split": learned.run.preprocessing()["test_split"] or "–",
    }  # fmt: skip
    if begun:
        facts["origin"] = ", ".join(filter(None, begun.values()))
    lines = [f"- {t(f'export.card.{name}')}: {value}" for name, value in facts.items()]
    head = ["---", "library_name: tongsu", f"pipeline_tag: {task}", "tags: [tongsu, pytorch, safetensors]"]
    theirs = begun is not None and not recipe.pretrained and recipe.epochs == 0  # nothing was learned here
    if theirs and begun and begun["licence"]:
        head.append(f"license: {begun['licence'].lower()}")
    what = t("export.card.what_others" if theirs else "export.card.what")
    table = [f"| {t('export.card.measure')} | {t('export.card.value')} |", "| --- | ---: |", *rows] if rows else []
    use = ["```sh", "tongsu import .", 'tongsu predict last "..."', "```"]
    return "\n".join(
        [*head, "---", "", f"# {learned.run.name}", "", what, t("export.card.safe"), "", *lines, "", *table, "",
         t("export.card.use"), "", *use, "", t("export.card.limits"), ""]
    )  # fmt: skip
