"""Merged banks keep what their parts know of their sources: index, embeddings, statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genie_transforms import Bank
from index.build import build
from index.config import BuildConfig
from index.convert import main
from index.demo.scenes import Scenes
from index.embed import EmbeddingIndex
from index.leakage import LeakageConfig, check_leakage
from tests.banks import write_bank


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, stable_diffusion_folder: Path) -> list[Path]:
    """Two banks of two classes each, one of which they share."""
    root, banks = tmp_path_factory.mktemp("parts"), []
    for name, classes in (("a", ("arrow", "drop")), ("b", ("drop", "fish"))):
        Scenes(2, classes=classes, seed=len(banks)).write_image_folder(root / "photos" / name)
        settings = {"resolution": 16, "num_inference_steps": 2, "noise_ratios": (0.6, 0.9)}
        config = BuildConfig(
            source=str(root / "photos" / name),
            model=str(stable_diffusion_folder),
            backbone="demo",
            out=root / name,
            preview=0,
            pairs_per_shard=3,
            **settings,
        )
        banks.append(build(config))
    return banks


def test_the_leakage_guard_knows_a_merged_bank(parts: list[Path], tmp_path: Path) -> None:
    out, held_out = tmp_path / "all", tmp_path / "test"
    main(["merge", *map(str, parts), str(parts[0]), "--out", str(out)])  # one of them twice
    bank = Bank.open(out, keep=None)
    assert bank.class_names == ["arrow", "drop", "fish"]
    assert len(bank) == sum(len(Bank.open(part, keep=None)) for part in parts) == 8
    assert bank.verify() == []
    index = EmbeddingIndex.load(out / "index")
    assert len(index) == 8
    assert np.bincount(index.labels).tolist() == [2, 4, 2]

    Scenes(1, classes=("fish",), seed=5).write_image_folder(held_out)
    fresh = check_leakage(LeakageConfig(out, held_out, similarity=1.0))
    assert fresh.same == []
    copied = sorted((parts[1].parent / "photos" / "b").rglob("*.png"))[0]
    (held_out / "source.png").write_bytes(copied.read_bytes())
    bank.image(7).save(held_out / "negative.png")
    report = check_leakage(LeakageConfig(out, held_out))
    assert report.same == ["source.png"]
    assert report.near_sources["source.png"] == 1
    assert report.near_negatives["negative.png"] == 1
    assert report.augmented_test is not None


def test_what_cannot_be_merged_is_said(
    parts: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    other = write_bank(tmp_path / "other")
    main(["merge", str(parts[0]), str(other), "--out", str(tmp_path / "all")])
    said = [record.getMessage() for record in caplog.records]
    assert any("gets no index" in text and "index.json is missing" in text for text in said)
    assert any("gets no embeddings" in text for text in said)
    assert not (tmp_path / "all" / "embeddings").exists()
    assert Bank.open(tmp_path / "all").verify() == []
