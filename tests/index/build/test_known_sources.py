"""A build tells its bank of all source images, however few of them have a pair."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from torchvision.datasets import ImageFolder

from genie_transforms import Bank, GeNIeTransform
from genie_transforms.format import SOURCES, verify_bank
from index.build import build, report_build
from index.config import BuildConfig
from index.sources import open_source


def test_every_image_of_the_demo_is_a_hit_after_six_pairs(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = {"max_pairs": 6, "num_inference_steps": 4, "preview": 0}
    printed = report_build(BuildConfig(out=tmp_path / "bank", **settings))
    source = open_source("")
    bank = Bank.open(tmp_path / "bank", keep=None)
    assert len(bank) == 6  # one for each class
    assert bank.manifest.pixel_keys is not None
    assert bank.manifest.pixel_keys["images"] == len(source)
    transform = GeNIeTransform(bank, p=1)
    for row in range(len(source)):
        transform(source.image(row))
    assert transform.counters == (42, 42, 0, 0)
    with caplog.at_level(logging.WARNING, "genie.bank"):
        kept = Bank.open(tmp_path / "bank").kept
    assert f"training     {kept}" in printed
    for name in kept.empty_classes:
        assert f"of {name}" in printed or f", {name}" in printed
    assert [str(kept) in record.getMessage() for record in caplog.records] == [True] * bool(
        kept.empty_classes
    )
    assert verify_bank(tmp_path / "bank") == []


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine photos in three classes; one is there in two of them, another twice in its own."""
    from index.demo.scenes import Scenes

    root = tmp_path_factory.mktemp("photos")
    Scenes(3, classes=("arrow", "drop", "fish"), seed=1).write_image_folder(root)
    first, second = sorted((root / "arrow").iterdir())[:2]
    (root / "drop" / "copy.png").write_bytes(first.read_bytes())
    (root / "arrow" / "copy.png").write_bytes(second.read_bytes())
    return root


def test_all_are_hits_but_those_of_two_classes(
    photos: Path, tmp_path: Path, stable_diffusion_folder: Path
) -> None:
    settings = {
        "source": str(photos),
        "model": str(stable_diffusion_folder),
        "backbone": "demo",
        "max_pairs": 6,
        "num_inference_steps": 2,
        "noise_ratios": (0.6, 0.9),
        "resolution": 16,
        "preview": 0,
    }
    printed = report_build(BuildConfig(out=tmp_path / "bank", **settings))
    assert "two classes  1 of 9 images are there in more than one class" in printed
    assert "copies       1 of 11 images were left out of the plan: another one of" in printed
    bank = Bank.open(tmp_path / "bank", keep=None)
    assert set(bank.labels.tolist()) == {0, 1, 2}
    transform = GeNIeTransform(bank, p=1)
    dataset = ImageFolder(str(photos), transform)
    for index in range(len(dataset)):
        assert dataset[index][0].size == (64, 64)
    assert transform.counters == (11, 9, 2, 0)
    # Built again elsewhere, with another plan: the same images, so the same bytes.
    build(BuildConfig(out=tmp_path / "again", **{**settings, "max_pairs": 3}))
    assert (tmp_path / "again" / SOURCES).read_bytes() == (bank.path / SOURCES).read_bytes()


def test_copies_within_a_class_make_each_row_once(photos: Path, tmp_path: Path) -> None:
    config = BuildConfig(
        source=str(photos), backbone="demo", method="genie", num_inference_steps=2, preview=0,
        out=tmp_path / "bank",
    )  # fmt: skip
    # Three arrows, of which one is there twice; three drops and an arrow; three fish.
    assert "pairs        20 planned, 20 made, 0 failed" in report_build(config)
    bank = Bank.open(config.out, keep=None)
    assert len({(row.source_digest, row.source_label, row.label) for row in bank}) == 20
    source = open_source(str(photos))
    copied = [row for row, name in enumerate(source.ids) if name == "arrow/copy.png"]
    transform = GeNIeTransform(bank, p=1, replace="source")
    transform(source.image(copied[0]), 0)  # a negative that was made from the other one
    assert transform.counters[1] == 1
