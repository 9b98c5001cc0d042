"""The same work in four systems, interleaved in one run: Keras on TensorFlow, PyTorch, PyTorch Lightning and Tongsu.

    python benchmarks/speed/run.py                                     # everything, three seeds
    python benchmarks/speed/run.py --only cnn --systems keras fast     # a part of it
    python benchmarks/speed/run.py --only gan --gan-steps 0            # the GAN to its end everywhere

Each training is a process of its own. All systems train a net with one seed, then the next net, then the next seed; the
order of the systems turns from seed to seed. The file is kept after every training: interrupted, the benchmark goes on
where it was, and refuses to when machine, threads, data or versions are not those of the file. `arithmetic.py` makes
the summary, and `benchmarks/speed_table.py` the tables. Lightning trains with the first seed only: number for number it
learns what `pytorch` learns, so one tells what it adds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import arithmetic
import numpy as np
import torch

from tongsu import __version__, bench
from tongsu.data import Dataset, load
from tongsu.data.dataset import Split
from tongsu.recipes.choose import choose
from tongsu.runs.atomic import write_json
from tongsu.tasks.judge import Judge
from tongsu.training.build import complete
from tongsu.training.device import matmul_speed
from tongsu.training.recipe import Recipe

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OTHERS = ROOT / ".venv-bench" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NETS = {
    "mlp": ("mlp", []), "cnn": ("cnn", []), "simple-rnn": ("rnn", ["cell=simple"]), "lstm": ("rnn", ["cell=lstm"]),
    "gan": ("gan", []),
}  # fmt: skip
SYSTEMS = {
    "keras": "keras_scripts.py", "pytorch": "pytorch_script.py", "lightning": "lightning_script.py",
    "reference": "tongsu_script.py", "fast": "tongsu_script.py",
}  # fmt: skip
LONGEST = 3 * 3600  # seconds for one training
NOISE_SEED, NOISES = 20_140_610, 10_000  # as `AdversarialGame.evaluate` draws


def main() -> None:
    asked = parsed()
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + 60 * asked.budget if asked.budget else float("inf")
    threads = asked.threads or available_cores()
    torch.set_num_threads(threads)
    if not asked.others.exists() and {"keras", "pytorch", "lightning"} & set(asked.systems):
        sys.exit(f"{asked.others} is missing: make bench prepares it")
    file = known(asked.out, conditions(asked, threads))
    failures = 0
    for turn, seed in enumerate(asked.seeds):
        note_peak(file, asked.device)
        for net in asked.only:
            order = [*asked.systems[turn % len(asked.systems) :], *asked.systems[: turn % len(asked.systems)]]
            for system in order:
                steps = asked.gan_steps if net == "gan" and system != "fast" else 0
                if has(file, net, system, seed, steps) or (system == "lightning" and turn):
                    continue
                if time.monotonic() > until:
                    done(file, asked.out, failures, "The budget is spent; the same command goes on.")
                    return
                failures += not train(file, net, system, seed, steps, threads, asked)
                save(file, asked.out)
    note_peak(file, asked.device)
    done(file, asked.out, failures, "All is measured.")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(NETS), default=list(NETS))
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=list(SYSTEMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--gan-steps", type=int, default=60, help="the GAN's time from so many steps, but for `fast`;"
                        " 0: to its end")  # fmt: skip
    parser.add_argument("--budget", type=float, default=0, help="minutes after which no training begins")
    parser.add_argument("--threads", type=int, default=0, help="for every system (0: one for each core)")
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"], help="cuda: not for keras")
    parser.add_argument("--others", type=Path, default=OTHERS, help="the Python of the other systems")
    parser.add_argument("--data", help="another data set for all nets, for a trial")
    parser.add_argument("--share", type=float, default=1.0, help="of the training data, for a trial")
    parser.add_argument("--epochs", type=int, default=0, help="another number for all, for a trial")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "speed.json")
    return parser.parse_args()


def available_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def conditions(asked: argparse.Namespace, threads: int) -> dict[str, Any]:
    """What must stay the same from the first training in the file to the last."""
    versions = {"tongsu": __version__, "torch": torch.__version__, "python": platform.python_version()}
    trial = {name: value for name in ("data", "share", "epochs") if (value := getattr(asked, name)) not in (None, 0, 1)}
    device = "cpu" if asked.device == "cpu" else torch.cuda.get_device_name()
    return {"device": device, "processor": processor(), "cores": available_cores(), "threads": threads,
            "system": f"{platform.system()} {platform.machine()}", "versions": versions, "trial": trial}  # fmt: skip


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def known(path: Path, now: dict[str, Any]) -> dict[str, Any]:
    """The file so far, if it was measured under the same conditions."""
    if not path.exists():
        return {"made": time.strftime("%Y-%m-%d"), "conditions": now, "peaks": [], "runs": [], "failures": []}
    file: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    was = file["conditions"]
    same_versions = {name: was["versions"].get(name) for name in now["versions"]}
    was = {**was, "versions": same_versions}  # the file knows those of the other systems too
    differing = [name for name in now if was.get(name) != now[name]]
    if differing:
        told = "; ".join(f"{name}: {was.get(name)} there, {now[name]} now" for name in differing)
        sys.exit(f"{path} was measured under other conditions ({told}). Name another file with --out, or move it away.")
    return file


def note_peak(file: dict[str, Any], device: str) -> None:
    """The machine's matrix product, measured between the trainings; the best of them is the peak."""
    file["peaks"].append({"at": time.strftime("%H:%M:%S"), "operations": speed_of(torch.device(device))})


def speed_of(device: torch.device) -> float:
    """Operations a second of float32 products; a GPU is full only with large ones."""
    return matmul_speed(device, seconds=1, **({} if device.type == "cpu" else {"size": 8192}))


def has(file: dict[str, Any], net: str, system: str, seed: int, steps: int) -> bool:
    """A training to its end counts where a few steps are asked for, not the other way round."""
    return any(
        (run["net"], run["system"], run["seed"]) == (net, system, seed) and (steps or not run.get("projected_seconds"))
        for run in file["runs"]
    )


def recipe_of(net: str, preset: str, asked: argparse.Namespace) -> tuple[Recipe, Dataset]:
    """A net's recipe and the share of its data that is learned from."""
    chapter, changes = NETS[net]
    changes = [*changes, *([f"epochs={asked.epochs}"] if asked.epochs else [])]
    recipe = choose(chapter, preset, asked.data, changes)
    dataset = load(recipe.data, **recipe.data_args)
    count = round(len(dataset.train) * asked.share)
    cut = Split(dataset.train.inputs[:count], dataset.train.targets[:count])
    dataset = Dataset(**{**vars(dataset), "train": cut})
    return complete(recipe, dataset), dataset


def export(net: str, asked: argparse.Namespace, folder: Path) -> tuple[Path, Recipe, Dataset]:
    """The arrays that the other systems read: what the `reference` preset learns from, raw, and the same test data."""
    recipe, dataset = recipe_of(net, "reference", asked)
    arrays = {
        "x_train": dataset.train.inputs.numpy(), "y_train": dataset.train.targets.numpy(),
        "x_test": dataset.test.inputs.numpy(), "y_test": dataset.test.targets.numpy(),
    }  # fmt: skip
    if net in ("mlp", "cnn", "gan"):
        arrays["x_train"], arrays["x_test"] = arrays["x_train"][:, 0], arrays["x_test"][:, 0]
    if net == "gan":
        chance = torch.Generator().manual_seed(NOISE_SEED)
        arrays["noise"] = torch.randn(min(NOISES, len(dataset.test)), 100, generator=chance).numpy()
    path = folder / "arrays.npz"
    np.savez(path, **arrays)
    return path, recipe, dataset


def train(
    file: dict[str, Any], net: str, system: str, seed: int, steps: int, threads: int, asked: argparse.Namespace
) -> bool:
    """One training in its own process; its record goes into the file. False if it failed, which is recorded too."""
    with tempfile.TemporaryDirectory(prefix="tongsu-speed-") as name:
        folder = Path(name)
        ours = system in ("reference", "fast")
        words = [net, "--seed", str(seed), "--epochs", str(asked.epochs), "--steps", str(steps)]
        words += ["--device", asked.device]
        if ours:
            recipe, dataset = recipe_of(net, system, asked)
            words += ["--preset", system, "--share", str(asked.share), *(["--data", asked.data] if asked.data else [])]
        else:
            arrays, recipe, dataset = export(net, asked, folder)
            words += ["--arrays", str(arrays), "--drawings", str(folder)]
        began = time.time()
        run = process([sys.executable if ours else str(asked.others), str(HERE / SYSTEMS[system]), *words], threads)
        if "error" in run:
            file["failures"].append({"net": net, "system": system, "seed": seed, **run})
            print(net, system, seed, "FAILED:", run["error"], flush=True)
            return False
        if net == "gan" and not ours:
            judge(run, folder, dataset)
    shapes = bench.batch_shapes(recipe, tuple(dataset.train.inputs.shape[1:]), len(dataset.train))
    if len(run["epochs"]) < recipe.epochs:  # `--steps` cut it short
        run["projected_seconds"] = arithmetic.projected(run, sum(shapes.values()))
        run["epochs_planned"] = recipe.epochs
    run |= {"system": system, "flops": bench.operations(recipe, shapes), "batch_size": recipe.batch_size,
            "examples": len(dataset.train), "process_seconds": time.time() - began}  # fmt: skip
    file["runs"] = [old for old in file["runs"] if [old[k] for k in ("net", "system", "seed")] != [net, system, seed]]
    file["runs"].append(run)
    file["failures"] = [
        old for old in file["failures"] if [old[k] for k in ("net", "system", "seed")] != [net, system, seed]
    ]
    end = run["epochs"][-1]["quality"] if run["epochs"] else "projected"
    print(f"{net} {system} seed {seed}: {arithmetic.seconds_of(run):.1f} s, {end}", flush=True)
    return True


def process(command: list[str], threads: int) -> dict[str, Any]:
    """What a script says on its last line, or {"error"}."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "BENCH_BEGAN": str(time.time())}
    try:
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=LONGEST)
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return answer
    except subprocess.TimeoutExpired:
        return {"error": f"more than {LONGEST} seconds"}
    except (IndexError, ValueError):
        return {"error": done.stderr[-2000:]}


def judge(run: dict[str, Any], folder: Path, dataset: Dataset) -> None:
    """The Fréchet distance of what was drawn after each epoch, by the judge that Tongsu ships."""
    real = dataset.test.inputs.float() / 127.5 - 1
    for epoch in run["epochs"]:
        drawn = torch.from_numpy(np.load(folder / f"epoch-{epoch['epoch']:03d}.npy")).float()[:, None]
        epoch["quality"] = Judge.load(torch.device("cpu")).compare(drawn, real)["frechet_distance"]


def bars(known: dict[str, Any]) -> dict[str, float]:
    """What to reach where no Keras script was run to its end: for the GAN our `reference` preset's distance, on a GPU
    for all nets what the CPU's file says."""
    results = ROOT / "benchmarks" / "results"
    told = json.loads((results / "gan-reference.json").read_text(encoding="utf-8"))
    found = {"gan": told["frechet_distance"]["after 10 epochs"]}
    if known["device"] != "cpu" and not known["trial"]:
        rows = json.loads((results / "speed.json").read_text(encoding="utf-8"))["summary"]
        found |= {row["net"]: row["bar"] for row in rows}
    return found


def save(file: dict[str, Any], path: Path) -> None:
    for run in file["runs"]:  # what the other environment says of itself
        file["conditions"]["versions"] = {**run["versions"], **file["conditions"]["versions"]}
    if file["runs"]:
        peak = max(one["operations"] for one in file["peaks"])
        file["peak"], file["summary"] = peak, arithmetic.summary(file["runs"], bars(file["conditions"]), peak)
    write_json(path, file)


def done(file: dict[str, Any], path: Path, failures: int, message: str) -> None:
    save(file, path)
    print(message, path)
    if failures:
        sys.exit(f"{failures} trainings failed; their last words stand in the file.")


if __name__ == "__main__":
    main()
