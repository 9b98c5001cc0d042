"""What each trick of the `fast` presets is worth: the preset with that one thing put back, beside the preset itself.

    python benchmarks/ablations.py                      # all, two seeds
    python benchmarks/ablations.py --only mlp --seeds 0 1 2

Each training is a process of its own; all rows of a net train with one seed before the next seed begins, so a machine
that slows down slows them alike. Quality is that of the validation data: these rows are about choices. The file is kept
after every training and goes on where it was. `table.py` writes the table in benchmarks/README.md.
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
from tongsu.runs.atomic import write_json

# Net: chapter, what makes it this net, and its rows: what is put back in words, and in changes of the recipe.
NETS: dict[str, tuple[str, list[str], dict[str, list[str]]]] = {
    "mlp": ("mlp", [], {
        "all examples in each epoch": ["hardest=1"],
        "SGD at its best rate": ["optimizer=sgd", "lr=0.3"],
        "batches of 128": ["batch_size=128"],
        "a constant rate": ["schedule=constant"],
    }),
    "cnn": ("cnn", [], {
        "all examples in each epoch": ["hardest=1"],
        "Adam": ["optimizer=adam", "lr=0.003"],
        "the first layer learns to the end": ["freeze=1"],
        "the script's dropout": ["dropout=0.5"],
        "a constant rate": ["schedule=constant"],
    }),
    "simple-rnn": ("rnn", ["cell=simple"], {
        "all 200 words, two epochs": ["lengths=200", "epochs=2"],
        "no clipping": ["clip=0"],
        "no dropout of features": ["embedding_dropout=0"],
    }),
    "lstm": ("rnn", ["cell=lstm"], {
        "all 200 words": ["lengths=200"],
        "no dropout of features": ["embedding_dropout=0"],
        "a constant rate": ["schedule=constant"],
    }),
    "gan": ("gan", ["examples=12000", "epochs=1"], {  # 375 updates: enough to tell these apart
        "new drawings for each player": ["share_fakes=false"],
        "no feature matching": ["feature_matching=0"],
        "no average of the weights": ["average=0"],
        "the script's beta1": ["betas=0.9,0.999"],
    }),
}  # fmt: skip
AS_IT_IS = "the preset"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/ablations.json"))
    asked = parser.parse_args()
    known = json.loads(asked.out.read_text(encoding="utf-8"))["rows"] if asked.out.exists() else []
    rows = {(row["net"], row["row"]): row for row in known}
    for net in asked.only:
        chapter, own, changes = NETS[net]
        for seed in asked.seeds:
            for name, change in {AS_IT_IS: [], **changes}.items():
                row = rows.setdefault((net, name), {"net": net, "row": name, "changes": change, "runs": []})
                if any(run["seed"] == seed for run in row["runs"]):
                    continue
                row["runs"].append({"seed": seed, **train(chapter, [*own, *change], seed)})
                summarise(row)
                print(net, name, row["runs"][-1], flush=True)
                write_json(asked.out, {**conditions(), "rows": list(rows.values())})


def train(chapter: str, changes: list[str], seed: int) -> dict[str, float]:
    words = ["train", chapter, *changes, "--seed", str(seed), "--json"]
    done = subprocess.run([sys.executable, "-m", "tongsu", *words], stdout=subprocess.PIPE, check=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    measured = answer["metrics"]
    quality = measured.get("val_accuracy", measured.get("val_frechet_distance"))
    return {"quality": quality, "seconds": answer["train_seconds"]}


def summarise(row: dict[str, Any]) -> None:
    for name in ("quality", "seconds"):
        values = [run[name] for run in row["runs"]]
        row[name] = {"mean": statistics.mean(values), "n": len(values),
                     "spread": statistics.stdev(values) if len(values) > 1 else None}  # fmt: skip


def conditions() -> dict[str, Any]:
    return {
        "made": time.strftime("%Y-%m-%d"), "device": "cpu", "threads": torch.get_num_threads(), "preset": "fast",
        "versions": {"tongsu": __version__, "torch": torch.__version__, "python": sys.version.split()[0]},
    }  # fmt: skip


def table(measured: dict[str, Any]) -> str:
    """The rows in Markdown."""
    lines = ["| net | instead | quality on validation data | seconds | seeds |", "| --- | --- | ---: | ---: | ---: |"]
    for row in measured["rows"]:
        scale, unit = (1, "") if row["net"] == "gan" else (100, " %")
        quality, seconds = row["quality"], row["seconds"]
        spread = "" if quality["spread"] is None else f" ± {scale * quality['spread']:.2f}"
        lines.append(f"| {row['net']} | {row['row']} | {scale * quality['mean']:.2f}{unit}{spread} "
                     f"| {seconds['mean']:.1f} | {quality['n']} |")  # fmt: skip
    threads, versions = measured["threads"], measured["versions"]
    told = f"Measured {measured['made']}, {threads} threads, PyTorch {versions['torch']}, preset `fast`."
    return "\n".join(["", *lines, "", told, ""])


if __name__ == "__main__":
    main()
