"""Random views: what they keep, and what they change by how much."""

from __future__ import annotations

import pytest
import torch

from benchmarks.unisiam.views import random_views


def test_views_keep_size_and_follow_their_generator() -> None:
    pixels = torch.randint(0, 256, (8, 3, 32, 32), dtype=torch.uint8)
    first, again, other = (
        random_views(pixels, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == pixels.shape
    assert 0 <= first.min() < first.max() <= 1
    torch.testing.assert_close(first, again, rtol=0, atol=0)
    assert (first - other).abs().mean(dim=(1, 2, 3)).min() > 0.01


def test_grey_images_stay_grey_and_plain_ones_plain() -> None:
    rng = torch.Generator().manual_seed(3)
    grey = torch.randint(0, 256, (64, 1, 32, 32), dtype=torch.uint8, generator=rng)
    views = random_views(grey.repeat(1, 3, 1, 1), rng)
    torch.testing.assert_close(views[:, :1].expand_as(views), views, rtol=0, atol=1e-5)

    plain = torch.full((64, 3, 32, 32), 100, dtype=torch.uint8)
    levels = random_views(plain, rng)
    torch.testing.assert_close(levels.amax((1, 2, 3)), levels.amin((1, 2, 3)))
    share = levels.mean((1, 2, 3)) / (100 / 255)  # brightness alone is left: 1 ± 0.4
    assert share.min() == pytest.approx(0.6, abs=0.1)
    assert share.max() == pytest.approx(1.4, abs=0.1)


def test_crops_take_no_less_than_their_area() -> None:
    ramp = torch.arange(32, dtype=torch.uint8).mul(8).expand(200, 3, 32, 32)

    def least_rise(min_area: float) -> float:
        views = random_views(ramp, torch.Generator().manual_seed(4), min_area)
        return float((views[..., -1] - views[..., 0]).abs().amin())

    # Contrast and brightness leave 0.6 each, an aspect of 3 : 4 leaves 0.87 of the width.
    assert least_rise(1.0) > 0.6 * 0.6 * 0.85 * 248 / 255
    assert least_rise(0.1) < 0.2


def test_half_of_the_views_are_mirrored() -> None:
    ramp = torch.arange(32, dtype=torch.uint8).mul(8).expand(200, 3, 32, 32)
    views = random_views(ramp, torch.Generator().manual_seed(4))
    rising = (views[..., -1] > views[..., 0]).float().mean()
    assert rising == pytest.approx(0.5, abs=0.15)
