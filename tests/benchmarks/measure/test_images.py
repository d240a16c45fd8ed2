"""Measures of images, by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmarks.measure import background_psnr


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
