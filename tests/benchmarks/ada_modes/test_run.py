"""The comparison of the modes of GeNIe-Ada, by hand, and its committed results."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.ada_modes.outcomes import Outcome
from benchmarks.ada_modes.run import figures, label, plot

RESULTS = Path(__file__).parents[3] / "benchmarks" / "results"


def _outcome(ratios: list[float], hits: list[int], rows: int, accepted: list[int]) -> Outcome:
    return Outcome(
        np.array(ratios), np.array(hits, dtype=bool), np.array(accepted, dtype=bool), rows, {}
    )


TXT2IMG = _outcome([1.0] * 4, [1, 1, 1, 0], 400, [1, 1, 0, 0])
FULL = _outcome([0.6, 0.7, 0.8, 0.9], [1, 1, 0, 0], 1400, [1, 1, 1, 1])
CHEAP = _outcome([0.6, 0.8, 0.6, np.nan], [1, 0, 0, 0], 300, [1, 1, 1, 0])


def test_costs_count_accepted_negatives() -> None:
    full = figures("full", FULL, FULL, TXT2IMG)
    assert full["cost_txt2img"] == pytest.approx((1400 / 4) / (400 / 2))
    assert full["cost_per_pair"] == 3.5
    assert figures("preview", CHEAP, FULL, TXT2IMG, 3)["cost_txt2img"] == pytest.approx(0.5)


def test_agreement_and_accuracy() -> None:
    cheap = figures("preview", CHEAP, FULL, TXT2IMG, 3)
    assert cheap["same_noise_ratio"] == pytest.approx(1 / 3, abs=1e-4)  # of those that worked
    assert cheap["within_one_step"] == pytest.approx(2 / 3, abs=1e-4)
    assert cheap["oracle_accuracy"] == 0.25
    assert cheap["difference"] == -0.25
    # Differences -1, 0, 0, 0: standard deviation sqrt(3) / 4.
    assert cheap["difference_interval"] == pytest.approx(1.96 * 3**0.5 / 4 / 2, abs=1e-4)
    full = figures("full", FULL, FULL, TXT2IMG)
    assert (full["same_noise_ratio"], full["difference"]) == (1.0, 0.0)


def test_the_plot_is_written(tmp_path: Path) -> None:
    path = tmp_path / "docs" / "ada.png"
    plot([figures("full", FULL, FULL, TXT2IMG), figures("preview", CHEAP, FULL, TXT2IMG, 3)], path)
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_committed_results_are_read(tmp_path: Path) -> None:
    modes = json.loads((RESULTS / "ada_modes.json").read_text())["modes"]
    assert [label(entry) for entry in modes[:4]] == ["txt2img", "full", "coarse", "preview 2"]
    plot(modes, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 10_000
