"""The adversarial game in the browser: trained, watched, paused, each player alone; its numbers against the frames."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from client import Page, Studio
from playwright.sync_api import Browser, Locator, expect
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_tensors
from torch import Tensor
from visitor import CHROMIUM, SLOW, Visitor, count, number

pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine"), pytest.mark.long]
SMALL = {"width": 8, "batch_size": 8, "epochs": 500}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    own = Studio(tmp_path_factory.mktemp("gan"))
    own.start()
    yield own
    own.close()


def frame(run: Path, step: int) -> Path:
    return run / "frames" / f"step-{step:08d}.safetensors"


def drawn(weights: dict[str, Tensor], noise: Tensor) -> Tensor:
    """Drawings (B, 28, 28) in [-1, 1] of noise (B, Z), layer by layer in float64, as the paper's tables have them."""

    def norm(x: Tensor, name: str) -> Tensor:
        shape = (1, -1, *[1] * (x.dim() - 2))
        parts = ("running_mean", "running_var", "weight", "bias")
        mean, var, scale, shift = (weights[f"generator.{name}.{part}"].view(shape) for part in parts)
        y = (x - mean) / (var + 1e-3).sqrt() * scale + shift
        return torch.where(y > 0, y, 0.3 * y)

    def grown(x: Tensor, name: str, stride: int) -> Tensor:
        """Every input number stamps its 5 x 5 kernel; Keras's "same" keeps `stride` times the side."""
        whole = F.conv_transpose2d(x, weights[f"generator.{name}.weight"], stride=stride)
        first, side = (5 - stride) // 2, stride * x.shape[2]
        return whole[:, :, first : first + side, first : first + side]

    x = norm(noise.double() @ weights["generator.dense.weight"].T, "norm1")
    x = x.view(len(x), 7, 7, -1).permute(0, 3, 1, 2)
    x = norm(grown(x, "conv1", 1), "norm2")
    x = norm(grown(x, "conv2", 2), "norm3")
    return torch.tanh(grown(x, "conv3", 2))[:, 0]


def judged(weights: dict[str, Tensor], images: Tensor) -> np.ndarray:
    """D's probability (B,) that each picture (B, 28, 28) is real."""
    x = images[:, None]
    for name in ("conv1", "conv2"):
        w, b = weights[f"discriminator.{name}.weight"], weights[f"discriminator.{name}.bias"]
        windows = F.pad(x, (1, 2, 1, 2)).unfold(2, 5, 2).unfold(3, 5, 2)  # (B, C, S, S, 5, 5)
        x = torch.einsum("bcijuv,fcuv->bfij", windows, w) + b[:, None, None]
        x = torch.where(x > 0, x, 0.3 * x)
    flat = x.permute(0, 2, 3, 1).flatten(1)
    logits = flat @ weights["discriminator.output.weight"][0] + weights["discriminator.output.bias"]
    return torch.sigmoid(logits).numpy()


def by_hand(file: Path, images: int, seed: int = 0) -> tuple[Tensor, np.ndarray]:
    weights = {name: value.double() for name, value in load_tensors(file).items() if value.is_floating_point()}
    pictures = drawn(weights, torch.randn(images, 100, generator=torch.Generator().manual_seed(seed)))
    return pictures, judged(weights, pictures)


def starting(value: float) -> re.Pattern[str]:
    """The number's first digits, as a page may write it."""
    return re.compile(f"^{re.escape(f'{value:.6f}'[:5])}")


def painted(canvases: Locator) -> np.ndarray:
    """The grey levels that stand on canvases of 28 x 28, (N, 28, 28) from 0 to 1."""
    levels = canvases.evaluate_all(
        "all => all.map(canvas => Array.from(canvas.getContext('2d').getImageData(0, 0, 28, 28).data))"
    )
    return np.array(levels).reshape(-1, 28, 28, 4)[..., 0] / 255


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_game_is_trained_watched_and_played_one_player_at_a_time(
    browser: Browser, studio: Studio, language: str
) -> None:
    visitor = Visitor(browser, studio.address, language)
    page = visitor.page
    visitor.go("#/gan")
    page.locator("select[name=preset]").select_option("quick")
    page.locator("select[name=data]").select_option("digits")
    page.locator("details summary").click()
    for name, value in SMALL.items():
        page.locator(f"input[name={name}]").fill(str(value))
    visitor.find("start").click()
    state, step = visitor.find("state"), visitor.find("step")
    expect(state).to_have_attribute("data-state", "running", timeout=SLOW)

    # Both losses grow, on one pair of axes and one by one.
    game = page.locator("#game")
    game.scroll_into_view_if_needed(timeout=SLOW)
    losses = game.locator("figure", has=page.get_by_text(re.compile("Both losses|双方的损失"))).first
    expect(losses.locator(".key")).to_have_count(2, timeout=SLOW)
    curve = losses.locator("canvas")
    before = curve.evaluate("canvas => canvas.toDataURL()")
    page.wait_for_function("before => document.querySelector('#game figure canvas').toDataURL() !== before", arg=before)
    for name in losses.locator(".key").all_inner_texts():
        page.locator("aside").get_by_role("button", name=name, exact=True).click()
        expect(page.locator("aside .u-over")).to_be_visible()

    # Pause; then one update of D alone, and one of G alone: the frames say whose weights moved.
    page.get_by_role("button", name=re.compile("Pause|暂停")).first.click()
    expect(state).to_have_attribute("data-state", "paused", timeout=SLOW)
    run = studio.runs / re.findall(r"run=([\w-]+)", page.url)[0]
    for part, button in (("discriminator", "D"), ("generator", "G")):
        alone = page.get_by_role("button", name=re.compile(f"^(Only|只学) {button}$"))
        alone.click()
        expect(alone).to_have_attribute("aria-pressed", "true", timeout=SLOW)
        start = count(step.inner_text())
        page.get_by_role("button", name=re.compile("One update|走一步")).click()
        expect(step).to_have_text(re.compile(rf"^{start + 1:,} "), timeout=SLOW)
        one, other = (load_file(frame(run, at)) for at in (start, start + 1))
        assert {name.split(".")[0] for name in one if (one[name] != other[name]).any()} == {part}
    expect(page.locator(".problem")).to_have_count(0)
    page.get_by_role("button", name=re.compile("Stop|停止")).first.click()
    expect(state).to_have_attribute("data-state", "stopped", timeout=SLOW)
    visitor.close()


@pytest.fixture(scope="module")
def trained(studio: Studio) -> Path:
    """A run in the studio's folder that has come to its end."""
    page = Page(studio.address)
    changes = {**SMALL, "epochs": 1, "examples": 800, "frames": 6}
    wish = {"chapter": "gan", "preset": "quick", "data": "digits", "changes": changes}
    run = page.post("trainings", wish, status=201)["run"]
    assert page.over(run)["state"] == "finished"
    return studio.runs / run


def test_the_time_machine_moves_the_digits_and_their_scores(browser: Browser, studio: Studio, trained: Path) -> None:
    visitor = Visitor(browser, studio.address, "en")
    visitor.go(f"#/gan?run={trained.name}")
    canvases = visitor.find("samples").locator("canvas")
    steps = [int(file.stem.removeprefix("step-")) for file in sorted((trained / "frames").iterdir())]
    seen = []
    first, before = frame(trained, steps[0]), frame(trained, steps[-2])
    film = {"Home": first, "End": trained / "weights.safetensors", "ArrowLeft": before}
    for key, file in film.items():
        visitor.find("time").press(key)
        images, scores = by_hand(file, 30)
        expect(canvases).to_have_count(30, timeout=SLOW)
        shown = visitor.find("score")
        expect(shown.first).to_have_attribute("data-value", starting(scores[0]), timeout=SLOW)
        assert [number(one) for one in shown.all()] == pytest.approx(scores.tolist(), abs=1e-5)
        percents = [int(text.removesuffix("%")) for text in shown.all_inner_texts()]
        assert percents == pytest.approx(100 * scores, abs=0.51)
        np.testing.assert_allclose(painted(canvases), images.numpy() / 2 + 0.5, atol=1 / 128)
        seen.append(painted(canvases))
    for one, other in zip(seen, seen[1:], strict=False):  # it is another picture each time
        assert np.abs(one - other).max() > 0.02
    visitor.close()


def test_five_stages_of_one_round_with_their_numbers(browser: Browser, studio: Studio, trained: Path) -> None:
    visitor = Visitor(browser, studio.address, "en")
    page = visitor.page
    with page.expect_response(lambda got: got.url.endswith("/views/round"), timeout=SLOW) as got:
        visitor.go(f"#/gan?run={trained.name}&frame=1&seed=3")
        page.locator("#round").scroll_into_view_if_needed(timeout=SLOW)
    stages = page.locator("#round li")
    expect(stages).to_have_count(5)
    for stage in range(1, 6):
        page.locator("#round").get_by_role("button", name=str(stage), exact=True).click()
        expect(page.locator("#round li:not(.faded)")).to_have_count(stage)

    weights = {name: v.double() for name, v in load_tensors(frame(trained, 1)).items() if v.is_floating_point()}
    fakes, on_fake = by_hand(frame(trained, 1), 6, seed=3)
    real = torch.from_numpy(floats(got.value.json()["answer"]["real"])).double() * 2 - 1
    on_real = judged(weights, real)
    np.testing.assert_allclose(painted(stages.nth(1).locator("canvas")), fakes.numpy() / 2 + 0.5, atol=1 / 128)
    for name, scores in (("real-score", on_real), ("fake-score", on_fake)):
        assert [number(one) for one in visitor.find(name).all()] == pytest.approx(scores.tolist(), abs=1e-5)
    d_loss = -np.log(on_real).mean() - np.log(1 - on_fake).mean()
    assert told(stages.nth(3)) == pytest.approx(d_loss, abs=6e-4)
    assert told(stages.nth(4)) == pytest.approx(-np.log(on_fake).mean(), abs=6e-4)

    # The generator's gradient by its last layer, from PyTorch's own differentiation of the hand-written net.
    last = weights["generator.conv3.weight"].requires_grad_()
    noise = torch.randn(6, 100, generator=torch.Generator().manual_seed(3))
    x = F.pad(drawn(weights, noise)[:, None], (1, 2, 1, 2))
    for name in ("conv1", "conv2"):
        w, b = (weights[f"discriminator.{name}.{part}"] for part in ("weight", "bias"))
        x = F.leaky_relu(F.conv2d(x, w, b, stride=2), 0.3)
        x = F.pad(x, (1, 2, 1, 2)) if name == "conv1" else x
    logits = x.permute(0, 2, 3, 1).flatten(1) @ weights["discriminator.output.weight"][0]
    F.softplus(-logits - weights["discriminator.output.bias"]).mean().backward()
    assert last.grad is not None
    rows = stages.nth(4).locator(".bars")
    names, values = rows.locator(".mono").all_inner_texts(), rows.locator(".number").all_inner_texts()
    shown = float(values[names.index("conv3")].replace("−", "-"))
    assert shown == pytest.approx(float(last.grad.norm()), rel=2e-2, abs=6e-4)
    visitor.close()


def told(stage: Locator) -> float:
    """The loss in a stage's heading."""
    return float(re.findall(r"loss ([\d.]+)", stage.locator("h3").inner_text())[0])


def floats(packed: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), "<f4").reshape(packed["shape"]).copy()


def test_a_training_of_the_page_is_an_ordinary_run(trained: Path) -> None:
    results = json.loads((trained / "results.json").read_text())
    assert {"test_frechet_distance", "test_coverage"} <= set(results["metrics"])
