"""What the default presets reach: every stop of the road map and the Chinese reviews, three seeds each.

    python benchmarks/quality.py --seeds 0 1 2 --out benchmarks/results/quality.json

Each training is a process of its own, as a person would start it. The file is kept after every training, so an
interrupted measurement loses one training at most and goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

from tongsu import __version__
from tongsu.roadmap import PLAN, Stop
from tongsu.runs.atomic import write_json

CHINESE = Stop("rnn", "LSTM", ("cell=lstm", "data=reviews-zh"))
AS_GIVEN = Stop("rnn", "LSTM", ("cell=lstm", "data=reviews-zh", "test_labels=given"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--only", nargs="*", default=[], help="titles or data, for example CNN GAN reviews-zh")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/quality.json"))
    parser.add_argument("--busy", action="store_true", help="other work runs on this machine: from then on the table"
                        " says so")  # fmt: skip
    asked = parser.parse_args()

    known = json.loads(asked.out.read_text(encoding="utf-8")) if asked.out.exists() else {"rows": []}
    rows: dict[str, Any] = {row["title"] + row["data"]: row for row in known["rows"]}
    for seed in asked.seeds:
        for stop in (*PLAN, CHINESE, AS_GIVEN):
            if asked.only and not {stop.title, *"=".join(stop.changes).split("=")} & {*asked.only}:
                continue
            answer = train(stop, asked.preset, seed)
            add(rows, stop, seed, answer)
            busy = asked.busy or known.get("busy", False)
            write_json(asked.out, {**conditions(asked.preset), "busy": busy, "rows": list(rows.values())})


def train(stop: Stop, preset: str, seed: int) -> dict[str, Any]:
    words = ["train", stop.chapter, *stop.changes, "--preset", preset, "--seed", str(seed), "--json"]
    done = subprocess.run([sys.executable, "-m", "tongsu", *words], stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(stop.title, seed, answer["metrics"], f"{answer['train_seconds']:.1f} s", flush=True)
    recipe = json.loads((Path(answer["run"]) / "recipe.json").read_text(encoding="utf-8"))
    labels = recipe["data_args"].get("test_labels")
    return {**answer, "data": f"{recipe['data']}-{labels}" if labels else recipe["data"]}


def add(rows: dict[str, Any], stop: Stop, seed: int, answer: dict[str, Any]) -> None:
    metric = "test_accuracy" if "test_accuracy" in answer["metrics"] else "test_frechet_distance"
    row = rows.setdefault(
        stop.title + answer["data"],
        {
            "chapter": stop.chapter, "title": stop.title, "model": answer["model"], "data": answer["data"],
            "parameters": answer["parameters"], "metric": metric, "split": answer["test_split"],
            "seeds": [], "values": [], "seconds": [],
            "road_map": stop.reference_metric, "road_map_seconds": stop.reference_seconds,
        },
    )  # fmt: skip
    if seed in row["seeds"]:  # measured again: the new figure takes the old one's place
        at = row["seeds"].index(seed)
        for name in ("seeds", "values", "seconds"):
            del row[name][at]
    row["split"] = answer["test_split"]
    row["seeds"].append(seed)
    row["values"].append(answer["metrics"][metric])
    row["seconds"].append(answer["train_seconds"])
    row["mean"], row["mean_seconds"] = statistics.mean(row["values"]), statistics.mean(row["seconds"])
    row["spread"] = statistics.stdev(row["values"]) if len(row["values"]) > 1 else 0.0


def conditions(preset: str) -> dict[str, Any]:
    return {
        "made": time.strftime("%Y-%m-%d"),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
        "versions": {"tongsu": __version__, "torch": torch.__version__, "python": sys.version.split()[0]},
        "preset": preset,
    }


if __name__ == "__main__":
    main()
