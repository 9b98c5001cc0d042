"""Models from the road map's Keras scripts become runs: `.keras` archives and whole-model `.h5` files.

Reading never executes anything and needs no Keras. The five reference architectures are recognised whatever
their widths: MLP, CNN, SimpleRNN / LSTM / GRU (stacked, bidirectional), and the two halves of the GAN.
"""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

from torch import nn

from tongsu.data.preprocessing import Images, Points, Preprocessing, Text
from tongsu.errors import Problem
from tongsu.keras_import.files import opened
from tongsu.keras_import.layers import Values, chain
from tongsu.keras_import.nets import KerasModel, recognise
from tongsu.models import MODELS, parameter_count
from tongsu.runs.store import Run, RunStore
from tongsu.training import checkpoint
from tongsu.training.recipe import Recipe

__all__ = ["KerasModel", "build", "import_run", "read_keras", "read_vocabulary", "recipe_values"]

DATA = {"mlp": "mnist", "cnn": "mnist", "gan": "mnist", "rnn": "imdb"}
# Keras's imdb numbers: 0 padding, 1 start, 2 unknown, 3 unused, and a word's rank + 3.
SPECIAL = ("<pad>", "<start>", "<unknown>", "<unused>")


def read_keras(path: str | Path) -> KerasModel:
    """(model, model_args, tensors, hints) of a Keras file. Raises Problem naming file, layer and reason."""
    file = Path(path)
    with opened(file) as (config, fetch):
        return recognise(file, chain(file, config, fetch))


def build(imported: KerasModel) -> nn.Module:
    """Our net with the imported weights, in evaluation mode; the half of a GAN that the file does not hold
    keeps the weights it begins with."""
    net = MODELS[imported.model](**imported.model_args)
    part = net.get_submodule(imported.hints["part"]) if "part" in imported.hints else net
    part.load_state_dict(imported.tensors)
    return net.eval()


def read_vocabulary(path: str | Path, words: int) -> tuple[str, ...]:
    """Keras's imdb_word_index.json, {word: rank from 1}, as a list: the place is the word's number."""
    file = Path(path)
    if not file.is_file():  # a pipe would keep us waiting
        raise Problem("keras.vocabulary", file=file, reason=os.strerror(errno.ENOENT))
    try:
        ranks = json.loads(file.read_text(encoding="utf-8"))
        vocabulary = [*SPECIAL, *("" for _ in range(words - len(SPECIAL)))]
        for word, rank in ranks.items():
            if 3 < rank + 3 < words:
                vocabulary[rank + 3] = str(word)
    except (OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Problem("keras.vocabulary", file=file, reason=error) from None
    if missing := vocabulary[:words].count(""):
        raise Problem("keras.vocabulary", file=file, reason=f"{missing} / {words}")
    return tuple(vocabulary[:words])


def recipe_values(imported: KerasModel, vocabulary: tuple[str, ...] = ()) -> Values:
    """What a run of this model says about itself: "recipe", "preprocessing" and "labels".

    A Keras file holds no vocabulary. Without one the preprocessing of a text model has none either: the model
    can be measured on word numbers, but it cannot read a sentence.
    """
    hints, outputs = imported.hints, imported.model_args.get("outputs", 10)
    prepare: Preprocessing
    if hints["kind"] == "images":
        sides = (hints["channels"], hints["height"], hints["width"])
        mean, std = (tuple(hints[name]) * sides[0] for name in ("mean", "std"))
        prepare = Images(*sides, mean, std, digits=sides == (1, 28, 28) and outputs == 10)
    elif hints["kind"] == "text":
        prepare = Text(vocabulary, hints["length"])
    else:
        prepare = Points(imported.model_args["inputs"])
    two = ["negative", "positive"] if hints["kind"] == "text" else ["0", "1"]
    recipe = Recipe(
        chapter=imported.model,
        preset="keras",
        model=imported.model,
        model_args=imported.model_args,
        data=DATA[imported.model],
        task="gan" if imported.model == "gan" else "classify",
        epochs=0,
    )
    labels = two if outputs == 1 else [str(number) for number in range(outputs)]
    return {"recipe": recipe.to_dict(), "preprocessing": prepare.to_dict(), "labels": labels}


def import_run(
    path: str | Path, store: RunStore, *, vocabulary: str | Path | None = None, name: str | None = None
) -> Run:
    """A finished run that answers with the file's weights. Raises Problem as `read_keras` does."""
    imported = read_keras(path)
    words: tuple[str, ...] = ()
    if vocabulary is not None and imported.model == "rnn":
        words = read_vocabulary(vocabulary, imported.model_args["words"])
    values = recipe_values(imported, words)
    run = store.create(imported.model, "keras", name)
    run.write_recipe(values["recipe"])
    run.write_environment({"imported": Path(path).name, "part": imported.hints.get("part")})
    # No fingerprint: nobody knows which data the script has seen.
    answers = {name: values[name] for name in ("preprocessing", "labels")}
    run.write_preprocessing(
        {**answers, "data": values["recipe"]["data"], "fingerprint": None, "test_split": ""}
    )
    net = build(imported)
    checkpoint.save_weights(run, net.state_dict())
    run.write_results({"metrics": {}, "parameters": parameter_count(net), "train_seconds": None})
    return run
