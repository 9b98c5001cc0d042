"""Pictures that vary: by hand and with NumPy what each kind does, and that chance is the checkpoint's own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from tongsu.recipes import cnn
from tongsu.training import checkpoint, loop
from tongsu.training.augment import augmented
from tongsu.training.build import complete
from tongsu.training.events import Step


def moved(image: np.ndarray, down: int, across: int) -> np.ndarray:
    """(C, H, W) moved by whole pixels; the edge is repeated."""
    padded = np.pad(image, ((0, 0), (4, 4), (4, 4)), mode="edge")
    height, width = image.shape[1:]
    return padded[:, 4 - down : 4 - down + height, 4 - across : 4 - across + width]


def test_a_shift_is_a_shift_and_every_shift_comes() -> None:
    torch.manual_seed(0)
    image = torch.rand(1, 2, 16, 24)
    seen = augmented(image.expand(400, -1, -1, -1), "shift").numpy()
    possible = {(d, a): moved(image[0].numpy(), d, a) for d in range(-2, 3) for a in range(-3, 4)}
    found = set()
    for one in seen:
        (place,) = [at for at, wanted in possible.items() if np.array_equal(wanted, one)]
        found.add(place)
    assert len(found) == len(possible)


def test_a_photograph_is_mirrored_half_the_time_and_never_upside_down() -> None:
    torch.manual_seed(0)
    ramp = torch.arange(32.0).expand(1, 1, 32, 32) + 100 * torch.arange(32.0)[:, None]  # grows right and down
    seen = augmented(ramp.expand(500, -1, -1, -1), "photo")
    rightwards = seen[:, 0, 16, 31] - seen[:, 0, 16, 0]
    assert 200 < int((rightwards < 0).sum()) < 300 and (rightwards != 0).all()
    assert (seen[:, 0, 31, 16] > seen[:, 0, 0, 16]).all()
    span = rightwards.abs()  # nearer: less of the picture fills the side
    assert span.min() >= 0.6 * 31 and span.max() <= 31 and span.std() > 1
    assert set(seen.unique().tolist()) <= set(ramp.unique().tolist())


def test_none_is_nothing() -> None:
    images = torch.rand(3, 1, 8, 8)
    state = torch.get_rng_state()
    assert augmented(images, "none") is images and torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("how", ["shift", "photo"])
def test_stopped_and_gone_on_with_bit_for_bit(how, tmp_path, made_images, monkeypatch) -> None:
    from test_loop import new_run

    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    recipe = replace(cnn.fast(), epochs=2, batch_size=16, frames=0, augment=how,
                     model_args={"filters": [4, 4], "dense": 8})  # fmt: skip
    recipe = complete(recipe, made_images)
    whole, parts = new_run(tmp_path, recipe), new_run(tmp_path, recipe)
    list(loop.train(recipe, whole, made_images))
    events = loop.train(recipe, parts, made_images)
    for event in events:
        if isinstance(event, Step) and event.step >= 5:
            break
    events.close()
    torch.randn(3)
    list(loop.train(recipe, parts, made_images, resume=True))
    plain = new_run(tmp_path, recipe)
    list(loop.train(replace(recipe, augment="none"), plain, made_images))
    ends = [checkpoint.load_weights(run) for run in (whole, parts, plain)]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    assert any(not torch.equal(ends[0][name], ends[2][name]) for name in ends[0])
