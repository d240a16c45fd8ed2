"""The demo's measurements, by hand."""

import numpy as np
import pytest
import torch

from benchmarks.demo import RATIOS, Sweeps, figures
from benchmarks.measure.images import background_psnr


def test_background_psnr_ignores_the_object_and_its_rim() -> None:
    source = torch.full((1, 3, 32, 32), 100, dtype=torch.uint8)
    mask = torch.zeros(1, 32, 32, dtype=torch.bool)
    mask[0, 10:20, 10:20] = True
    images = source[:, None].repeat(1, 2, 1, 1, 1)
    images[:, :, :, 7:23, 7:23] = 255  # the object and 3 pixels around it
    images[0, 1] += 10 * (images[0, 1] == 100)  # 10 of 255 off in all of the background
    psnr = background_psnr(images, source, mask)
    assert psnr[0, 0] == pytest.approx(100)  # the cap: no difference at all
    assert psnr[0, 1] == pytest.approx(20 * np.log10(255 / 10), abs=1e-3)


def test_figures_by_hand() -> None:
    hits = np.zeros((3, len(RATIOS)), dtype=bool)
    hits[0, 4:] = True  # first at r = .7
    hits[1, 3:] = True  # first at r = .6; the third pair never
    psnr = np.tile(np.linspace(30, 9, len(RATIOS)), (3, 1))
    sweeps = Sweeps(torch.empty(0), hits, ~hits, psnr, 7)
    result = figures(sweeps, np.array([4, 2, 6]))
    assert result["median_switch"] == 0.7
    assert result["never_switched"] == pytest.approx(1 / 3)
    assert result["oracle_accuracy"][3:5] == [pytest.approx(1 / 3), pytest.approx(2 / 3)]
    assert result["ada"]["oracle_accuracy"] == pytest.approx(1 / 3)
    assert result["ada"]["mean_noise_ratio"] == pytest.approx((0.7 + 0.5 + 0.9) / 3)
    assert result["ada"]["background_psnr_db"] == pytest.approx(psnr[0, [4, 2, 6]].mean())
    assert result["txt2img"]["background_psnr_db"] == pytest.approx(9)
    assert result["pairs"] == 3
