"""What results/serving.json says, as a table in Markdown (both languages)."""

from __future__ import annotations

from typing import Any

SYSTEMS = ("tongsu", "tongsu-onnx", "tongsu-onnx-2", "plain", "litserve")
TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "head": "server | CNN: answers a second | LSTM: answers a second",
        "tongsu": "`tongsu serve last`",
        "tongsu-onnx": "`tongsu serve last --backend onnx`",
        "tongsu-onnx-2": "the same with `--workers 2`",
        "plain": "FastAPI + PyTorch, the usual endpoint",
        "litserve": "LitServe",
        "cell": "{mean:,.0f} ± {spread:,.0f} ({times:.1f}×)",
        "what": "Most answers a second at which 99 of 100 come within {limit:.0f} ms, each question on its own; mean ±"
        " standard deviation of {rounds} rounds in turns; in brackets beside the usual endpoint. The clients run on"
        " the same machine. Of the endpoint and of LitServe: the better of PyTorch's own number of threads and one.",
        "overload": "Overload of the LSTM's server for {minutes:.0f} minutes: {clients} clients who want {asked:,.0f}"
        " answers a second, twice its capacity, and reach {reached:,.0f} questions on the same cores. Of {answers:,}"
        " questions {good:,} were answered; statuses: {told} (429: come again later). 99 of 100 accepted ones within"
        " {p99:.0f} of {deadline_ms:,} ms; memory {memory_drift:+.1%}.",
        "made": "Measured {made} on {cores} cores; {versions}.",
        "comma": ", ",
    },
    "zh": {
        "head": "服务 | CNN：每秒回答数 | LSTM：每秒回答数",
        "tongsu": "`tongsu serve last`",
        "tongsu-onnx": "`tongsu serve last --backend onnx`",
        "tongsu-onnx-2": "同上，加 `--workers 2`",
        "plain": "FastAPI + PyTorch，常见的写法",
        "litserve": "LitServe",
        "cell": "{mean:,.0f} ± {spread:,.0f}（{times:.1f}×）",
        "what": "在 99% 的请求 {limit:.0f} 毫秒内得到回答的前提下，每秒最多能回答多少个，每个请求只问一件；"
        "轮流测 {rounds} 次，写作“均值 ± 标准差”，括号里是常见写法的多少倍。客户端也在同一台机器上。"
        "常见写法和 LitServe 各取 PyTorch 默认线程数与单线程中较快的一种。",
        "overload": "让 LSTM 服务过载 {minutes:.0f} 分钟：{clients} 个客户端想要每秒 {asked:,.0f} 个回答，"
        "是它能力的两倍；都在同样的核上，实际每秒发出 {reached:,.0f} 个。共 {answers:,} 个请求，"
        "回答了 {good:,} 个；状态码：{told}（429 表示稍后再来）。"
        "被接受的请求 99% 在 {p99:.0f} 毫秒内完成（限时 {deadline_ms:,} 毫秒）；"
        "内存变化 {memory_drift:+.1%}。",
        "made": "测于 {made}，{cores} 核；{versions}。",
        "comma": "、",
    },
}


def table(measured: dict[str, Any], language: str) -> str:
    say, models = TEXTS[language], measured["models"]
    lines = [f"| {say['head']} |", "| --- | ---: | ---: |"]
    for system in SYSTEMS:
        cells = [say["cell"].format(**row, times=row["times_plain"]) for row in
                 (better(models[model], system) for model in ("cnn", "lstm"))]  # fmt: skip
        lines.append(f"| {' | '.join([say[system], *cells])} |")
    sentences = [say["what"].format(limit=measured["limit_ms"], rounds=measured["rounds"])]
    if load := measured.get("overload"):
        derived = {"minutes": load["seconds"] / 60, "reached": load["answers"] / load["seconds"],
                   "told": say["comma"].join(map(str, load["statuses"]))}  # fmt: skip
        sentences.append(say["overload"].format(**load, **derived))
    versions = say["comma"].join(f"{name} {version}" for name, version in measured["versions"].items())
    sentences.append(say["made"].format(made=measured["made"], cores=measured["cores"], versions=versions))
    return "\n".join(["", *lines, "", *(f"- {sentence}" for sentence in sentences), "", ""])


def better(rows: dict[str, Any], system: str) -> dict[str, Any]:
    """The faster of a system's two settings of threads, where it has two."""
    found: dict[str, Any] = max((rows[name] for name in (system, f"{system}-1") if name in rows),
                                key=lambda row: row["mean"])  # fmt: skip
    return found
