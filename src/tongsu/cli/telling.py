"""What `tongsu data check` found, in words: a table of the classes, the figures, the faults, and the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from tongsu.cli.console import console
from tongsu.errors import COMMANDS
from tongsu.locale import t

if TYPE_CHECKING:
    from tongsu.check import Check

MOST = 30  # classes that are listed
COLOURS = {"error": "bold red", "warning": "yellow", "note": "dim"}


def tell(checked: Check) -> None:
    found = checked.examination
    head = t("check.head", data=found.data, examples=f"{found.total:,}", labels=len(found.counts))
    console.print(head, markup=False)
    if found.counts:
        console.print(_classes(found.counts, found.total))
    for line in _facts(found.kind, found.facts):
        console.print(line, markup=False)
    for finding in checked.examination.to_dict()["findings"]:
        severity = finding["severity"]
        console.print(f"[{COLOURS[severity]}]{t(f'check.severity.{severity}')}[/]", end="  ")
        console.print(finding["what"], markup=False)
        for example in finding["examples"]:
            console.print(f"    {COMMANDS.sub(' ', str(example))}", markup=False)
        console.print(f"  → {finding['remedy']}", markup=False)
    console.print(t("check.sound" if found.sound else "check.unsound"), markup=False)
    for line in _plan(checked.plan):
        console.print(line, markup=False)


def _classes(counts: dict[str, dict[str, int]], total: int) -> Table:
    parts = list(next(iter(counts.values())))
    table = Table(*(t(f"check.column.{name}") for name in ("label", *parts, "share")))
    for label, row in list(counts.items())[:MOST]:
        table.add_row(label, *(f"{row[part]:,}" for part in parts), f"{sum(row.values()) / max(total, 1):.1%}")
    if len(counts) > MOST:
        table.add_row("…", *("…" for _ in parts), "…")
    return table


def _facts(kind: str, facts: dict[str, Any]) -> list[str]:
    def between(name: str) -> str:
        return t("check.fact.spread", **{key: f"{value:,.0f}" for key, value in facts[name].items()})

    lines = []
    if facts.get("width"):
        modes = ", ".join(f"{t(f'check.mode.{mode}')} {count:,}" for mode, count in facts["modes"].items())
        lines.append(t("check.fact.pictures", width=between("width"), height=between("height"), modes=modes))
    if kind == "text" and facts:
        whole, different = f"{facts['read_whole']:.0%}", f"{facts['different_words']:,}"
        lines.append(t("check.fact.texts", words=between("words"), characters=between("characters"),
                       different_words=different, read_whole=whole))  # fmt: skip
        said = ", ".join(f"{t(f'check.language.{name}')} {share:.0%}" for name, share in facts["languages"].items())
        lines.append(t("check.fact.languages", languages=said))
    if "baseline" in facts:
        shares = {name: f"{facts[key]:.0%}" for name, key in (("accuracy", "baseline_accuracy"), ("chance", "chance"))}
        lines.append(t(f"check.fact.baseline_{facts['baseline']}", **shares))
    return lines


def _plan(plan: dict[str, Any]) -> list[str]:
    if "refused" in plan:
        return [t("check.plan.title"), "  " + t("check.plan.none", message=plan["refused"])]
    split = {part: f"{count:,}" for part, count in plan["split"].items()}
    lines = [t("check.plan.split", **split)]
    figures = {name: f"{plan[name]:,}" for name in ("epochs", "batch_size", "updates", "parameters")}
    lines.append(t("check.plan.training", command=plan["command"], **figures))
    if plan["augment"] != "none":
        lines.append(t(f"check.plan.augment_{plan['augment']}"))
    if plan["class_weights"]:
        weights = ", ".join(f"{label} × {weight:g}" for label, weight in plan["class_weights"].items())
        lines.append(t("check.plan.weights", weights=weights))
    if "memory_limit" in plan:
        lines.append(t("check.plan.memory", limit=plan["memory_limit"]))
    if "pretrained" in plan:
        lines.append(t("check.plan.pretrained", command=plan["pretrained"]))
    return [t("check.plan.title"), *(f"  {line}" for line in lines)]
