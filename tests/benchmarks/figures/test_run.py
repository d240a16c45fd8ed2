"""All figures of a tiny bank of the demo's own models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.episodes import Pool
from benchmarks.episodes.pool import few_shot_set
from benchmarks.figures.arms import arms_sheet, pairs_of_targets
from benchmarks.figures.config import FiguresConfig
from benchmarks.figures.effect import effect_curves, effect_sheet, largest_jumps
from benchmarks.figures.ingredients import ingredients
from benchmarks.figures.material import Made, Material, SweptBank, spread
from benchmarks.figures.run import main
from benchmarks.figures.sheets import keep
from benchmarks.figures.two_way import two_way
from genie_transforms import UserError


@pytest.fixture(scope="module")
def made(work: Path, tiny_pool: Pool) -> Made:
    """One image of each class, 4 steps, the noise ratios of the pool."""
    config = FiguresConfig(work=work, per_class=4, num_inference_steps=4, quick=True)
    return Made(config, SweptBank.read(work / "sweep"), few_shot_set(tiny_pool.config), work)


def test_a_bank_is_read_with_its_sources(made: Made, tiny_pool: Pool) -> None:
    bank = made.bank
    assert len(bank) == 6 * 5
    assert bank.embeddings.shape[:2] == (30, len(tiny_pool.config.noise_ratios))
    place = int(bank.sources[7])
    np.testing.assert_array_equal(bank.source(7), made.data.support[place])
    target = int(bank.targets[7])
    np.testing.assert_array_equal(bank.sweep(7), tiny_pool.swept.images[place, target])
    assert {bank.noise_ratios[m] for m in bank.chosen} <= {0.6, 0.7, 0.8, 0.9}  # never r_1


def test_sheets_and_curves_of_the_effect_of_r(made: Made, tmp_path: Path) -> None:
    sheet = effect_sheet(made)
    shown = [axes for axes in sheet.figure.axes if axes.images]
    assert len(shown) == 8 * (1 + len(made.bank.noise_ratios))
    framed = [axes for axes in shown if axes.spines["top"].get_visible()]
    assert len(framed) == 8
    assert all(axes.get_title().startswith("r* = ") for axes in framed)
    assert [path.suffix for path in keep(tmp_path, "a", sheet)] == [".png"]
    curves = effect_curves(made)
    assert len(curves.figure.axes[0].lines) == 30 + 1
    assert curves.numbers["judge"] == "oracle"
    alone = effect_curves(Material(made.config, made.bank))
    assert alone.numbers["judge"] == "nearest centroid"
    # Drawn anew: saving a figure moves what its layout places.
    first, second = (keep(tmp_path / name, "b", effect_curves(made)) for name in "xy")
    assert [path.suffix for path in first] == [".png", ".svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_what_no_bank_holds(made: Made) -> None:
    arms = arms_sheet(made)
    assert len([axes for axes in arms.figure.axes if axes.images]) == 6 * 7
    assert arms.numbers["img2img-low"]["images"] == 6
    assert arms.numbers["img2img-low"]["cosine_to_source"] > 0.5
    sheet, curves = ingredients(made)
    assert len([axes for axes in sheet.figure.axes if axes.images]) == 2 * 3 * 7
    assert [len(axes.lines) for axes in curves.figure.axes] == [2, 2, 2]
    sheet, curves = two_way(made)
    assert len([axes for axes in sheet.figure.axes if axes.images]) == 3 * 7
    assert len(curves.figure.axes[1].lines) == 3


def test_jumps_count_the_source() -> None:
    projections = np.array([[0.6, 0.7, 0.9], [0.1, 0.5, 0.6]])
    assert largest_jumps(projections).tolist() == [0, 1]
    assert spread(10, 4) == [0, 2, 5, 7]
    assert spread(2, 4) == [0, 1]


def test_what_cannot_be_drawn_is_refused(work: Path, tiny_pool: Pool) -> None:
    with pytest.raises(UserError, match="has no sweeps: build it with"):
        main(FiguresConfig(bank=work / "img2img-low"))
    with pytest.raises(UserError, match="or --bank, one that is there"):
        FiguresConfig()
    with pytest.raises(UserError, match="per_class must be more than k_shot 3"):
        FiguresConfig(work=work, per_class=3)


def test_a_class_that_is_no_target_has_no_pair_among_the_arms() -> None:
    pairs = pairs_of_targets(np.array([3, 0, 0, 3, 0]), num_classes=4)
    assert pairs.keys() == {0, 3}
    assert pairs[0] in (1, 2, 4)
    assert pairs[3] in (0, 3)
