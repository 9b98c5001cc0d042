"""What speed/run.py measured, as tables in Markdown (both languages) and as one picture without words.

    python benchmarks/speed_table.py build/speed/speed.json    # tables on the terminal, the picture beside the file
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

SYSTEMS = {
    "keras": "Keras", "pytorch": "PyTorch", "lightning": "Lightning",
    "reference": "Tongsu `reference`", "fast": "Tongsu `fast`",
}  # fmt: skip
NETS = {"mlp": "MLP", "cnn": "CNN", "simple-rnn": "SimpleRNN", "lstm": "LSTM", "gan": "GAN"}
TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "head": "net | quality to reach | {systems} | {against} | share of peak: {shares}",
        "against": "against {system}",
        "accuracy": "{value:.2f} %",
        "distance": "distance {value:.1f}",
        "seconds": "{value:,.1f} s",
        "not": "({value:,.1f} s)",
        "projected": "~{value:,.0f} s",
        "ratio": "**{ratio:.1f}×**",
        "ratio_first": "**{ratio:.1f}×** ({first:.1f}×)",
        "system": "system | import | shell to first step | {nets}",
        "memory": "{value:,.0f} MB",
        "what": "Time to the quality of the Keras script: its mean on test data at its end. The clock runs from arrays"
        " in memory to the end of the first epoch whose mean over the seeds is as good; whole epochs, nobody's"
        " measuring is timed.",
        "whole": " Keras: the whole script; in brackets behind the ratio: against the epoch at which it was first as"
        " good.",
        "brackets": "In brackets: the whole training, whose mean did not quite get there.",
        "guess": "“~”: projected from a small number of steps.",
        "again": "Start-up and peak memory (import; first step of the CNN; highest memory before"
        " anything is measured, in MB).",
        "fewer": "Not from all seeds: {told}.",
        "of": "{net} ({systems})",
        "colon": ": ",
        "semicolon": "; ",
        "made": "Measured {made}: {processor}, {threads} threads, seeds {seeds}; matrix products reach {peak:,.0f}"
        " GFLOP/s; {versions}.",
        "picture": "Quality on test data against seconds of training; dashed: what the Keras script reaches",
        "comma": ", ",
    },
    "zh": {
        "head": "网络 | 要达到的成绩 | {systems} | {against} | 占峰值：{shares}",
        "against": "相对 {system}",
        "accuracy": "{value:.2f}%",
        "distance": "距离 {value:.1f}",
        "seconds": "{value:,.1f} 秒",
        "not": "（{value:,.1f} 秒）",
        "projected": "~{value:,.0f} 秒",
        "ratio": "**{ratio:.1f}×**",
        "ratio_first": "**{ratio:.1f}×**（{first:.1f}×）",
        "system": "系统 | 导入 | 从命令行到第一步 | {nets}",
        "memory": "{value:,.0f} MB",
        "what": "达到 Keras 脚本成绩所需的时间；这个成绩是它训练结束时测试集上的均值。从数组进入内存开始计时，"
        "到各种子均值首次不差于它的那一轮结束为止；只按整轮计，谁的评估都不计时。",
        "whole": "Keras 一列是整个脚本的用时；倍数后面括号里的，是相对它自己首次达到该成绩的那一轮。",
        "brackets": "括号里的是整个训练的用时，其均值差一点没达到。",
        "guess": "“~”表示由少量步数推算。",
        "again": "启动时间和内存峰值（导入；CNN 的第一步；开始评估之前的最高内存，单位 MB）。",
        "fewer": "没有跑满全部种子的：{told}。",
        "of": "{net}（{systems}）",
        "colon": "：",
        "semicolon": "；",
        "made": "测于 {made}：{processor}，{threads} 线程，种子 {seeds}；矩阵乘法可达 {peak:,.0f} GFLOP/s；"
        "{versions}。",
        "picture": "各网络、各系统的测试成绩随训练秒数的变化；虚线是 Keras 脚本的成绩",
        "comma": "、",
    },
}
NAMES = {"tongsu": "Tongsu", "torch": "PyTorch", "lightning": "Lightning", "tensorflow": "TensorFlow", "keras": "Keras",
         "python": "Python"}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path)
    parser.add_argument("--language", choices=list(TEXTS), default="en")
    asked = parser.parse_args()
    from tongsu.plots.style import save

    measured = json.loads(asked.file.read_text(encoding="utf-8"))
    drawn = save(picture(measured), asked.file.with_suffix(".png"))
    print(tables(measured, asked.language, str(drawn)))


def tables(measured: dict[str, Any], language: str, drawn: str = "docs/pictures/speed.png") -> str:
    """Both tables, the sentences that say what was measured and how, and a link to the picture `drawn`."""
    say, (rows, systems, nets) = TEXTS[language], sorted_out(measured)
    second = say["system"].format(nets=" | ".join(NETS[net] for net in nets)).split(" | ")
    again = [line(second), line(["---", *["---:"] * (len(second) - 1)])]
    for system in systems:
        again.append(line(starting(system, nets, rows, say)))
    link = f"![{say['picture']}]({drawn})"
    return "\n".join([to_quality(measured, language) + link, "", say["again"], "", *again, "", ""])


def to_quality(measured: dict[str, Any], language: str) -> str:
    """The table of times to the quality of the Keras script, and the sentences below it."""
    say, (rows, systems, nets) = TEXTS[language], sorted_out(measured)
    against = " | ".join(say["against"].format(system=SYSTEMS[one]) for one in baselines(systems))
    names = say["comma"].join(SYSTEMS[one].removeprefix("Tongsu ") for one in compared(systems))
    told = say["head"].format(systems=" | ".join(SYSTEMS[one] for one in systems), against=against, shares=names)
    head = told.split(" | ")
    lines = [line(head), line(["---", *["---:"] * (len(head) - 1)])]
    for net in nets:
        mine = {system: rows[net, system] for system in systems if (net, system) in rows}
        lines.append(line(cells(net, mine, systems, say)))
    sentences = [say["what"] + (say["whole"] if "keras" in systems else "")]
    sentences += [say["brackets"]] if unreached(rows.values()) else []
    sentences += [say["guess"]] if any(row["projected"] for row in rows.values()) else []
    sentences += [made(measured, say)]
    sentences += [say["fewer"].format(told=few)] if (few := fewer(measured["summary"], say)) else []
    return "\n".join(["", *lines, "", *(f"- {sentence}" for sentence in sentences), "", ""])


def sorted_out(measured: dict[str, Any]) -> tuple[dict[tuple[str, str], dict[str, Any]], list[str], list[str]]:
    """What was measured of each net and system, which systems, which nets."""
    rows = {(row["net"], row["system"]): row for row in measured["summary"]}
    systems = [system for system in SYSTEMS if any(system == known for _, known in rows)]
    return rows, systems, [net for net in NETS if any(net == known for known, _ in rows)]


def baselines(systems: list[str]) -> list[str]:
    """Whom `fast` is compared with."""
    return [one for one in ("keras", "pytorch") if one in systems]


def compared(systems: list[str]) -> list[str]:
    """Whose share of the peak is told: the first baseline's and ours."""
    return [*baselines(systems)[:1], "fast"]


def unreached(rows: Any) -> bool:
    return any(row["to_quality"] is None and not row["projected"] for row in rows)


def line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cells(net: str, mine: dict[str, dict[str, Any]], systems: list[str], say: dict[str, str]) -> list[str]:
    bar = next(iter(mine.values()))["bar"]
    quality = "–" if bar is None else say["accuracy" if net != "gan" else "distance"].format(
        value=bar * (100 if net != "gan" else 1))  # fmt: skip
    fast = mine.get("fast")
    shares = [mine[one]["share_of_peak"]["mean"] for one in compared(systems) if one in mine]
    return [
        NETS[net],
        quality,
        *(time_of(system, mine[system], say) if system in mine else "–" for system in systems),
        *(against_keras(fast, say) if one == "keras" else against(fast, mine.get(one), say)
          for one in baselines(systems)),
        say["comma"].join(percent(share) for share in shares),
    ]


def percent(share: float) -> str:
    """Two figures of it, as a GPU's shares are small."""
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.2g}%"


def time_of(system: str, row: dict[str, Any], say: dict[str, str]) -> str:
    """Keras: its whole script; others: the time at which they were as good, else in brackets their whole training."""
    whole = row["seconds"]["mean"]
    if row["projected"]:
        return say["projected"].format(value=whole)
    if system == "keras":
        return say["seconds"].format(value=whole)
    if row["to_quality"] is None:
        return say["not"].format(value=whole)
    return say["seconds"].format(value=row["to_quality"]["mean"])


def scripts(measured: dict[str, Any], language: str) -> dict[str, str]:
    """How long each net's whole Keras script takes."""
    rows, _, nets = sorted_out(measured)
    known = {NETS[net]: rows[net, "keras"] for net in nets if (net, "keras") in rows}
    return {title: time_of("keras", row, TEXTS[language]) for title, row in known.items()}


def against_keras(fast: dict[str, Any] | None, say: dict[str, str]) -> str:
    if not fast or fast["ratio"] is None:
        return "–"
    if fast["ratio_first"] is None or abs(fast["ratio_first"] - fast["ratio"]) < 0.05:
        return say["ratio"].format(ratio=fast["ratio"])
    return say["ratio_first"].format(ratio=fast["ratio"], first=fast["ratio_first"])


def against(fast: dict[str, Any] | None, other: dict[str, Any] | None, say: dict[str, str]) -> str:
    """At the same quality, or against the other's whole training if it does not get there."""
    if not fast or not other or fast["to_quality"] is None:
        return "–"
    theirs = other["to_quality"] or other["seconds"]
    return say["ratio"].format(ratio=theirs["mean"] / fast["to_quality"]["mean"])


def starting(system: str, nets: list[str], rows: dict[tuple[str, str], Any], say: dict[str, str]) -> list[str]:
    mine = [rows[net, system] for net in nets if (net, system) in rows]
    shown = rows.get(("cnn", system), mine[0])
    memory = [rows[net, system]["peak_memory"]["mean"] / 1e6 if (net, system) in rows else None for net in nets]
    return [
        SYSTEMS[system],
        say["seconds"].format(value=shown["import_seconds"]["mean"]),
        say["seconds"].format(value=shown["start_seconds"]["mean"]),
        *("–" if one is None else say["memory"].format(value=one) for one in memory),
    ]


def made(measured: dict[str, Any], say: dict[str, str]) -> str:
    conditions = measured["conditions"]
    versions = [f"{NAMES[name]} {version}" for name, version in conditions["versions"].items() if name in NAMES]
    seeds = sorted({seed for row in measured["summary"] for seed in row["seeds"]})
    device = conditions["processor"] if conditions.get("device", "cpu") == "cpu" else conditions["device"]
    return say["made"].format(made=measured["made"], processor=device, threads=conditions["threads"],
                              seeds=say["comma"].join(map(str, seeds)), peak=measured["peak"] / 1e9,
                              versions=say["comma"].join(versions))  # fmt: skip


def fewer(summary: list[dict[str, Any]], say: dict[str, str]) -> str:
    """Which trainings were made with fewer seeds than others: “n = 1: GAN (Keras, PyTorch); n = 2: ...”."""
    comma = say["comma"]
    found: dict[int, dict[str, list[str]]] = {}
    most = max(len(row["seeds"]) for row in summary)
    for row in summary:
        if (count := len(row["seeds"])) < most:
            found.setdefault(count, {}).setdefault(NETS[row["net"]], []).append(SYSTEMS[row["system"]])
    return say["semicolon"].join(
        f"n = {count}{say['colon']}" + comma.join(say["of"].format(net=net, systems=comma.join(systems))
                                                  for net, systems in nets.items())
        for count, nets in sorted(found.items())
    )  # fmt: skip


def picture(measured: dict[str, Any]) -> Any:
    """Quality against seconds (logarithmic), a panel for each net, a line for each system; the dashed line is the bar.

    Names and units only, so that one picture serves both languages.
    """
    from matplotlib.ticker import LogLocator

    from tongsu.plots.style import INK, MUTED, PALETTE, house, new_figure

    with house():
        nets = [net for net in NETS if any(row["net"] == net and row["curve"] for row in measured["summary"])]
        figure = new_figure(2.9 * -(-len(nets) // 3))
        grid = figure.subplots(-(-len(nets) // 3), min(3, len(nets)), squeeze=False)
        colours = dict(zip(SYSTEMS, (PALETTE[1], PALETTE[3], PALETTE[4], PALETTE[5], PALETTE[0]), strict=True))
        handles: dict[str, Any] = {}
        for axes, net in zip(grid.flat, nets, strict=False):
            scale = 1 if net == "gan" else 100
            for row in measured["summary"]:
                if row["net"] != net or not row["curve"]:
                    continue
                seconds, quality = zip(*row["curve"], strict=True)
                name = SYSTEMS[row["system"]].replace("`", "")
                (handles[name],) = axes.plot(seconds, [scale * one for one in quality], "o-", markersize=3.5,
                                             linewidth=2.4 if row["system"] == "fast" else 1.4,
                                             color=colours[row["system"]], label=name)  # fmt: skip
                bar = row["bar"]
            if bar is not None:
                axes.axhline(scale * bar, color=MUTED, linestyle="--", linewidth=1, zorder=0)
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.minorticks_off()
            axes.set_title(NETS[net], color=INK)
            axes.set_xlabel("s")
            axes.set_ylabel("FD" if net == "gan" else "%")
            axes.grid(True)
        for axes in list(grid.flat)[len(nets) :]:
            axes.set_visible(False)
        ordered = [handles[name] for name in (one.replace("`", "") for one in SYSTEMS.values()) if name in handles]
        figure.legend(handles=ordered, loc="outside lower center", ncols=5)
        return figure


if __name__ == "__main__":
    main()
