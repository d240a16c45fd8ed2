"""What images go through before a network sees them."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.long_tail.config import LongTailConfig
from benchmarks.long_tail.images import at_most, augmentation, plain


def _config(**changes: object) -> LongTailConfig:
    return LongTailConfig(**{"arms": ("none",), **changes})  # type: ignore[arg-type]


def test_test_images_keep_their_middle_and_have_the_statistics_of_the_weights() -> None:
    ramp = np.tile(np.arange(256, dtype=np.uint8)[None, :, None], (256, 1, 3))
    large = plain(_config(size=224, statistics="imagenet"))(Image.fromarray(ramp))
    assert large.shape == (3, 224, 224)
    # 256 wide, the middle 224: levels 16 to 239
    assert large[0, 0, 0].item() == pytest.approx((16 / 255 - 0.485) / 0.229, abs=1e-5)
    assert large[2, 0, -1].item() == pytest.approx((239 / 255 - 0.406) / 0.225, abs=1e-5)
    small = plain(_config(size=32))(Image.fromarray(ramp[:32, :32]))
    assert small[0, 0].tolist() == pytest.approx((ramp[0, :32, 0] / 127.5 - 1).tolist(), abs=1e-5)


@pytest.mark.parametrize("augment", ["crop", "jitter", "randaugment"])
def test_large_images_are_cropped_from_the_whole_of_the_photograph(augment: str) -> None:
    # Left half black, right half white: a square from the middle would have both, always.
    halves = np.zeros((100, 400, 3), np.uint8)
    halves[:, 200:] = 255
    change = augmentation(_config(size=96, augment=augment))
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002
    found = torch.stack([change(Image.fromarray(halves)) for _ in range(40)])
    assert found.shape == (40, 3, 96, 96)
    assert found.dtype == torch.float32
    assert any((one.amax() - one.amin()) < 0.1 for one in found) or augment == "randaugment"


def test_no_strength_of_randaugment_fails() -> None:
    change = augmentation(_config(size=32, augment="randaugment"))
    steps = change.transforms  # type: ignore[attr-defined]
    ops = [op for step in steps for op in getattr(step, "ops", [])]
    (posterize,) = [op for op in ops if op.name == "PosterizeIncreasing"]
    assert [posterize.level_fn(level, {})[0] for level in (0, 9, 10)] == [4, 1, 1]


def test_positions_are_drawn_up_to_a_number_of_each_class() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    assert np.bincount(labels[at_most(labels, np.array([0, 2]), 2, 0)]).tolist() == [2, 0, 1]
