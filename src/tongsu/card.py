"""The model card (模型卡片) of a run, `card.md`: what it is, what it learned from, how good it is, where its limits are
(after Mitchell et al. 2019). Every figure stands in the run's own files or comes from its test data."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tongsu.data.dataset import Dataset
from tongsu.evaluate import Judgement, judge
from tongsu.learned import Learned
from tongsu.locale import t
from tongsu.runs.atomic import write_text
from tongsu.runs.store import Run

Row = Sequence[object]
NAMED = 20  # labels that are listed


def conclude(run: Run, dataset: Dataset) -> None:
    """The card of a training that has just ended, for whoever draws no pictures."""
    learned = Learned.load(run)
    write(learned, dataset, judge(learned, dataset.test) if learned.recipe.task == "classify" else None)


def write(learned: Learned, dataset: Dataset, judgement: Judgement | None) -> None:
    write_text(learned.run.card, text(learned, dataset, judgement))


def text(learned: Learned, dataset: Dataset, judgement: Judgement | None) -> str:
    """The card in the reader's language. `judgement`: of the test data; None for a generator."""
    run = learned.run
    classifies = judgement is not None
    lines = [f"# {run.name}", "", t("card.intro"), "", *_table(("what", "value"), _facts(learned, dataset).items())]
    lines += ["", f"## {t('card.use')}", "", t("card.purpose" if classifies else "card.purpose_gan"), "", "```sh"]
    asked = f"tongsu predict {run.name} {t('card.input')}" if classifies else f"tongsu generate {run.name} -n 10"
    lines += [asked, f"tongsu evaluate {run.name}", "```", "", f"## {t('card.metrics')}", ""]
    lines += _table(("metric", "value"), ((_measure(name), f"{v:.4f}") for name, v in run.results()["metrics"].items()))
    if judgement is not None:
        lines += ["", _certainty(judgement), "", *_table(COLUMNS, _by_class(judgement))]
    lines += ["", f"## {t('card.limits')}", ""]
    lines += [f"- {limit}" for limit in _limits(learned, dataset, judgement)]
    return "\n".join([*lines, ""])


COLUMNS = ("label", "precision", "recall", "f1", "examples")


def _facts(learned: Learned, dataset: Dataset) -> dict[str, object]:
    run, recipe, results = learned.run, learned.recipe, learned.run.results()
    saved, environment = run.preprocessing(), run.environment()
    sizes = {name: f"{len(getattr(dataset, name)):,}" for name in ("train", "validation", "test")}
    facts: dict[str, object] = {
        "model": f"{recipe.model} ({_plain(recipe.model_args)})",
        "parameters": f"{results['parameters']:,}",
        "data": saved["data"],
        "fingerprint": saved["fingerprint"],
        "labels": ", ".join(learned.labels[:NAMED]) + ("…" if len(learned.labels) > NAMED else ""),
        "parts": t("card.sizes", **sizes),
        "split": results["test_split"],
        "training": f"{recipe.preset}: {recipe.optimizer}, lr {recipe.lr:g}, {recipe.epochs} × {recipe.batch_size}",
        "seconds": f"{results['train_seconds']:.1f}",
        "seed": recipe.seed,
        "versions": f"tongsu {environment['tongsu']}, torch {environment['torch']}, Python {environment['python']}",
        "machine": f"{environment['system']}, {environment['device']}, {t('card.threads', n=environment['threads'])}",
    }
    if recipe.pretrained:
        facts["pretrained"] = recipe.pretrained
    return {t(f"card.row.{name}"): value for name, value in facts.items()}


def _certainty(judgement: Judgement) -> str:
    """How far the accuracy can be trusted, and whether the model knows how sure it may be."""
    right, count = int((judgement.predicted == judgement.targets).sum()), len(judgement.targets)
    low, high = wilson(right, count)
    error = judgement.calibration()["expected_error"]
    interval = t("card.interval", right=f"{right:,}", count=f"{count:,}", low=f"{low:.1%}", high=f"{high:.1%}")
    return interval + t("card.space") + t("card.calibration", error=f"{error:.1%}")


def wilson(right: int, count: int) -> tuple[float, float]:
    """The interval that holds the true share in 95 of 100 cases (Wilson 1927), which small test parts need most."""
    if not count:
        return 0.0, 1.0
    z, share = 1.96, right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return middle - half, middle + half


def _by_class(judgement: Judgement) -> Iterable[Row]:
    for label, row in judgement.per_class().items():
        yield label, *(f"{row[name]:.3f}" for name in ("precision", "recall", "f1")), row["examples"]


def _limits(learned: Learned, dataset: Dataset, judgement: Judgement | None) -> Iterable[str]:
    kind = learned.preprocessing.kind
    yield t("card.limit.gan") if judgement is None else t(f"card.limit.{kind}")
    if judgement is None:
        return
    counts = Counter(dataset.train.targets.tolist())
    rare, most = min(counts, key=lambda k: counts[k]), max(counts, key=lambda k: counts[k])
    if counts[most] >= SKEWED * counts[rare]:
        names = {"rare": learned.labels[rare], "common": learned.labels[most]}
        yield t("card.limit.skewed", **names, few=f"{counts[rare]:,}", many=f"{counts[most]:,}")
    if len(dataset.train) < SMALL:
        yield t("card.limit.small", count=f"{len(dataset.train):,}")
    weakest = min(judgement.per_class().items(), key=lambda pair: pair[1]["recall"])
    if weakest[1]["recall"] < 1:
        yield t("card.limit.weakest", label=weakest[0], recall=f"{weakest[1]['recall']:.0%}")


SKEWED, SMALL = 3, 1_000


def _measure(name: str) -> str:
    part, _, measure = name.partition("_")
    known = ("loss", "accuracy", "frechet_distance", "coverage")
    if part not in ("test", "val") or measure not in known:
        return name
    return t(f"card.of.{part}", measure=t(f"train.measure.{measure}"))


def _table(head: Sequence[str], rows: Iterable[Row]) -> list[str]:
    names = [t(f"predict.column.{name}") if head is COLUMNS else t(f"card.{name}") for name in head]
    lines = [names, ["---"] * len(names), *rows]
    return ["| " + " | ".join(map(_cell, line)) + " |" for line in lines]


def _plain(values: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in values.items())


def _cell(value: object) -> str:
    return str(value).replace("|", "\\|").replace("\n", " ")
