from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from benchmarks.throughput.synthetic import write_bank as write_synthetic
from genie_transforms import Bank, BankFormatError, UserError
from genie_transforms._bank.digests import digest_keys
from genie_transforms.format import read_rows
from tests.banks import all_pairs, row_of, write_bank


def test_digests_as_numbers() -> None:
    texts = ["0" * 31 + "1", "f" * 16 + "0" * 16, "0123456789abcdef" * 2]
    expected = [[0, 1], [2**64 - 1, 0], [0x0123456789ABCDEF] * 2]
    column = pa.chunked_array([pa.array(texts[:1]), pa.array([], pa.string()), pa.array(texts[1:])])
    assert digest_keys(column).tolist() == expected
    assert digest_keys(column.slice(2)).tolist() == expected[2:]
    assert digest_keys(column.slice(0, 0)).shape == (0, 2)


@pytest.mark.parametrize(
    "text", ["", "0" * 31, "0" * 33, "g" * 32, " " * 32, "0 " * 16, "é" * 16, None]
)
def test_digests_that_are_none(text: str | None) -> None:
    with pytest.raises(BankFormatError):
        digest_keys(pa.chunked_array([pa.array(["0" * 32, text])]))


def test_a_shard_without_any_image_does_not_move_those_of_the_next(tmp_path: Path) -> None:
    rows = all_pairs()
    for row in rows[:6]:
        row["image"] = {"bytes": None, "path": None}
    bank = Bank.open(write_bank(tmp_path, rows, num_shards=2))
    assert [row_of(np.asarray(bank.image(index))) for index in range(6, 12)] == list(range(6, 12))
    with pytest.raises(BankFormatError, match=r"row 5 of .* does not decode"):
        bank.image(5)


@pytest.mark.parametrize(
    "change",
    [{"projections": [0.1, 0.2]}, {"projections": [0.1, None, 0.3]}, {"noise_ratios": [0.7]}],
)
def test_projections_that_do_not_fit_their_grid(tmp_path: Path, change: dict[str, Any]) -> None:
    rows = all_pairs()
    rows[4].update(change)
    bank = Bank.open(write_bank(tmp_path, rows))
    with pytest.raises(BankFormatError, match=r"row 4 of .* one projection for each noise ratio"):
        bank.projections()
    (problem,) = bank.verify()
    assert "row 4: projections" in problem


def test_projections_are_those_of_the_nearest_noise_ratio(tmp_path: Path) -> None:
    rows = all_pairs()
    rows[0].update(noise_ratio=0.5, noise_ratios=[], projections=[])
    rows[1].update(noise_ratio=0.6, noise_ratios=[0.5, 0.6, 0.6], projections=[1.0, 2.0, 3.0])
    rows[2].update(noise_ratio=0.9, noise_ratios=[0.3], projections=[4.0])
    rows[3].update(noise_ratio=0.9, noise_ratios=[0.3, 0.8], projections=None)
    rows[7].update(noise_ratio=0.3, noise_ratios=[0.9, 0.4, 0.1], projections=[5.0, 6.0, 7.0])
    found = Bank.open(write_bank(tmp_path, rows, num_shards=3), keep=None).projections()
    expected = [np.nan, 2, 4, np.nan, 0.6, 0.6, 0.6, 6, *[0.6] * 4]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_column_that_there_is_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no column 'marge' .* margin, "):
        Bank.open(write_bank(tmp_path)).column("marge")


def test_a_sweep_without_an_image(tmp_path: Path) -> None:
    rows = [{**row, "sweep": [row["image"], None]} for row in all_pairs()]
    bank = Bank.open(write_bank(tmp_path, rows, keep_sweep=True))
    with pytest.raises(BankFormatError, match=r"row 0 of .* does not decode"):
        bank.sweep(0)


def test_opening_costs_less_than_reading_the_digests_as_texts_thrice(tmp_path: Path) -> None:
    folder = write_synthetic(tmp_path / "bank", 50_000, 100, 8)

    def seconds(run: Callable[[], Any]) -> float:
        times = []
        for _ in range(5):
            begun = time.process_time()
            run()
            times.append(time.process_time() - begun)
        return min(times)

    def digests() -> None:
        for shard in sorted(folder.glob("data-*.arrow")):
            bytes.fromhex("".join(read_rows(shard).column("source_digest").to_pylist()))

    assert seconds(lambda: Bank.open(folder)) < 3 * seconds(digests)
