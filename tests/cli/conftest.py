"""Small runs, trained once, that the tests of the command line ask."""

from __future__ import annotations

from pathlib import Path

import pytest
from program import Program, World, write_pictures, write_table


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    program = Program(folder)
    table, pictures = write_table(folder / "reviews.csv"), write_pictures(folder / "shapes")
    small = ("--preset", "quick", "--json")
    few = ("examples=600", "batch_size=16", "epochs=3", "lr=0.02", "frames=4")
    tiny = ("examples=100", "width=4", "epochs=1", "samples=20")
    table_of = f"table:{table}?text=review&label=mood"
    learned = ("embedding=8", "hidden=8", "lr=0.02", "epochs=12")
    answers = {
        "digits": program("train", "mlp", *few, "--data", "digits", "--name", "digits", *small),
        "glad": program("train", "rnn", *learned, "--data", table_of, "--name", "glad", *small),
        "shapes": program(
            "train", "cnn", "epochs=4", "filters=8,8", "--data", f"images:{pictures}", "--name", "shapes", *small
        ),
        "forger": program("train", "gan", *tiny, "--data", "digits", "--name", "forger", *small),
    }
    for name, answer in answers.items():
        assert answer.code == 0, f"{name}: {answer.err}"
    return World(program, table, pictures, answers)


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path)
