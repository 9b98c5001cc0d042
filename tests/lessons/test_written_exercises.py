"""Exercises in which a function is written: solutions pass, each typical mistake gets the hint that speaks of it, and
whatever a file does, it does in a process of its own."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

from tongsu.errors import Problem
from tongsu.lessons.exercises import EXERCISES, Verdict
from tongsu.lessons.exercises.adversarial import COVERAGE, GAME_LOSSES, SIGNED
from tongsu.lessons.exercises.apart import run_apart
from tongsu.lessons.exercises.convolutions import MAP_SIZE, MAX_POOL
from tongsu.lessons.exercises.deep import PADDING, RESIDUAL_BLOCK
from tongsu.lessons.exercises.nets import ATTENTION, LSTM_LINE, PIXEL
from tongsu.lessons.exercises.neurons import BACKWARD_STEP, NEURON
from tongsu.lessons.exercises.perceptrons import ONE_LAYER, TWO_LAYERS
from tongsu.lessons.exercises.recurrent import CLIP, GRU_LINE, UNROLL
from tongsu.lessons.exercises.written import Written
from tongsu.locale import t

TASKS = {one.name: one for one in (
    NEURON, BACKWARD_STEP, PIXEL, UNROLL, CLIP, LSTM_LINE, GRU_LINE, SIGNED, GAME_LOSSES, COVERAGE, ATTENTION,
    PADDING, RESIDUAL_BLOCK, ONE_LAYER, TWO_LAYERS, MAP_SIZE, MAX_POOL,
)}  # fmt: skip
# What a person would write in the place of `...`.
SOLUTIONS = {
    "neuron": """
    z = sum(x * w for x, w in zip(inputs, weights)) + bias
    return 1 / (1 + math.exp(-z))""",
    "backward-step": """
    dx = dy @ w
    return dx, w - lr * dy.T @ x, b - lr * dy.sum(axis=0)""",
    "one-layer": "return w2 @ w1, w2 @ b1 + b2",
    "two-layers": """
    d = (p - targets) / len(x)
    dh = d @ w2
    dz = dh * (z > 0)
    return dz.T @ x, dz.sum(axis=0), d.T @ h, d.sum(axis=0)""",
    "map-size": "return (size + 2 * padding - kernel) // stride + 1",
    "max-pool": """
    count = len(picture) // size
    return [[picture[i * size:(i + 1) * size, j * size:(j + 1) * size].max() for j in range(count)]
            for i in range(count)]""",
    "pixel": """
    side, total = kernel.shape[1], bias
    for c in range(len(picture)):
        for u in range(side):
            for v in range(side):
                total += picture[c, row + u, column + v] * kernel[c, u, v]
    return total""",
    "unroll": """
    h, states = np.zeros(len(b)), []
    for word in x:
        h = np.tanh(w @ word + u @ h + b)
        states.append(h)
    return np.stack(states)""",
    "clip": """
    length = np.sqrt((gradient**2).sum())
    return gradient * min(1, most / length)""",
    "lstm-line": "f * c + i * g",
    "gru-line": "(1 - z) * n + z * h",
    "signed": "return pixels / 127.5 - 1",
    "game-losses": "return -(np.log(real) + np.log(1 - fake)).mean(), -np.log(fake).mean()",
    "coverage": """
    shares = counts[counts > 0] / counts.sum()
    return np.exp(-(shares * np.log(shares)).sum()) / 10""",
    "attention": """
    scores = q @ k.T / np.sqrt(q.shape[1])
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = powers / powers.sum(axis=1, keepdims=True)
    return weights @ v""",
    "padding": """
    powers = np.exp(scores - scores.max()) * seen
    return powers / powers.sum(axis=1, keepdims=True)""",
    "residual-block": "return np.maximum(x + np.maximum(x @ w1.T, 0) @ w2.T, 0)",
}
# Mistakes as a person would make them, and the hint that each of them must get.
MISTAKES = [
    ("one-layer", "return w1 @ w2, w2 @ b1 + b2", "order"),
    ("one-layer", "return (w2 @ w1).T, w2 @ b1 + b2", "transposed"),
    ("one-layer", "return w2 @ w1, b2", "bias_lost"),
    ("one-layer", "return w2 @ w1, b1 + b2", "biases_added"),
    ("one-layer", "return w1 + w2, b1 + b2", "weights_added"),
    ("one-layer", "return w2, b2", ""),
    *[("two-layers", f"d = {error}; dz = {bend}; return dz.T @ x, dz.sum(0), d.T @ h, d.sum(0)", hint)
      for error, bend, hint in (
        ("(p - targets) / len(x)", "d @ w2", "no_bend"),
        ("(p - targets) / len(x)", "(d @ w2) * h", "bent_again"),
        ("(p - targets) / len(x)", "np.maximum(d @ w2, 0)", "bent_gradient"),
        ("p - targets", "(d @ w2) * (h > 0)", "no_mean"),
        ("(targets - p) / len(x)", "(d @ w2) * (h > 0)", "sign"),
        ("p / len(x)", "(d @ w2) * (h > 0)", "no_targets"),
        ("p", "d @ w2", ""),
    )],
    ("map-size", "return (size + 2 * padding - kernel) // stride", "no_one"),
    ("map-size", "return (size + padding - kernel) // stride + 1", "padding_once"),
    ("map-size", "return (size - kernel) // stride + 1", "no_padding"),
    ("map-size", "return size + 2 * padding - kernel + 1", "no_stride"),
    ("map-size", "return (size + 2 * padding - kernel) / stride + 1", "not_whole"),
    ("map-size", "return -(-(size + 2 * padding - kernel) // stride) + 1", "rounded_up"),
    ("map-size", "return size // stride", ""),
    *[("max-pool", f"n, s = len(picture), size; return [[{how} for j in range({steps})] for i in range({steps})]", hint)
      for how, steps, hint in (
        ("picture[i:i+s, j:j+s].mean()", "0, n - s + 1, s", "mean"),
        ("picture[i:i+s, j:j+s].sum()", "0, n - s + 1, s", "sum"),
        ("picture[i:i+s, j:j+s].max()", "n - s + 1", "overlap"),
        ("max(0, picture[i:i+s, j:j+s].max())", "0, n - s + 1, s", "from_zero"),
        ("picture[i, j]", "0, n - s + 1, s", "corner"),
        ("picture[i:i+s, j:j+s].max()", "0, n, s", "rest"),
        ("picture[i:i+s, j:j+s].min()", "0, n - s + 1, s", ""),
    )],
    *[("padding", f"p = np.exp({scores}); return {end}", hint) for scores, end, hint in (
        ("scores", "p / p.sum(1, keepdims=True)", "no_mask"),
        ("scores", "p / p.sum(1, keepdims=True) * seen", "after"),
        ("scores * seen", "p / p.sum(1, keepdims=True)", "zero"),
        ("scores", "p * seen[:, None]", ""),
    )],
    ("padding", "scores[:, seen > 0] = -1e9; p = np.exp(scores - scores.max(1, keepdims=True)); "
                "return p / p.sum(1, keepdims=True)", "inverted"),
    ("padding", "scores[seen == 0] = -1e9; p = np.exp(scores - scores.max(1, keepdims=True)); "
                "return p / p.sum(1, keepdims=True)", "rows"),
    *[("residual-block", f"relu = lambda z: np.maximum(z, 0); return {answer}", hint) for answer, hint in (
        ("relu(relu(x @ w1.T) @ w2.T)", "no_skip"), ("x + relu(relu(x @ w1.T) @ w2.T)", "bent_first"),
        ("x + relu(x @ w1.T) @ w2.T", "never_bent"), ("relu(x + x @ w1.T @ w2.T)", "one_layer"),
        ("relu(x * (relu(x @ w1.T) @ w2.T))", "times"), ("relu(x - relu(x @ w1.T) @ w2.T)", "minus"), ("x", ""),
    )],
    ("neuron", "return sum(x * w for x, w in zip(inputs, weights)) + bias", "no_sigmoid"),
    ("neuron", "return 1 / (1 + math.exp(-sum(x * w for x, w in zip(inputs, weights))))", "no_bias"),
    ("neuron", "return 1 / (1 + math.exp(sum(x * w for x, w in zip(inputs, weights)) + bias))", "sign"),
    ("neuron", "return 1 / (1 + math.exp(-sum(x * w for x, w in zip(inputs, weights)))) + bias", "bias_outside"),
    ("neuron", "return 1 / (1 + math.exp(-sum(x * w + bias for x, w in zip(inputs, weights))))", "bias_each"),
    ("neuron", "return 0.5", ""),
    ("backward-step", "return dy @ w, w + lr * dy.T @ x, b + lr * dy.sum(0)", "uphill"),
    ("backward-step", "w = w - lr * dy.T @ x; return dy @ w, w, b - lr * dy.sum(0)", "new_weights"),
    ("backward-step", "return dy @ w, dy.T @ x, dy.sum(0)", "gradients"),
    ("backward-step", "return dy @ w, w - lr * dy.T @ x / len(x), b - lr * dy.mean(0)", "mean"),
    ("backward-step", "return dy @ w, w - lr * dy.T @ x, b", "no_bias"),
    ("backward-step", "return dy @ w, w - dy.T @ x, b - dy.sum(0)", "no_rate"),
    ("backward-step", "return x, w, b", ""),
    ("pixel", "s = kernel.shape[1]; return (picture[:, row:row+s, column:column+s] * kernel).sum()", "no_bias"),
    ("pixel", "s = kernel.shape[1]; k = kernel[:, ::-1, ::-1]; "
              "return (picture[:, row:row+s, column:column+s] * k).sum() + bias", "flipped"),
    ("pixel", "s = kernel.shape[1]; return (picture[:, column:column+s, row:row+s] * kernel).sum() + bias", "turned"),
    ("pixel", "s = kernel.shape[1]; return (picture[0, row:row+s, column:column+s] * kernel[0]).sum() + bias",
     "one_channel"),
    ("pixel", "s = kernel.shape[1]; return (picture[:, row:row+s, column:column+s] * kernel + bias).sum()",
     "bias_each"),
    ("pixel", "s = kernel.shape[1]; return (picture[:, :s, :s] * kernel).sum() + bias", "corner"),
    ("pixel", "return bias", ""),
    ("lstm-line", "i * c + f * g", "swapped"),
    ("lstm-line", "c + i * g", "no_forget"),
    ("lstm-line", "f * c + g", "no_input"),
    ("lstm-line", "i * g", "no_past"),
    ("lstm-line", "f * c + (1 - f) * g", "like_gru"),
    ("lstm-line", "f * c + o * g", "output"),
    ("lstm-line", "np.tanh(f * c + i * g)", "bent"),
    ("lstm-line", "c", ""),
    ("unroll", "return np.tanh(x @ w.T + b)", "no_state"),
    *[("unroll", f"h, s = np.zeros(len(b)), []; return np.array([h := {step} for v in x])", hint) for step, hint in (
        ("w @ v + u @ h + b", "no_bend"), ("np.tanh(w @ v + h @ u + b)", "turned"),
        ("np.tanh(w @ v + u @ h)", "no_bias"), ("np.tanh(u @ h + b)", ""),
    )],
    ("unroll", "h = 0 * b; return [h := np.tanh(w @ v + u @ h + b) for v in x][-1]", "last"),
    ("clip", "return np.clip(gradient, -most, most)", "each"),
    ("clip", "return most * gradient / np.linalg.norm(gradient)", "always"),
    ("clip", "n = np.linalg.norm(gradient, axis=1); return gradient * np.minimum(1, most / n)[:, None]", "rows"),
    ("clip", "return gradient * min(1, most / abs(gradient).sum())", "sum"),
    ("clip", "return gradient * min(1, most / (gradient * gradient).sum())", "squared"),
    ("clip", "return gradient / max(1, np.linalg.norm(gradient))", "unit"),
    ("clip", "return gradient", ""),
    ("gru-line", "z * n + (1 - z) * h", "swapped"),
    ("gru-line", "(1 - r) * n + r * h", "reset"),
    ("gru-line", "(1 - z) * n", "no_past"),
    ("gru-line", "n + z * h", "no_share"),
    ("gru-line", "z * h + r * n", "like_lstm"),
    ("gru-line", "n", "no_gate"),
    ("gru-line", "h", ""),
    ("signed", "return pixels / 255", "unit"),
    ("signed", "return pixels / 255 - 0.5", "half"),
    ("signed", "return pixels / 127.5", "double"),
    ("signed", "return 1 - pixels / 127.5", "turned"),
    ("signed", "import numpy as np; return np.tanh(pixels)", "bent"),
    ("signed", "return pixels - 127.5", ""),
    *[("game-losses", f"r, f = np.log(real), np.log(1 - fake); return {answer}", hint) for answer, hint in (
        ("-np.log(fake).mean(), -r.mean() - f.mean()", "swapped"), ("-r.mean() - f.mean(), f.mean()", "saturating"),
        ("r.mean() + f.mean(), np.log(fake).mean()", "sign"),
        ("-r.mean() - np.log(fake).mean(), -np.log(fake).mean()", "praised"),
        ("-r.mean(), -np.log(fake).mean()", "only_real"),
        ("-r.mean() / 2 - f.mean() / 2, -np.log(fake).mean()", "half"),
        ("-r.sum() - f.sum(), -np.log(fake).sum()", "sum"), ("0.0, 0.0", ""),
    )],
    *[("coverage", f"p = counts / counts.sum(); q = p[p > 0]; h = -(q * np.log(q)).sum(); return {answer}", hint)
      for answer, hint in (
        ("(counts > 0).sum() / 10", "counted"), ("h", "entropy"), ("np.exp(h)", "no_share"),
        ("np.exp(-(q * np.log2(q)).sum()) / 10", "two"), ("h / np.log(10)", "scaled"),
        ("np.exp(-(p * np.log(p)).sum()) / 10", ""),
    )],
    *[("attention", f"s = {scores}; p = np.exp(s - s.max()); return {end}", hint) for scores, end, hint in (
        ("q @ k.T", "p / p.sum(1, keepdims=True) @ v", "no_scale"),
        ("q @ k.T / q.shape[1]", "p / p.sum(1, keepdims=True) @ v", "scale_d"),
        ("q @ k.T / q.shape[1] ** 0.5", "p / p.sum(0) @ v", "wrong_axis"),
        ("q @ k.T / len(q) ** 0.5", "p / p.sum(1, keepdims=True) @ v", "scale_words"),
        ("q @ k.T / q.shape[1] ** 0.5", "s @ v", "no_softmax"),
        ("k @ q.T / q.shape[1] ** 0.5", "p / p.sum(1, keepdims=True) @ v", "swapped"),
        ("q @ k.T", "p / p.sum(1, keepdims=True) / q.shape[1] ** 0.5 @ v", "scale_after"),
        ("q @ k.T", "v", ""),
    )],
]  # fmt: skip


def written(name: str, body: str, folder: Path) -> Path:
    file = folder / "answer.py"
    starter = EXERCISES[name].starter
    assert starter.count("...") == 1
    file.write_text(starter.replace("...", body.lstrip("\n ")), encoding="utf-8")
    return file


def check(name: str, body: str, folder: Path) -> Verdict:
    return EXERCISES[name].check(str(written(name, body, folder)))


def test_every_exercise_of_this_kind_is_proved() -> None:
    assert set(SOLUTIONS) == set(TASKS) == {one.name for one in EXERCISES.values() if one.kind == "code"}
    for name, task in TASKS.items():
        assert {hint for of, _, hint in MISTAKES if of == name} == {*task.mistakes, ""}


@pytest.mark.parametrize("name", SOLUTIONS)
def test_a_solution_passes(name: str, tmp_path: Path) -> None:
    verdict = check(name, SOLUTIONS[name], tmp_path)
    assert verdict.passed and not verdict.hint, verdict


@pytest.mark.parametrize(("name", "body", "hint"), MISTAKES, ids=lambda value: str(value)[:40])
def test_a_typical_mistake_gets_its_hint(name: str, body: str, hint: str, tmp_path: Path) -> None:
    verdict = check(name, body, tmp_path)
    assert not verdict.passed
    assert verdict.hint == t(f"lessons.exercise.{name}.hint_{hint}" if hint else f"lessons.exercise.{name}.hint")


@pytest.mark.parametrize("name", TASKS)
def test_an_untouched_file_is_not_passed(name: str, tmp_path: Path) -> None:
    verdict = check(name, "...", tmp_path)
    assert not verdict.passed and verdict.hint


@pytest.mark.parametrize("name", TASKS)
def test_the_right_answers_are_told_nowhere(name: str, tmp_path: Path) -> None:
    """Neither what was seen nor a hint holds a number of the right answers of the call that was wrong."""
    import numpy as np

    verdict = check(name, "return 7.0 * np.ones(2)" if name == "attention" else "7.0", tmp_path)
    task: Written = TASKS[name]
    right = task.solve(*[np.array(v, float) if isinstance(v, list) else v for v in task.cases()[0]])
    for part in right if isinstance(right, tuple) else (right,):
        for value in np.asarray(part).ravel():
            if abs(value) > 1e-3 and abs(value - round(value)) > 1e-3:
                assert f"{value:.4g}" not in " ".join((*verdict.saw, verdict.hint))


# Apart -------------------------------------------------------------------------------------------------------------


def apart(folder: Path, body: str, **limits: float) -> tuple[str, str]:
    """(error, message) of a file whose f(x) has this body."""
    file = folder / "f.py"
    file.write_text(body if "def f" in body else f"def f(x):\n    {body}\n", encoding="utf-8")
    answer = run_apart(file, "f", [[1.0]], arrays=False, **limits)  # type: ignore[arg-type]
    return answer.error, answer.message or str(list(answer.outputs))


@pytest.mark.parametrize(("body", "error"), [
    ("return x + 1", ""), ("return 1 / 0", "raised"), ("import nothing_like_it", "raised"),
    ("raise SystemExit", "raised"), ("return (", "syntax"), ("return object()", "raised"),
    ("import os; os._exit(0)", "died"), ("import os; os.abort()", "died"), ("return [0.5] * 10**6", "size"),
    ("return bytearray(3 << 30)", "memory"), ("import sys; print('noise' * 9); sys.stdout.flush(); return x", ""),
])  # fmt: skip
def test_whatever_a_file_does_there_is_one_answer(body: str, error: str, tmp_path: Path) -> None:
    assert apart(tmp_path, body)[0] == error


def test_a_file_without_the_function_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "g.py").write_text("def fly(x): return x\nf = 3\n", encoding="utf-8")
    assert run_apart(tmp_path / "g.py", "f", [[1.0]]).error == "missing"


@pytest.mark.parametrize("body", ["while True: pass", "import time; time.sleep(60)"])
def test_time_is_limited(body: str, tmp_path: Path) -> None:
    began = time.monotonic()
    assert apart(tmp_path, body, seconds=2)[0] == "time"
    assert time.monotonic() - began < 20


def test_what_it_started_ends_with_it(tmp_path: Path) -> None:
    alive = tmp_path / "alive"
    started = f"touch {alive}; sleep 3; touch {alive}.still"
    body = f"import subprocess; subprocess.Popen(['sh', '-c', {started!r}]); import time; time.sleep(60)"
    assert apart(tmp_path, body, seconds=2)[0] == "time"
    time.sleep(4)
    assert alive.exists() and not Path(f"{alive}.still").exists()


def test_it_inherits_no_secrets_and_works_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = apart(tmp_path, "import os; return [os.environ.get('MY_TOKEN'), os.environ.get('PYTHONPATH')]")
    assert told == ("", "[[None, None]]")
    _, seen = apart(tmp_path, "import os, sys; return [os.getcwd(), os.environ['HOME'], sys.flags.isolated]")
    [[folder, home, isolated]] = ast.literal_eval(seen)
    assert "tongsu-exercise-" in folder and home == folder and isolated == 1
    assert not Path(folder).is_relative_to(tmp_path) and not Path(folder).exists()


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    for file in (tmp_path / "missing.py", tmp_path):
        with pytest.raises(Problem):
            EXERCISES["neuron"].check(str(file))
    large = tmp_path / "large.py"
    large.write_text("#" * 200_000, encoding="utf-8")
    with pytest.raises(Problem) as found:
        EXERCISES["neuron"].check(str(large))
    assert found.value.kind == "not-a-program"


def test_the_line_of_an_error_is_that_of_the_persons_file(tmp_path: Path) -> None:
    verdict = check("neuron", "return nothing", tmp_path)
    line = EXERCISES["neuron"].starter.splitlines().index("    ...") + 1
    assert f"Line {line} " in verdict.saw[0] and "NameError" in verdict.saw[0]
