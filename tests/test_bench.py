"""`tongsu bench`: operations against formulas written out by hand, shapes against the real batches, and the command."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import typer
from typer.testing import CliRunner

from tongsu import bench
from tongsu.cli.bench import bench as command
from tongsu.recipes.choose import choose
from tongsu.training.batches import epoch_batches
from tongsu.training.build import complete


def recipe_and_data(chapter: str, *changes: str):
    recipe = choose(chapter, "reference", changes=changes)
    dataset = bench.made_up(recipe)
    return complete(recipe, dataset), bench.made_up(complete(recipe, dataset))


def test_operations_of_the_mlp() -> None:
    recipe, dataset = recipe_and_data("mlp")
    products = [784 * 128, 128 * 64, 64 * 10]
    # Forward; the gradient of each weight; the gradient of each layer's input, but for the pixels.
    wanted = 2 * 5 * (3 * sum(products) - products[0])
    assert bench.step_operations(recipe, dataset, (5, 1, 28, 28)) == wanted


@pytest.mark.parametrize(("cell", "gates"), [("simple", 1), ("lstm", 4)])
def test_operations_of_the_recurrent_nets(cell: str, gates: int) -> None:
    """The fused kernels hide their products; they are counted in the equations instead."""
    recipe, dataset = recipe_and_data("rnn", f"cell={cell}")
    T, D, H = 6, 128, 64
    each_word = gates * H * (D + H)
    head = H * 32 + 32 * 1
    # The state before the first word learns nothing, so its gradient is not asked for.
    wanted = 2 * 3 * (3 * T * each_word + 3 * head - gates * H * H)
    counted = bench.step_operations(recipe, dataset, (3, T))
    assert counted == pytest.approx(wanted, rel=0.02)


def test_operations_of_a_convolution() -> None:
    recipe, dataset = recipe_and_data("cnn", "filters=4", "dense=3")
    convolution, wide = 26 * 26 * 4 * 9, 13 * 13 * 4 * 3
    dense = wide + 3 * 10
    learning, frozen = 2 * convolution + 3 * dense, convolution + 3 * dense - wide
    assert bench.step_operations(recipe, dataset, (2, 1, 28, 28)) == 2 * 2 * learning
    assert bench.step_operations(recipe, dataset, (2, 1, 28, 28), frozen=True) == 2 * 2 * frozen
    half = {(2, 1, 28, 28): 10}
    assert bench.operations(replace(recipe, freeze=0.5), half) == 10 * 2 * 2 * (learning + frozen) / 2
    muon = replace(recipe, optimizer="muon")  # its own products are not counted
    assert bench.operations(muon, half) == bench.operations(recipe, half)


@pytest.mark.parametrize("chapter", ["mlp", "rnn"])
def test_the_shapes_are_those_of_the_real_batches(chapter: str) -> None:
    recipe, dataset = recipe_and_data(chapter, "epochs=3", "batch_size=16")
    if chapter == "rnn":
        recipe = replace(recipe, lengths=(40, 90))
    recipe, losses = replace(recipe, hardest=0.7), torch.rand(27)
    split = dataset.train
    inputs, targets = dataset.preprocessing.scale(split.inputs[:27]), split.targets[:27]
    epochs = (epoch_batches(recipe, epoch, inputs, targets, losses=losses) for epoch in range(3))
    real = Counter(tuple(batch.shape) for batches in epochs for batch, *_ in batches)
    assert bench.batch_shapes(recipe, tuple(split.inputs.shape[1:]), 27) == real


def test_the_work_of_all_batches_is_the_sum_over_them() -> None:
    recipe, dataset = recipe_and_data("rnn", "cell=lstm")
    one = {length: bench.step_operations(recipe, dataset, (4, length)) for length in (5, 9)}
    assert bench.operations(recipe, {(8, 5): 3, (4, 9): 2}) == pytest.approx(6 * one[5] + 2 * one[9])


def test_a_training_takes_its_steps() -> None:
    for speed in bench.measure("mlp", torch.device("cpu"), seconds=0.02):
        assert speed.step_seconds > 0 and speed.operations > 0
        assert speed.training_seconds == pytest.approx(speed.steps * speed.step_seconds)
    assert not (Path() / "checkpoints").exists()


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = typer.Typer()
    app.command()(command)
    result = CliRunner().invoke(app, ["mlp", "--device", "cpu", "--json"])
    answer = json.loads(result.stdout)
    assert result.exit_code == 0 and answer["peak"] > 1e8 and answer["device"] == "cpu"
    assert [row["preset"] for row in answer["rows"]] == ["reference", "fast", "quick"]
    assert all(row["share_of_peak"] == pytest.approx(row["operations"] / answer["peak"]) for row in answer["rows"])
    assert list(tmp_path.iterdir()) == []
