from __future__ import annotations

import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from torchvision.datasets import ImageFolder

from genie_transforms import Bank, UserError
from genie_transforms.format import NONE_OF_THEM, arrow_schema, read_shard, write_shard
from tests import judged
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


def test_torchvision_reads_an_export_with_empty_classes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bank = Bank.open(write_bank(tmp_path / "bank"), keep="label == 1")
    caplog.clear()
    out = bank.export(tmp_path / "out", "imagefolder")
    assert "2 of 3 classes have no rows" in caplog.text
    assert f"ImageFolder({str(out)!r}, allow_empty=True)" in caplog.text
    dataset = ImageFolder(str(out), allow_empty=True)
    assert dataset.classes == ["bird", "cat", "dog"]  # also those without rows
    assert dataset.targets == [2] * 4
    assert {row_of(np.asarray(image)) for image, _ in dataset} == {r.seed for r in bank}


def test_every_column_is_exported(tmp_path: Path) -> None:
    rows = [row(1, 0, 0, 1, margin=0.25, near_duplicate=True, blank=False, stale=None)]
    bank = Bank.open(write_bank(tmp_path / "bank", rows))
    assert (bank[0].margin, bank[0].near_duplicate, bank[0].stale) == (0.25, True, None)
    assert {*bank[0].values(), "image"} == set(arrow_schema(CLASSES).names)
    bank.export(tmp_path / "out", "imagefolder")
    content = json.loads((tmp_path / "out" / "metadata.jsonl").read_text())
    names = {*arrow_schema(CLASSES).names, "file_name", "rejected"}
    assert {**content, "image": None}.keys() == names


def test_what_judges_and_people_say_stands_beside_each_row(tmp_path: Path) -> None:
    path = write_bank(tmp_path / "bank", [row(i, 0, 0, 1) for i in range(3)])
    judged.reject(path, [2])
    judged.judge(path, "clip", [1, NONE_OF_THEM, None], target=[0.25, 0.5, 0.75])
    out = Bank.open(path, keep=None).export(tmp_path / "out", "imagefolder")
    rows = [json.loads(line) for line in (out / "metadata.jsonl").read_text().splitlines()]
    assert [entry["rejected"] for entry in rows] == [False, False, True]
    assert [entry["clip_class"] for entry in rows] == ["dog", None, None]
    assert [entry["clip_target_probability"] for entry in rows] == [0.25, 0.5, 0.75]
    assert ImageFolder(str(out), allow_empty=True).classes == sorted(CLASSES)


def test_a_row_of_an_older_bank_lacks_the_last_columns(tmp_path: Path) -> None:
    write_bank(tmp_path, num_shards=1)
    (shard,) = sorted(tmp_path.glob("data-*.arrow"))
    write_shard(shard, read_shard(shard).drop_columns(["margin", "near_duplicate"]))
    row = Bank.open(tmp_path)[0]
    assert (row.margin, row.near_duplicate, row.blank) == (None, None, False)


def test_an_export_with_empty_classes_is_read_by_datasets(tmp_path: Path) -> None:
    import datasets

    path = write_bank(tmp_path / "bank", known=True)
    out = Bank.open(path, keep="label == 1").export(tmp_path / "out", "imagefolder")
    loaded = datasets.load_dataset("imagefolder", data_dir=str(out), split="train")
    assert loaded["label"] == ["dog"] * 4


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
    assert files == ["00000.tar", "00001.tar", "00002.tar", "bank.json"]
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


@pytest.mark.parametrize(
    "names",
    [
        ["cat", "metadata.jsonl"],
        ["cat", "judgements-rejected.arrow"],
        ["cat", "a" * 256],
    ],
)
def test_names_that_cannot_be_folders_of_their_own(tmp_path: Path, names: list[str]) -> None:
    path = write_bank(tmp_path / "bank", all_pairs(2, 2), class_names=names)
    judged.reject(path, [0])
    bank = Bank.open(path)
    with pytest.raises(UserError, match="cannot be the name of a folder of its own"):
        bank.export(tmp_path / "out", "imagefolder")
    assert not (tmp_path / "out").exists()
