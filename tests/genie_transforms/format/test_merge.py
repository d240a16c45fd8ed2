from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from genie_transforms import (
    Bank,
    BankFormatError,
    GeNIeTransform,
    UnfinishedBankError,
    source_digest,
)
from genie_transforms.format.merge import merged_names
from tests.banks import CLASSES, all_pairs, row, row_of, source_image, write_bank
from tests.judged import reject


def seeds(bank: Bank) -> list[int]:
    return [negative.seed for negative in bank]


def test_rows_come_one_bank_after_the_other(tmp_path: Path) -> None:
    rows = all_pairs()
    parts = [write_bank(tmp_path / "a", rows[:5]), write_bank(tmp_path / "b", rows[5:])]
    merged = Bank.merge(parts, tmp_path / "all")
    assert seeds(merged) == list(range(12))
    assert merged.class_names == list(CLASSES)
    assert merged.manifest.counts == {
        "failed": 0, "merged_rows": 12, "pairs": 12, "rows": 12, "shards": 4
    }  # fmt: skip
    assert merged.verify() == []
    assert [row_of(np.asarray(negative.image())) for negative in merged] == list(range(12))


def test_duplicates_are_dropped_and_counted(tmp_path: Path) -> None:
    rows = all_pairs()
    parts = [write_bank(tmp_path / "a", rows[:8]), write_bank(tmp_path / "b", rows[4:])]
    merged = Bank.merge(parts, tmp_path / "all")
    assert seeds(merged) == list(range(12))
    assert merged.manifest.counts["merged_rows"] == 16


def test_one_image_in_two_classes_keeps_both_rows_and_the_rejection_of_one(tmp_path: Path) -> None:
    folder = write_bank(tmp_path / "a", [row(1, 0, 0, 2), row(1, 0, 1, 2)], num_shards=1)
    reject(folder, [1])
    merged = Bank.merge([folder], tmp_path / "all")
    rows = Bank.open(merged.path, keep="~rejected")
    assert [(r.source_label, r.label) for r in rows] == [(0, 2)]


def test_the_same_pair_with_another_image_is_not_a_duplicate(tmp_path: Path) -> None:
    parts = [
        write_bank(tmp_path / "a", [row(1, 0, 0, 1)]),
        write_bank(tmp_path / "b", [row(2, 0, 0, 1)]),
    ]
    assert seeds(Bank.merge(parts, tmp_path / "all")) == [1, 2]


def test_classes_are_matched_by_name(tmp_path: Path) -> None:
    a = write_bank(tmp_path / "a", [row(1, 0, 0, 1)], class_names=["cat", "dog"])
    b = write_bank(tmp_path / "b", [row(2, 1, 0, 1)], class_names=["bird", "cat"])
    merged = Bank.merge([a, b], tmp_path / "all")
    assert merged.class_names == ["bird", "cat", "dog"]
    named = [
        (merged.class_names[r.source_label], merged.class_names[r.label], r.nearest_class)
        for r in merged
    ]
    assert named == [("cat", "dog", 2), ("bird", "cat", 1)]
    assert merged.verify() == []
    image, label = GeNIeTransform(merged, p=[0, 1, 1])((source_image(9), 2))
    assert (row_of(np.asarray(image)), label) == (1, 2)


def test_order_of_merged_names() -> None:
    assert merged_names([["a", "c"], ["b", "c"]]) == ["a", "b", "c"]
    assert merged_names([["c", "a"], ["b", "c"]]) == ["c", "a", "b"]
    assert merged_names([["c", "a"]]) == ["c", "a"]


def test_a_null_class_stays_null(tmp_path: Path) -> None:
    bank = write_bank(tmp_path / "a", [row(1, 0, 0, 1, nearest_class=None)])
    assert Bank.merge([bank], tmp_path / "all")[0].nearest_class is None


def test_nothing_is_left_when_it_fails(tmp_path: Path) -> None:
    good, bad = write_bank(tmp_path / "a"), write_bank(tmp_path / "b", [row(1, 0, 0, 7)])
    with pytest.raises(Exception, match="the label 7, which is none of the 3 classes"):
        Bank.merge([good, bad], tmp_path / "all")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_refusals(tmp_path: Path) -> None:
    bank = write_bank(tmp_path / "a")
    with pytest.raises(ValueError, match="no bank to merge"):
        Bank.merge([], tmp_path / "all")
    with pytest.raises(FileExistsError, match="give another folder"):
        Bank.merge([bank], bank)
    (bank / "genie.json").unlink()
    with pytest.raises(UnfinishedBankError):
        Bank.merge([bank], tmp_path / "all")


def test_datasets_opens_a_merged_bank(tmp_path: Path) -> None:
    import datasets

    Bank.merge([write_bank(tmp_path / "a")], tmp_path / "all")
    dataset = datasets.load_from_disk(str(tmp_path / "all"))
    assert dataset.features["label"].names == list(CLASSES)
    assert row_of(np.asarray(dataset[7]["image"])) == 7


def test_sources_are_joined_under_their_new_numbers(tmp_path: Path) -> None:
    a = write_bank(tmp_path / "a", known=True)
    b = write_bank(tmp_path / "b", [row(90, 40, 1, 0)], class_names=["ant", "cat"])
    c = write_bank(tmp_path / "c", [row(91, 20, 1, 0)], class_names=["ant", "cat"])  # a bird in a
    merged = Bank.merge([a, b, c], tmp_path / "all")
    assert merged.class_names == ["cat", "dog", "bird", "ant"]
    found = [merged.class_of_source(source_digest(source_image(k))) for k in (0, 19, 20, 40, 41)]
    assert found == ["cat", "dog", None, "cat", None]
    assert merged.manifest.sources is not None
    assert merged.manifest.sources["images"] == 31
    assert merged.verify() == []
    assert Bank.merge([b, c], tmp_path / "old").manifest.sources is None


def test_rows_that_are_none_are_refused_by_name(tmp_path: Path) -> None:
    a = write_bank(tmp_path / "a", known=True)
    for number, changes in enumerate(({"source_label": 3}, {"source_digest": "xyz"})):
        bad = write_bank(tmp_path / f"bad{number}", [{**row(1, 0, 0, 1), **changes}])
        with pytest.raises(BankFormatError, match=r"index\.verify|is damaged|has the source_label"):
            Bank.merge([a, bad], tmp_path / "all")
