"""The tables of the READMEs, from `benchmarks/results`: no figure in them is typed by hand.

`quality.json` gives what the presets reach, `quality-gpu.json` the same on a GPU, `speed.json` how fast, with a
picture, `serving.json` how many answers a second, and `ablations.json` what each trick is worth; a file that is not
there leaves its place as it is.
`python benchmarks/table.py` writes everything anew; with `--check` it changes nothing, and ends with exit code 1 and
the difference when a table is not what the file says.
"""

from __future__ import annotations

import argparse
import difflib
import json
import re
import sys
import tomllib
from collections.abc import Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any

import serving_table
import speed_table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "quality.json"
GPU = RESULTS.with_name("quality-gpu.json")
SPEED = RESULTS.with_name("speed.json")
SPEED_GPU = RESULTS.with_name("speed-gpu.json")
SERVING = RESULTS.with_name("serving.json")
ABLATIONS = RESULTS.with_name("ablations.json")
ABLATIONS_GPU = RESULTS.with_name("ablations-gpu.json")
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh-CN.md"}
HERE = ROOT / "benchmarks" / "README.md"

OF_MAKE_RUN = ("mnist", "imdb")  # what `make run` trains on; all else is measured beside it
TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "head": "chapter | net | parameters | data | result | time | road map | road map's time",
        "accuracy": "{mean:.2f} % ± {spread:.2f}",
        "known": "{value:.1f} %",
        "known_seconds": "{value:,.0f} s",
        "distance": "Fréchet distance {mean:.1f} ± {spread:.1f}",
        "plain": "{value:.1f}",
        "seconds": "{value:,.1f} s",
        "minutes": "{minutes} min {seconds} s",
        "mnist": "MNIST",
        "imdb": "IMDB",
        "reviews-zh": "Chinese reviews, read anew",
        "reviews-zh-given": "Chinese reviews, as labelled",
        "result": "Result: accuracy on test data, or for the GAN the Fréchet distance (lower is better); mean ±"
        " standard deviation over seeds {seeds}. Time: training alone, mean of the same runs. Road map: its Keras"
        " scripts, with the accuracy they had when measured beforehand and the time they take under Speed; “–” where"
        " there is no figure.",
        "game": " The GAN's distance there is that of our `reference` preset.",
        "tested": "Test data: {splits}.",
        "split": "{data}: {split}",
        "and": "; ",
        "one_seed": " (one seed)",
        "total": "One training of each net on MNIST and IMDB: {time} altogether. `make run` gives the GAN less:"
        " its `budget` in `roadmap.py`.",
        "made": "Measured {made} with preset `{preset}` on {device}, {threads} threads; {versions}.",
        "busy": " (beside other work, so the times are long)",
        "comma": ", ",
    },
    "zh": {
        "head": "章 | 网络 | 参数量 | 数据 | 成绩 | 用时 | 路线图成绩 | 路线图用时",
        "accuracy": "{mean:.2f}% ± {spread:.2f}",
        "known": "{value:.1f}%",
        "known_seconds": "{value:,.0f} 秒",
        "distance": "Fréchet 距离 {mean:.1f} ± {spread:.1f}",
        "plain": "{value:.1f}",
        "seconds": "{value:,.1f} 秒",
        "minutes": "{minutes} 分 {seconds} 秒",
        "mnist": "MNIST",
        "imdb": "IMDB",
        "reviews-zh": "中文评论（标签重读）",
        "reviews-zh-given": "中文评论（原标签）",
        "result": "成绩是测试集上的准确率，GAN 则是 Fréchet 距离（越低越好）；写作“均值 ± 标准差”，随机种子为 {seeds}。"
        "用时只算训练，取同样几次的均值。“路线图”两列说的是它的 Keras 脚本：成绩是事先测得的，"
        "用时取自下文“速度”一节；没有数字的记作“–”。",
        "game": "其中 GAN 的距离取自我们的 `reference` 预设。",
        "tested": "测试数据：{splits}。",
        "split": "{data}——{split}",
        "and": "；",
        "one_seed": "（一个种子）",
        "total": "MNIST 和 IMDB 上的网络各训练一次，共需 {time}。`make run` 给 GAN 的时间少一些，"
        "见 `roadmap.py` 里的 `budget`。",
        "made": "测于 {made}，预设 `{preset}`，设备 {device}，{threads} 线程；{versions}。",
        "busy": "（同时有别的程序在跑，所以用时偏长）",
        "comma": "、",
    },
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="change nothing, compare")
    only_check = parser.parse_args().check
    files = {"results": RESULTS, "gpu": GPU, "speed": SPEED, "speed-gpu": SPEED_GPU, "serving": SERVING,
             "ablations": ABLATIONS, "ablations-gpu": ABLATIONS_GPU}  # fmt: skip
    measured = {name: json.loads(file.read_text(encoding="utf-8")) for name, file in files.items() if file.exists()}
    pages: dict[Path, dict[str, str]] = {path: {} for path in (*READMES.values(), HERE)}
    for language, path in READMES.items():
        if "results" in measured:
            scripts = speed_table.scripts(measured["speed"], language) if "speed" in measured else {}
            pages[path]["results"] = table(measured["results"], language, scripts)
        if "gpu" in measured:
            pages[path]["gpu"] = on_gpu(measured["gpu"], language)
        if "speed" in measured:
            pages[path]["speed"] = speed_table.tables(measured["speed"], language)
        if "speed-gpu" in measured:
            pages[path]["speed-gpu"] = speed_table.to_quality(measured["speed-gpu"], language)
        if "serving" in measured:
            pages[path]["serving"] = serving_table.table(measured["serving"], language)
    if "ablations" in measured:
        pages[HERE]["ablations"] = ablations(measured["ablations"])
    if "ablations-gpu" in measured:
        pages[HERE]["ablations-gpu"] = ablations(measured["ablations-gpu"])
    stale = False
    for path, contents in pages.items():
        is_now = path.read_text(encoding="utf-8")
        should_be = is_now
        for name, content in contents.items():
            should_be = filled(should_be, name, content, path.name)
        if only_check:
            before, after = is_now.splitlines(), should_be.splitlines()
            print(*difflib.unified_diff(before, after, path.name, "as measured", n=0, lineterm=""), sep="\n")
            stale |= is_now != should_be
        elif is_now != should_be:
            path.write_text(should_be, encoding="utf-8")
            print(path.name)
    if "speed" in measured and not only_check:
        from tongsu.plots.style import save

        print(save(speed_table.picture(measured["speed"]), ROOT / "docs" / "pictures" / "speed.png"))
    if stale:
        sys.exit("The tables are not what benchmarks/results says: python benchmarks/table.py")


def filled(text: str, name: str, content: str, page: str) -> str:
    """`text` with `content` between the marks of that name."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    between = re.compile(f"(?<={re.escape(start)}\n).*?(?={re.escape(end)})", re.DOTALL)
    if len(between.findall(text)) != 1:
        raise SystemExit(f"{page} needs the lines {start} and {end}, once each.")
    return between.sub(lambda _: content, text)


def table(measured: dict[str, Any], language: str, scripts: dict[str, str]) -> str:
    """The table in Markdown, and the sentences below it that say what was measured and how. The road map's `scripts`
    take as long as they did in the speed benchmark, so that both times of a row are of one machine."""
    say, rows = TEXTS[language], measured["rows"]
    head = say["head"].split(" | ")
    aligned = ["---", "---", "---:", "---", *["---:"] * 4]
    lines = [line(head), line(aligned), *(line(cells(row, language, scripts)) for row in rows)]
    together = sum(row["mean_seconds"] for row in rows if row["data"] in OF_MAKE_RUN)
    knows_game = any(row["metric"] != "test_accuracy" and row["road_map"] is not None for row in rows)
    sentences = [
        say["result"].format(seeds=say["comma"].join(map(str, seeds(rows)))) + (say["game"] if knows_game else ""),
        say["tested"].format(splits=say["and"].join(splits(rows, language))),
        say["total"].format(time=duration(together, say)),
        made(measured, say),
    ]
    return "\n".join(["", *lines, "", *(f"- {sentence}" for sentence in sentences), "", ""])


def on_gpu(measured: dict[str, Any], language: str) -> str:
    """The same trainings on a GPU: net, data, result and time."""
    say, rows = TEXTS[language], measured["rows"]
    wanted = itemgetter(1, 3, 4, 5)
    lines = [line(wanted(say["head"].split(" | "))), line(("---", "---", "---:", "---:"))]
    lines += [line(wanted(cells(row, language, {}))) for row in rows]
    return "\n".join(["", *lines, "", made(measured, say), "", ""])


def made(measured: dict[str, Any], say: dict[str, str]) -> str:
    conditions = {
        "device": measured["device"].replace("cpu", "CPU") + (say["busy"] if measured.get("busy") else ""),
        "versions": versions(measured["versions"], say),
    }
    return say["made"].format(**measured | conditions)


def ablations(measured: dict[str, Any]) -> str:
    """What each trick is worth, in Markdown."""
    lines = ["| net | instead | quality on validation data | seconds | seeds |", "| --- | --- | ---: | ---: | ---: |"]
    for row in measured["rows"]:
        scale, unit = (1, "") if row["net"] == "gan" else (100, " %")
        quality, seconds = row["quality"], row["seconds"]
        spread = "" if quality["spread"] is None else f" ± {scale * quality['spread']:.2f}"
        lines.append(f"| {row['net']} | {row['row']} | {scale * quality['mean']:.2f}{unit}{spread} "
                     f"| {seconds['mean']:.1f} | {quality['n']} |")  # fmt: skip
    threads, versions = measured["threads"], measured["versions"]
    device = measured["device"].replace("cpu", "CPU")
    told = f"Measured {measured['made']} on {device}, {threads} threads, PyTorch {versions['torch']}, preset `fast`."
    return "\n".join(["", *lines, "", told, ""])


def line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def cells(row: dict[str, Any], language: str, scripts: dict[str, str]) -> list[str]:
    say, known, seconds = TEXTS[language], row["road_map"], row["road_map_seconds"]
    is_accuracy = row["metric"] == "test_accuracy"
    scale = 100 if is_accuracy else 1
    shape = say["accuracy" if is_accuracy else "distance"]
    return [
        f"`{row['chapter']}`",
        row["title"],
        f"{row['parameters']:,}",
        say.get(row["data"], row["data"]),
        shape.format(mean=scale * row["mean"], spread=scale * row["spread"])
        if len(row["values"]) > 1
        else shape.partition(" ±")[0].format(mean=scale * row["mean"]) + say["one_seed"],
        say["seconds"].format(value=row["mean_seconds"]),
        "–" if known is None else say["known" if is_accuracy else "plain"].format(value=scale * known),
        "–" if seconds is None else scripts.get(row["title"]) or say["known_seconds"].format(value=seconds),
    ]


def duration(seconds: float, say: dict[str, str]) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return say["minutes"].format(minutes=minutes, seconds=rest)


def seeds(rows: list[dict[str, Any]]) -> list[int]:
    return sorted({seed for row in rows for seed in row["seeds"]})


def splits(rows: list[dict[str, Any]], language: str) -> list[str]:
    """What each data set was tested on: "IMDB: 5,000 reviews held out ..."."""
    say = TEXTS[language]
    told = {row["data"]: reworded(row["split"], language) for row in rows}
    return [say["split"].format(data=say.get(data, data), split=split) for data, split in told.items()]


def reworded(sentence: str, language: str) -> str:
    """A sentence about a test split in another language: runs keep it in the language they were trained in."""
    catalogues = {name: split_texts(name) for name in TEXTS}
    for texts in catalogues.values():
        for key, template in texts.items():
            pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(template))
            if found := re.fullmatch(pattern, sentence):
                return catalogues[language][key].format(**found.groupdict())
    return sentence


def split_texts(language: str) -> dict[str, str]:
    file = ROOT / "src" / "tongsu" / "locale" / language / "data.toml"
    texts: dict[str, str] = tomllib.loads(file.read_text(encoding="utf-8"))["split"]
    return texts


def versions(known: dict[str, str], say: dict[str, str]) -> str:
    names = {"tongsu": "Tongsu", "torch": "PyTorch", "python": "Python"}
    return say["comma"].join(f"{names.get(name, name)} {version.split()[0]}" for name, version in known.items())


if __name__ == "__main__":
    main()
