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
from pathlib import Path
from typing import Any

from quality import conditions, train

from tongsu.roadmap import Stop
from tongsu.runs.atomic import write_json

# Net: chapter, what makes it this net, and its rows: what is put back in words, and in changes of the recipe.
NETS: dict[str, tuple[str, list[str], dict[str, list[str]]]] = {
    "mlp": ("mlp", [], {
        "all examples in each epoch": ["hardest=1"],
        "the script's dropout": ["dropout=0.2"],
        "an average of the weights": ["average=0.98"],
        "SGD at its best rate": ["optimizer=sgd", "lr=0.2"],
        "batches of 128": ["batch_size=128"],
        "a constant rate": ["schedule=constant"],
    }),
    "cnn": ("cnn", [], {
        "all examples in each epoch": ["hardest=1"],
        "labels as they are": ["label_smoothing=0"],
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
                answer = train(Stop(chapter, net, (*own, *change)), "fast", seed)
                measured = answer["metrics"]
                quality = measured.get("val_accuracy", measured.get("val_frechet_distance"))
                row["runs"].append({"seed": seed, "quality": quality, "seconds": answer["train_seconds"]})
                summarise(row)
                print(net, name, quality, flush=True)
                write_json(asked.out, {**conditions("fast"), "rows": list(rows.values())})


def summarise(row: dict[str, Any]) -> None:
    for name in ("quality", "seconds"):
        values = [run[name] for run in row["runs"]]
        row[name] = {"mean": statistics.mean(values), "n": len(values),
                     "spread": statistics.stdev(values) if len(values) > 1 else None}  # fmt: skip


if __name__ == "__main__":
    main()
