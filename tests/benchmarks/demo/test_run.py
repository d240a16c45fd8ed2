"""The demo's measurements, by hand, and the committed ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.demo.run import RATIOS, Sweeps, figures, show

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


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


def test_committed_results_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    result = json.loads((RESULTS / "demo.json").read_text())
    assert tuple(result["noise_ratios"]) == RATIOS
    show(result)
    assert "GeNIe-Ada: oracle" in capsys.readouterr().out
