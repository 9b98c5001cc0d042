"""From measured runs to what is told: curves, time to a quality, ratios. Plain values only; nothing is measured here.

A run: {"net", "system", "seed", "epochs": [{"epoch", "seconds", "quality"}], ...}. Seconds are of training alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

Run = dict[str, Any]
HIGHER = {"mlp": True, "cnn": True, "simple-rnn": True, "lstm": True, "gan": False}  # the GAN's is a distance


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation of the sample, n and the values themselves."""
    return {
        "mean": statistics.mean(values),
        "spread": statistics.stdev(values) if len(values) > 1 else 0.0,
        "n": len(values),
        "values": list(values),
    }


def curve(runs: Sequence[Run]) -> list[tuple[float, float]]:
    """(seconds, quality) after each epoch, means over the runs: as many epochs as all of them have."""
    columns = zip(*(run["epochs"] for run in runs), strict=False)
    return [
        (statistics.mean(at["seconds"] for at in epoch), statistics.mean(at["quality"] for at in epoch))
        for epoch in columns
    ]


def reached(points: Sequence[tuple[float, float]], bar: float, higher: bool) -> int | None:
    """The place of the first point that is at least as good as `bar`."""
    good = (at for at, (_, quality) in enumerate(points) if (quality >= bar if higher else quality <= bar))
    return next(good, None)


def projected(run: Run, total: int) -> float:
    """Seconds for `total` steps, from those that were made: the first ones as they were, all others as the rest."""
    first, taken = run["warm_seconds"], run["steps"] - run["warm_steps"]
    if taken < 1:
        raise ValueError(f"{run['steps']} steps are too few to tell the time of {total}")
    return first + (run["steps_seconds"] - first) / taken * (total - run["warm_steps"])


def seconds_of(run: Run) -> float:
    """Of the whole training, measured or projected."""
    return run["projected_seconds"] if run.get("projected_seconds") else run["epochs"][-1]["seconds"]


def complete(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if not run.get("projected_seconds")]


def row(net: str, system: str, runs: Sequence[Run], keras: Sequence[Run], bar: float | None, peak: float) -> Run:
    """Everything that is told of one system on one net.

    The bar is the mean quality of the Keras script at its end. A system has reached it at the first epoch whose mean
    quality over the seeds is at least as good; `ratio` compares with the Keras script run to its end, `ratio_first`
    with the first epoch at which the Keras script itself was as good.
    """
    whole = complete(runs)
    epochs = len(whole[0]["epochs"]) if whole else runs[0]["epochs_planned"]
    told: Run = {
        "net": net,
        "system": system,
        "seeds": [run["seed"] for run in runs],
        "projected": not whole,
        "epochs": epochs,
        "seconds": spread([seconds_of(run) for run in whole or runs]),
        "seconds_per_epoch": spread([seconds_of(run) / epochs for run in whole or runs]),
        "quality": spread([run["epochs"][-1]["quality"] for run in whole]) if whole else None,
        "curve": curve(whole),
        "to_quality": None,
        "ratio": None,
        "ratio_first": None,
        **{name: spread([run[name] for run in runs]) for name in ("import_seconds", "start_seconds", "peak_memory")},
    }
    if runs[0].get("flops"):
        rate = [run["flops"] / seconds_of(run) for run in whole or runs]
        told["flops"], told["share_of_peak"] = runs[0]["flops"], spread([one / peak for one in rate])
    at = reached(told["curve"], bar, HIGHER[net]) if bar is not None else None
    if at is None:
        return told
    told["to_quality"] = {"epoch": at + 1, **spread([run["epochs"][at]["seconds"] for run in whole])}
    if keras:
        full = statistics.mean(seconds_of(run) for run in complete(keras) or keras)
        told["ratio"] = full / told["to_quality"]["mean"]
        points = curve(complete(keras))
        first = reached(points, bar, HIGHER[net])
        if first is not None:
            told["ratio_first"] = points[first][0] / told["to_quality"]["mean"]
    return told


def summary(runs: Sequence[Run], bars: dict[str, float], peak: float) -> list[Run]:
    """A row for each net and system, in the order in which they were first measured. `bars`: for nets whose Keras
    script was not run to its end."""
    nets = [net for net in HIGHER if any(run["net"] == net for run in runs)]
    rows = []
    for net in nets:
        mine = [run for run in runs if run["net"] == net]
        keras = [run for run in mine if run["system"] == "keras"]
        ends = [run["epochs"][-1]["quality"] for run in complete(keras)]
        bar = statistics.mean(ends) if ends else bars.get(net)
        for system in dict.fromkeys(run["system"] for run in mine):
            chosen = sorted((run for run in mine if run["system"] == system), key=lambda run: run["seed"])
            rows.append({"bar": bar, **row(net, system, chosen, keras, bar, peak)})
    return rows
