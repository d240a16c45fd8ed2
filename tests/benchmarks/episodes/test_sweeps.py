"""Reading images of the banks that a pool builds."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.episodes.pool import Pool, few_shot_set
from benchmarks.episodes.sweeps import decoded_rows, read_sweep, read_variations


def test_rows_come_decoded_and_in_order(tiny_pool: Pool, work: Path) -> None:
    rows = list(decoded_rows(work / "sweep", ["source_id", "label", "sweep"], expected=30))
    places = {name: row for row, name in enumerate(few_shot_set(tiny_pool.config).support_ids)}
    assert len(rows) == 30
    for row in rows:
        swept = tiny_pool.swept.images[places[row["source_id"]], row["label"]]
        assert torch.equal(row["sweep"], swept)
    image = next(decoded_rows(work / "img2img-low", ["image"]))["image"]
    assert (image.shape, image.dtype) == ((3, 64, 64), torch.uint8)


def test_axes_are_in_the_order_that_is_asked_for(tiny_pool: Pool, work: Path) -> None:
    order = [3, 0, 5, 1, 4, 2]
    support_ids = few_shot_set(tiny_pool.config).support_ids
    asked = [support_ids[row] for row in order]
    assert torch.equal(read_sweep(work / "sweep", asked, 6), tiny_pool.swept.images[order])
    variations = read_variations(work / "img2img-low", asked, 4)
    assert torch.equal(variations, tiny_pool.same_class["img2img-low"].images[order])


def test_a_bank_without_all_of_its_pairs_is_refused(tiny_pool: Pool, work: Path) -> None:
    with pytest.raises(ValueError, match=r"sweep has 30 of 31 pairs; the reasons are in .*stats"):
        decoded_rows(work / "sweep", ["sweep"], expected=31)
