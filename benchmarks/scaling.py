"""How time and memory grow with the work: size of the data set, batch, length of a review, side of a picture.

    python benchmarks/scaling.py

Each point is a process of its own, so that its peak of memory is its own. The data are MNIST repeated, or noise of the
wanted shape where only the shape matters. Written to results/scaling.json and drawn in docs/pictures/scaling.png.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from matplotlib.ticker import LogLocator

from tongsu import __version__, bench
from tongsu.data import load
from tongsu.data.dataset import Dataset, Split
from tongsu.data.preprocessing import Images, Text
from tongsu.plots.style import PALETTE, QUIET, house, new_figure, save
from tongsu.recipes.choose import choose
from tongsu.runs.atomic import write_json
from tongsu.runs.store import Run
from tongsu.training.build import complete
from tongsu.training.loop import Training, train

ROOT = Path(__file__).resolve().parents[1]
# question: (values, nets, what is on the axis)
QUESTIONS: dict[str, tuple[list[int], list[str], str]] = {
    "examples": ([1, 4, 16], ["mlp"], "MNIST ×"),
    "batch": ([16, 32, 64, 128, 256, 512], ["mlp", "cnn", "lstm"], "batch"),
    "length": ([25, 50, 100, 200, 400], ["simple-rnn", "lstm", "transformer"], "T"),
    "side": ([16, 28, 56, 112], ["cnn", "resnet"], "H = W"),
}
NETS = {"simple-rnn": ("rnn", ["cell=simple"]), "lstm": ("rnn", ["cell=lstm"])}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(QUESTIONS), default=list(QUESTIONS))
    parser.add_argument("--small", action="store_true", help="the two smallest values of each, for a trial")
    parser.add_argument("--data", default="mnist", help="what is repeated; another one for a trial")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "scaling.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs" / "pictures" / "scaling.png")
    parser.add_argument("--point", nargs=3, metavar=("QUESTION", "NET", "VALUE"), help="one measurement, by itself")
    asked = parser.parse_args()
    if asked.point:
        question, net, value = asked.point
        print(json.dumps(point(question, net, int(value), asked.data)))
        return
    rows = json.loads(asked.out.read_text(encoding="utf-8"))["rows"] if asked.out.exists() else []
    for question in asked.only:
        values, nets, _ = QUESTIONS[question]
        for net in nets:
            for value in values[: 2 if asked.small else None]:
                words = [sys.executable, __file__, "--data", asked.data, "--point", question, net, str(value)]
                done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
                row = json.loads(done.stdout.splitlines()[-1])
                rows = [old for old in rows if [old[k] for k in ("question", "net", "value")] != [question, net, value]]
                rows.append(row)
                print(question, net, value, f"{row['seconds']:.4f} s", f"{row['memory'] / 1e6:.0f} MB", flush=True)
                write_json(asked.out, {**conditions(), "slopes": slopes(rows), "rows": rows})
    save(picture(rows), asked.picture)
    print(asked.picture)


def conditions() -> dict[str, Any]:
    versions = {"tongsu": __version__, "torch": torch.__version__, "python": platform.python_version()}
    return {"made": time.strftime("%Y-%m-%d"), "device": "cpu", "threads": torch.get_num_threads(),
            "versions": versions,
            "what": "seconds: of an epoch (examples), else the median of single steps; memory: the process's peak;"
            " grown: what the peak is above the process with its imports; slopes: exponent of the growth between the"
            " two largest values, 1 is linear"}  # fmt: skip


def peak() -> int:
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def point(question: str, net: str, value: int, data: str) -> dict[str, Any]:
    chapter, changes = NETS.get(net, (net, []))
    torch.manual_seed(0)
    before = peak()
    if question == "examples":
        seconds = epoch_seconds(chapter, value, data)
    else:
        seconds = statistics.median(step_times(chapter, changes, question, value))
    return {"question": question, "net": net, "value": value, "seconds": seconds, "memory": peak(),
            "grown": peak() - before}  # fmt: skip


def epoch_seconds(chapter: str, times: int, data: str) -> float:
    """One epoch of the `fast` preset over the data repeated; as bytes in memory, as everything is that is loaded."""
    import tempfile

    recipe = choose(chapter, "fast", data, ["epochs=1"])
    dataset = load(recipe.data, **recipe.data_args)
    repeated = Split(dataset.train.inputs.repeat(times, 1, 1, 1), dataset.train.targets.repeat(times))
    dataset = replace(dataset, train=repeated)
    with tempfile.TemporaryDirectory() as folder:
        events = list(train(complete(recipe, dataset), Run(Path(folder)), dataset, device="cpu"))
    return next(event.seconds for event in events if type(event).__name__ == "Evaluated")


def step_times(chapter: str, changes: list[str], question: str, value: int) -> Iterator[float]:
    """Single updates of the `reference` preset on noise, two to warm up and then a second of them."""
    recipe = choose(chapter, "reference", changes=[*changes, *([f"batch_size={value}"] if question == "batch" else [])])
    dataset = bench.made_up(complete(recipe, bench.made_up(recipe)))
    if question == "length":
        inputs = torch.randint(3, 10_000, (recipe.batch_size, value), dtype=torch.int32)
        dataset = reshaped(dataset, inputs, Text(tuple(map(str, range(10_000))), value))
    elif question == "side":
        inputs = torch.randint(0, 256, (recipe.batch_size, 1, value, value), dtype=torch.uint8)
        dataset = reshaped(dataset, inputs, Images(1, value, value, (0.5,), (0.5,)))
    training = Training(complete(recipe, dataset), Run(Path()), dataset, torch.device("cpu"))
    inputs, targets = training.split(dataset.train)
    batch = training.scaled(inputs[: recipe.batch_size]), targets[: recipe.batch_size]
    end = math.inf
    for number in range(10_000):
        began = time.perf_counter()
        training.task.step(training.model, batch, training.optimizers)
        if number >= 2:
            yield time.perf_counter() - began
        else:
            end = time.perf_counter() + 1
        if number >= 5 and time.perf_counter() > end:
            return


def reshaped(dataset: Dataset, inputs: torch.Tensor, reader: Images | Text) -> Dataset:
    split = Split(inputs, dataset.train.targets[: len(inputs)])
    return replace(dataset, train=split, validation=split, test=split, preprocessing=reader)


def slopes(rows: list[dict[str, Any]]) -> dict[str, float]:
    """d log seconds / d log value between the two largest values of each line."""
    found: dict[str, float] = {}
    for question, net in dict.fromkeys((row["question"], row["net"]) for row in rows):
        mine = [row for row in rows if (row["question"], row["net"]) == (question, net)]
        line = sorted((row["value"], row["seconds"]) for row in mine)
        if len(line) > 1:
            (x0, y0), (x1, y1) = line[-2:]
            found[f"{question} {net}"] = math.log(y1 / y0) / math.log(x1 / x0)
    return found


@house()
def picture(rows: list[dict[str, Any]]) -> Any:
    """Time above (logarithmic), memory below; the grey lines are what "twice the work, twice the time" means.
    No word in it needs a language."""
    asked = [question for question in QUESTIONS if any(row["question"] == question for row in rows)]
    figure = new_figure(4.6)
    grid = figure.subplots(2, len(asked), squeeze=False, sharex="col")
    nets = list(dict.fromkeys(row["net"] for row in rows))
    for column, question in enumerate(asked):
        for line, (measure, scale) in enumerate((("seconds", 1e3), ("memory", 1e-6))):
            axes = grid[line, column]
            for net in nets:
                mine = sorted((row["value"], row[measure] * scale) for row in rows
                              if (row["question"], row["net"]) == (question, net))  # fmt: skip
                if mine:
                    colour = PALETTE[nets.index(net) % len(PALETTE)]
                    axes.plot(*zip(*mine, strict=True), "o-", markersize=4, color=colour, label=net)
                    if measure == "seconds":
                        (x0, _), (x1, y1) = mine[0], mine[-1]
                        start = y1 * (x0 / x1) ** (2 if question == "side" else 1)  # a picture has side² pixels
                        axes.plot([x0, x1], [start, y1], color=QUIET, linewidth=1, zorder=0)
            axes.set_xscale("log")
            if measure == "seconds":
                axes.set_yscale("log")
                axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            else:
                axes.set_ylim(0, 1.1 * axes.dataLim.ymax)
            axes.set_xticks(QUESTIONS[question][0], [str(value) for value in QUESTIONS[question][0]])
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.minorticks_off()
            axes.grid(True)
        grid[1, column].set_xlabel(QUESTIONS[question][2])
    grid[0, 0].set_ylabel("ms")
    grid[1, 0].set_ylabel("MB")
    handles = {handle.get_label(): handle for axes in grid[0] for handle in axes.get_legend_handles_labels()[0]}
    figure.legend(handles=list(handles.values()), loc="outside lower center", ncols=6)
    return figure


if __name__ == "__main__":
    main()
