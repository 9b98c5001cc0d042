"""Fine-tuning against learning from nothing: the same IMDB reviews, the same split, the same test.

    python benchmarks/finetune.py --examples 4000 --tokens 128

Rows: MiniLM with only its last layer fitted, MiniLM with all layers learning for one epoch, and the Transformer and the
GRU of the road map from chance, with as many epochs as `fit_to_data` gives them and the best one kept. A row whose run
stands finished in `--runs` is not trained again. What was not run is written into the file too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tongsu import __version__
from tongsu.data import load
from tongsu.data.sources import home
from tongsu.pretrained.start import some
from tongsu.recipes.choose import choose, fit_to_data
from tongsu.runs.atomic import write_json
from tongsu.runs.store import Run, RunStore
from tongsu.session import environment, prepare, write
from tongsu.training.build import complete
from tongsu.training.loop import train

NOTES = [
    "test: the same share of the 5,000 held-out reviews, the same ones in each row",
    "seconds: of one thread beside other work, so they compare roughly; the last layer's include working out what the "
    "network sees, those of all layers do not (it was in the cache)",
    "the nets from chance count their vocabulary over the whole training part, which helps them a little",
]
NOT_RUN = [
    "the preset fast on all of IMDB (17,904 reviews, 256 word pieces, all layers) on a CPU, which would take hours; "
    "results/finetune-gpu.json has it on a GPU",
    "ResNet-50 and other weights of the hub: it could not be reached",
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=4_000)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--only", nargs="*", default=[], help="rows: frozen all-layers transformer gru")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/finetune.json"))
    asked = parser.parse_args()
    store, size = RunStore(asked.runs), f"{asked.examples}-{asked.tokens}"
    sides = [f"examples={asked.examples}", f"tokens={asked.tokens}", "pretrained=minilm"]
    plan: dict[str, tuple[str, Callable[[str], Run]]] = {
        "frozen": ("MiniLM, last layer only", partial(going_on, store, "quick", sides)),
        "all-layers": ("MiniLM, all layers, one epoch", partial(going_on, store, "fast", [*sides, "epochs=1"])),
        "transformer": ("Transformer from chance", partial(from_chance, store, "transformer", [], asked.examples)),
        "gru": ("GRU from chance", partial(from_chance, store, "rnn", ["cell=gru"], asked.examples)),
    }
    rows: list[dict[str, Any]] = []
    for name, (title, begin) in plan.items():
        run_name = f"finetune-{name}-{size}"
        run = Run(asked.runs / run_name)
        if not (run.exists() and run.results()):
            if asked.only and name not in asked.only:
                continue
            run = begin(run_name)
        rows.append({"row": name, "title": title, **row(run)})
        facts = {"made": time.strftime("%Y-%m-%d"), "data": "imdb", "examples": asked.examples, "tokens": asked.tokens}
        known = {name: environment()[name] for name in ("torch", "python", "device")}
        said = {"tongsu": __version__, "rows": rows, "notes": NOTES, "not_run": NOT_RUN}
        write_json(asked.out, {**facts, **known, **said})


def going_on(store: RunStore, preset: str, changes: list[str], name: str) -> Run:
    for old in (home() / "prepared").glob("features-*.safetensors"):
        old.unlink()  # what the network sees is part of the time
    session = prepare("transformer", preset, None, changes, store=store, name=name)
    for event in session.events("cpu"):
        print(event, flush=True)
    return session.run


def from_chance(store: RunStore, chapter: str, changes: list[str], examples: int, name: str) -> Run:
    """The chapter's own recipe on the very reviews that `examples=` leaves a pretrained network."""
    recipe = choose(chapter, "fast", None, changes)
    dataset = some(load(recipe.data, **recipe.data_args), examples)
    recipe = complete(replace(fit_to_data(recipe, dataset, changes), restore_best=True), dataset)
    run = store.create(chapter, "fast", name)
    run.write_environment(environment())
    write(run, recipe, dataset)
    for event in train(recipe, run, dataset, device="cpu"):
        print(event, flush=True)
    return run


def row(run: Run) -> dict[str, Any]:
    results, recipe = run.results(), run.recipe()
    return {
        "test_accuracy": results["metrics"]["test_accuracy"],
        "val_accuracy": results["metrics"]["val_accuracy"],
        "train_seconds": results["train_seconds"],
        "parameters": results["parameters"],
        "epochs": recipe["epochs"],
        "seed": recipe["seed"],
        "threads": run.environment().get("threads"),
    }


if __name__ == "__main__":
    main()
