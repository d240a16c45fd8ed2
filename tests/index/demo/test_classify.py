"""The command that leads on from the demo: with and without the bank, on new scenes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genie_transforms import MissingFileError, UserError, source_digest
from index.demo import Scenes
from index.demo.classify import main
from index.demo.comparison import compare, describe
from index.demo.config import ClassifyConfig
from tests.banks import row, write_bank

CLASSES = ["drop", "arrow"]  # the bank's order; that of the folder is the alphabet's
QUICK = {"steps": 3, "seeds": 2, "batch_size": 4, "num_test": 5}


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, Path]:
    """Four scenes as a folder of images, and a bank of one negative of each."""
    scenes = Scenes(2, classes=CLASSES, seed=5)
    scenes.write_image_folder(tmp_path / "demo-images")
    rows = [
        row(
            i,
            i,
            scenes.targets[i],
            1 - scenes.targets[i],
            source_digest=source_digest(scenes[i][0]),
        )
        for i in range(4)
    ]
    write_bank(tmp_path / "genie-bank", rows, class_names=CLASSES)
    return {"bank": tmp_path / "genie-bank", "images": tmp_path / "demo-images"}


def test_both_kinds_are_trained_and_tested(folders: dict[str, Path]) -> None:
    config = ClassifyConfig(**folders, **QUICK, p=1.0)
    result = compare(config)
    assert (result.num_images, result.num_negatives, result.num_test) == (4, 4, 10)
    assert (result.num_classes, result.num_classes_with_negatives) == (2, 2)
    assert result.counters == (24, 24, 0, 0)  # of the trainings with the bank: 2 x 3 x 4
    assert result.without.shape == result.with_bank.shape == (2,)
    again = compare(config)
    assert np.array_equal(again.without, result.without)
    assert np.array_equal(again.with_bank, result.with_bank)
    text = describe(config, result)
    assert "100% of the images seen with the bank were negatives" in text
    assert f"{100 * result.with_bank.mean():.1f} %" in text


def test_with_p_0_both_kinds_are_the_same_but_for_what_is_drawn(folders: dict[str, Path]) -> None:
    result = compare(ClassifyConfig(**folders, **QUICK, p=0.0))
    assert result.counters.replaced == 0
    assert result.counters.seen == 24


def test_what_cannot_be_compared_is_refused(
    folders: dict[str, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(MissingFileError, match=r"no such folder; `make demo`"):
        compare(ClassifyConfig(bank=folders["bank"], images=tmp_path / "none", **QUICK))
    Scenes(1, classes=CLASSES, seed=6).write_image_folder(tmp_path / "others")
    with pytest.raises(UserError, match=r"none of the images in .*others was replaced"):
        compare(ClassifyConfig(bank=folders["bank"], images=tmp_path / "others", **QUICK, p=1.0))
    (tmp_path / "others" / "drop").rename(tmp_path / "others" / "bee")
    with pytest.raises(UserError, match=r"the classes \['bee'\], of which there are no held-out"):
        compare(ClassifyConfig(bank=folders["bank"], images=tmp_path / "others", **QUICK))
    with pytest.raises(SystemExit):
        main(["--bank", str(tmp_path / "none"), "--images", str(folders["images"])])
    assert "error: " in caplog.text
    with pytest.raises(UserError, match="steps must be at least 1, got 0"):
        ClassifyConfig(steps=0)
