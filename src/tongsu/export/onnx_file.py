"""ONNX: the model as a graph that ONNX Runtime and many others run, for any number of inputs and any length of text.

The model is exported as it is, but for recurrent layers (`recurrent.py`). Letters: B batch, T time, K classes.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.export import Dim

from tongsu.data import Split
from tongsu.errors import Failure
from tongsu.export import samples
from tongsu.export.description import describe, sha256
from tongsu.export.folder import DESCRIPTION
from tongsu.export.recurrent import traceable
from tongsu.learned import Learned
from tongsu.models import RNN
from tongsu.models.logits import probabilities
from tongsu.runs.atomic import write_json

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL, SMALL = "model.onnx", "model.int8.onnx"
OPSET = 20
AT_ONCE, UNLABELLED = 200, 64
# Weights of these become 8 bit whole numbers. Convolutions stay as they are: ONNX Runtime runs them slower in int8.
QUANTIZED = ["MatMul", "Gemm", "LSTM", "Gather"]


class Answers(nn.Module):
    """A classifier with both of its outputs: logits (B, 1 or K) and probabilities (B, K)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.model(inputs)
        return logits, probabilities(logits)


def write(learned: Learned, folder: Path, quantize: str | None) -> dict[str, Any]:
    """model.onnx and its description, checked; with `quantize` also model.int8.onnx, measured. Raises Failure."""
    split = samples.test_split(learned)
    described = describe(learned)
    outputs = convert(learned, samples.model_inputs(learned, split, 3), folder / MODEL)
    session = load(folder / MODEL)
    described["input"] = _node(session.get_inputs()[0])
    described["outputs"] = [_node(output) for output in session.get_outputs()]
    described["check"] = check(learned, session, split, outputs)
    described["files"] = {MODEL: sha256(folder / MODEL)}
    described["weights"] = sha256(learned.run.weights)
    if quantize:
        _quantize(folder)
        described["quantized"] = measured(learned, folder, split)
        described["files"][SMALL] = sha256(folder / SMALL)
    write_json(folder / DESCRIPTION, described)
    return {name: described[name] for name in ("check", "quantized") if name in described}


def convert(learned: Learned, example: Tensor, path: Path) -> list[str]:
    """Trace the model and write the file; returns the names of its outputs. Raises Failure."""
    model = learned.model
    if isinstance(model, RNN):
        model = traceable(model, learned.recipe.model_args.get("cell", "simple"))
    names = ["pictures"]
    if learned.recipe.task == "classify":
        model, names = Answers(model).eval(), ["logits", "probabilities"]
    free = {0: Dim("batch", min=1)}
    if example.dtype == torch.int64:
        free[1] = Dim("length", min=1, max=example.shape[1])
        example = example[:, -max(3, example.shape[1] - 1) :]  # not the longest, which would look like a constant
    try:
        with _quiet():
            program = torch.onnx.export(
                model, (example,), dynamo=True, verbose=False, dynamic_shapes=(free,), input_names=["input"],
                output_names=names, opset_version=OPSET,
            )  # fmt: skip
            assert program is not None
            program.save(path, external_data=False)
    except Exception as error:  # the exporter has many ways to say no
        raise Failure("export.conversion", run=learned.run.name, reason=_first_line(error)) from error
    return names


def load(path: Path, threads: int = 0) -> InferenceSession:
    """A session on the CPU; `threads` 0 leaves the number to ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # threads that spin starve all others
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def check(learned: Learned, session: InferenceSession, split: Split | None, outputs: list[str]) -> dict[str, Any]:
    """Run the file on real inputs and compare with the run. Raises Failure when they differ."""
    import onnxruntime

    worst, seen = 0.0, []
    for inputs in samples.batches(learned, split):
        with torch.no_grad():
            wanted = learned.model(inputs)  # logits (B, K), or pictures (B, 1, 28, 28)
        pairs = [wanted, probabilities(wanted)] if learned.recipe.task == "classify" else [wanted]
        try:
            found = session.run(outputs, {"input": inputs.numpy()})
        except Exception as error:  # onnxruntime has its own family of errors
            raise Failure("export.does_not_run", run=learned.run.name, reason=_first_line(error)) from error
        for ours, theirs in zip(pairs, found, strict=True):
            size = max(1.0, float(ours.abs().max()))  # a logit of 300 cannot have the digits after the point of 3
            worst = max(worst, float((ours - torch.from_numpy(theirs)).abs().max()) / size)
        seen.append(list(inputs.shape))
    if not worst <= samples.TOLERANCE:  # also when it is not a number
        raise Failure("export.differs", run=learned.run.name, difference=f"{worst:.2g}", limit=samples.TOLERANCE)
    return {
        "runtime": f"onnxruntime {onnxruntime.__version__}", "source": samples.source_of(learned), "inputs": seen,
        "largest_difference": worst, "tolerance": samples.TOLERANCE,
    }  # fmt: skip


def _quantize(folder: Path) -> None:
    """Weights in 8 bits; activations are brought to 8 bits at run time."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            folder / MODEL, folder / SMALL, op_types_to_quantize=QUANTIZED, weight_type=QuantType.QInt8,
            extra_options={"MatMulConstBOnly": True},
        )  # fmt: skip


def measured(learned: Learned, folder: Path, split: Split | None) -> dict[str, Any]:
    """What 8 bits cost: accuracy on the whole test split before and after; without one, how far the outputs move, and
    how many of a classifier's first answers stay the same."""
    files = {name: folder / name for name in (MODEL, SMALL)}
    result: dict[str, Any] = {
        "file": SMALL, "method": "int8 weights, dynamic", "operators": QUANTIZED,
        "bytes": {name: path.stat().st_size for name, path in files.items()},
    }  # fmt: skip
    sessions = {name: load(path) for name, path in files.items()}
    if split is None:
        batch = {"input": samples.model_inputs(learned, None, UNLABELLED).numpy()}
        before, after = (torch.from_numpy(session.run(None, batch)[-1]) for session in sessions.values())
        result |= {"examples": UNLABELLED, "mean_difference": float((before - after).abs().mean())}
        same = int((before.argmax(1) == after.argmax(1)).sum()) if learned.recipe.task == "classify" else None
        return result if same is None else {**result, "same_answers": same}
    right = dict.fromkeys(files, 0)
    for inputs, targets in zip(split.inputs.split(AT_ONCE), split.targets.split(AT_ONCE), strict=True):
        batch = {"input": learned.preprocessing.scale(inputs).numpy()}
        for name, session in sessions.items():
            answers = torch.from_numpy(session.run(["probabilities"], batch)[0])
            right[name] += int((answers.argmax(1) == targets).sum())
    was, now = (right[name] / len(split) for name in (MODEL, SMALL))
    return result | {"examples": len(split), "accuracy_before": was, "accuracy": now, "cost": was - now}


def _node(node: Any) -> dict[str, Any]:
    return {"name": node.name, "type": node.type.removeprefix("tensor(").removesuffix(")"), "shape": list(node.shape)}


def _first_line(error: BaseException) -> str:
    """The innermost reason; the exporter wraps it in pages of advice."""
    while error.__cause__ is not None:
        error = error.__cause__
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter talks to its developers (torchvision is not there, ...): nothing that a person can act on."""
    names = ("torch.onnx", "onnxscript", "onnx_ir", "root")
    loggers = [logging.getLogger(name) for name in names]
    before = [logger.level for logger in loggers]
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, before, strict=True):
                logger.setLevel(level)
