"""The one writer of whole banks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from genie_transforms import FolderInUseError, UserError
from genie_transforms.format import BankDescription, Manifest, verify_bank, write_bank
from tests.banks import CLASSES, all_pairs

DESCRIPTION = BankDescription(CLASSES, {"method": "test"}, {"model": "m"}, {"pairs": 13})


def tables() -> Iterator[pa.Table]:
    rows = all_pairs()
    for part in (rows[:5], [], rows[5:]):
        yield pa.Table.from_pylist(part, schema=DESCRIPTION.schema)


def test_a_written_bank_is_sound_and_says_what_it_is(tmp_path: Path) -> None:
    manifest = write_bank(tmp_path / "bank", tables(), 3, DESCRIPTION)
    assert Manifest.read(tmp_path / "bank") == manifest
    assert verify_bank(tmp_path / "bank") == []
    assert [shard["rows"] for shard in manifest.shards] == [5, 0, 7]
    assert manifest.shards[2]["name"] == "data-00002-of-00003.arrow"
    assert manifest.counts == {"failed": 0, "pairs": 13, "rows": 12, "shards": 3}
    assert (manifest.recipe, manifest.fingerprint) == ({"method": "test"}, {"model": "m"})


def test_two_classes_of_one_name_are_refused(tmp_path: Path) -> None:
    twice = BankDescription(["crane", "dog", "crane"], {}, {}, {})
    with pytest.raises(UserError, match="classes has the name 'crane' twice"):
        write_bank(tmp_path / "bank", tables(), 3, twice)
    assert not (tmp_path / "bank").exists()


def test_a_failing_source_of_tables_leaves_nothing(tmp_path: Path) -> None:
    def failing() -> Iterator[pa.Table]:
        yield next(tables())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_bank(tmp_path / "bank", failing(), 2, DESCRIPTION)
    assert list(tmp_path.iterdir()) == []


def test_another_bank_is_not_overwritten(tmp_path: Path) -> None:
    write_bank(tmp_path / "bank", tables(), 3, DESCRIPTION)
    with pytest.raises(FolderInUseError, match="give another folder"):
        write_bank(tmp_path / "bank", tables(), 3, DESCRIPTION)
    assert verify_bank(tmp_path / "bank") == []
