"""Loaders of every arm, spawned workers, and banks of several sizes."""

from __future__ import annotations

from pathlib import Path

from torch.utils.data import DataLoader

from benchmarks.throughput.loaders import Collate, LabelsOnly, loader_arms, measure_sizes
from benchmarks.throughput.synthetic import write_bank, write_bank_of, write_folder
from genie_transforms import Bank, GeNIeTransform


def test_every_loader_yields_every_image(tmp_path: Path) -> None:
    photos = write_folder(tmp_path / "photos", 20, 10, 16)
    bank = Bank.open(write_bank_of(tmp_path / "bank", photos, 10, 16))
    for loader in loader_arms(photos, bank, 16, num_workers=0).values():
        assert sum(len(labels) for _, labels in loader) == 20


def test_a_spawned_worker_imports_what_it_needs(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", 20, 10, 8))
    loader: DataLoader[int] = DataLoader(
        LabelsOnly(GeNIeTransform(bank, p=1), 4),
        batch_size=2,
        num_workers=1,
        multiprocessing_context="spawn",
        collate_fn=Collate(_keep),
    )
    assert list(loader) == [(0, 1), (2, 3)]


def _keep(*indices: object) -> tuple[int, ...]:
    return tuple(int(index) for index in indices)  # type: ignore[call-overload]


def test_the_cost_of_sizes_is_measured(tmp_path: Path) -> None:
    rows = measure_sizes(tmp_path, quick=True)
    assert [row["rows"] for row in rows] == [1_000, 10_000]
    assert all(row["pickle_bytes"] < 64 * 1024 for row in rows)
