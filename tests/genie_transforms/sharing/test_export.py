from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from genie_transforms import Bank, UserError
from tests.banks import CLASSES, all_pairs, row, row_of, write_bank


def test_image_folder_is_read_by_torchvision(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank"))
    dataset = ImageFolder(str(bank.export(tmp_path / "out", "imagefolder")))
    assert dataset.classes == sorted(CLASSES)
    found = {row_of(np.asarray(image)): dataset.classes[label] for image, label in dataset}
    assert found == {r.seed: CLASSES[r.label] for r in bank}


def test_images_are_copied_as_they_are(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank"))
    bank.export(tmp_path / "out", "imagefolder")
    lines = (tmp_path / "out" / "metadata.jsonl").read_text().splitlines()
    assert len(lines) == 12
    for index, line in enumerate(map(json.loads, lines)):
        assert (tmp_path / "out" / line["file_name"]).read_bytes() == bank.image_bytes(index)
        assert line["source_digest"] == bank[index].source_digest
        assert line["label"] == CLASSES[bank[index].label]
        assert line["nearest_class"] == line["label"]


def test_export_follows_the_filter_and_keeps_empty_classes(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank"), keep="label == 1")
    bank.export(tmp_path / "out", "imagefolder")
    counts = {name: len(list((tmp_path / "out" / name).iterdir())) for name in CLASSES}
    assert counts == {"cat": 0, "dog": 4, "bird": 0}


def test_webdataset_is_read_by_datasets(tmp_path: Path) -> None:
    import datasets

    bank = Bank.open(write_bank(tmp_path / "bank"))
    bank.export(tmp_path / "out", "webdataset")
    loaded = datasets.load_dataset(
        "webdataset", data_files=str(tmp_path / "out" / "*.tar"), split="train", streaming=True
    )
    samples = list(loaded)
    assert [sample["__key__"] for sample in samples] == [f"{index:09d}" for index in range(12)]
    for index, sample in enumerate(samples):
        assert row_of(np.asarray(sample["png"])) == index
        assert sample["cls"] == bank[index].label
        assert sample["json"]["label"] == CLASSES[bank[index].label]


def test_tar_files_are_cut_and_the_same_every_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("genie_transforms._sharing.export._ROWS_PER_TAR", 5)
    bank = Bank.open(write_bank(tmp_path / "bank"))
    for name in ("one", "two"):
        bank.export(tmp_path / name, "webdataset")
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert files == ["00000.tar", "00001.tar", "00002.tar"]
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    with tarfile.open(tmp_path / "one" / "00002.tar") as tar:
        assert tar.getnames()[:3] == ["000000010.png", "000000010.cls", "000000010.json"]
        assert len(tar.getnames()) == 6


def test_numbers_that_json_lacks_become_null(tmp_path: Path) -> None:
    rows = [row(1, 0, 0, 1, projections=[0.0, float("nan"), 1.0])]
    bank = Bank.open(write_bank(tmp_path / "bank", rows))
    bank.export(tmp_path / "out", "imagefolder")
    content = json.loads((tmp_path / "out" / "metadata.jsonl").read_text())
    assert content["projections"] == [0.0, None, 1.0]


def test_refusals(tmp_path: Path) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank"))
    with pytest.raises(ValueError, match="layout must be one of imagefolder, webdataset"):
        bank.export(tmp_path / "out", "zip")  # type: ignore[arg-type]
    with pytest.raises(FileExistsError, match="not empty"):
        bank.export(tmp_path / "bank", "webdataset")
    rows = all_pairs(2, 2)
    slashed = Bank.open(write_bank(tmp_path / "b", rows, class_names=["cat", "apple/pear"]))
    with pytest.raises(ValueError, match="'apple/pear' cannot be the name of a folder"):
        slashed.export(tmp_path / "out", "imagefolder")
    assert not (tmp_path / "out").exists()
    slashed.export(tmp_path / "out", "webdataset")


@pytest.mark.parametrize("names", [["cat", "cat"], ["cat", "metadata.jsonl"], ["cat", "a" * 256]])
def test_names_that_cannot_be_folders_of_their_own(tmp_path: Path, names: list[str]) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank", all_pairs(2, 2), class_names=names))
    with pytest.raises(UserError, match="cannot be the name of a folder of its own"):
        bank.export(tmp_path / "out", "imagefolder")
    assert not (tmp_path / "out").exists()
