"""The table of fast keys: on disk and back, merged, and never a wrong name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from genie_transforms import Bank, BankFormatError, GeNIeTransform, source_digest
from genie_transforms.format import PIXEL_KEYS, Manifest, PixelKeys, pixel_key, verify_bank
from tests.banks import pixel_keys, source_image, write_bank

ZEROS = [bytes(15) + b"\1", b"\1" + bytes(15), bytes(16)]
DIGESTS = ["00" * 16, "01" + "00" * 15, "00" * 15 + "ff"]


def test_keys_are_found_on_disk_also_those_with_zeros_at_their_ends(tmp_path: Path) -> None:
    table = PixelKeys.of(ZEROS, DIGESTS)
    mapped = PixelKeys.read(tmp_path / "a", table.write(tmp_path / "a"))
    assert [mapped.find(key) for key in ZEROS] == DIGESTS
    assert mapped.find(b"\2" * 16) is None
    assert mapped.problems() == []
    PixelKeys.of(ZEROS[::-1] + ZEROS, DIGESTS[::-1] + DIGESTS).write(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_none_is_kept_of_two_images_with_one_key() -> None:
    table = PixelKeys.of([ZEROS[0], ZEROS[1], ZEROS[0]], [DIGESTS[0], DIGESTS[1], DIGESTS[2]])
    assert table.find(ZEROS[0]) is None
    assert table.find(ZEROS[1]) == DIGESTS[1]
    assert len(PixelKeys.union([])) == 0


@pytest.mark.parametrize(
    ("keys", "digests"), [(ZEROS[:1], DIGESTS), ([b"short"], DIGESTS[:1]), (ZEROS[:1], ["ff"])]
)
def test_what_is_no_key_is_refused(keys: list[bytes], digests: list[str]) -> None:
    with pytest.raises(ValueError, match="key"):
        PixelKeys.of(keys, digests)


def test_a_bank_finds_its_images_by_key_and_others_by_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bank = Bank.open(write_bank(tmp_path, known=True))
    assert bank.digest_of(source_image(99)) == source_digest(source_image(99))
    expected = [source_digest(source_image(index)) for index in range(30)]
    monkeypatch.setattr("genie_transforms._bank.bank.source_digest", None)  # not needed
    assert [bank.digest_of(source_image(index)) for index in range(30)] == expected


def _with_other_hash(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "pixel_keys": {**fields["pixel_keys"], "hash": "of-the-future"}}


def _without(fields: dict[str, Any]) -> dict[str, Any]:
    return {**fields, "pixel_keys": None}


@pytest.mark.parametrize("change", [_with_other_hash, _without])
def test_a_bank_of_another_hash_or_none_finds_its_images_by_digest(
    tmp_path: Path, change: Any
) -> None:
    bank = Bank.open(write_bank(tmp_path, known=True, change=change))
    assert bank.label_of_source(bank.digest_of(source_image(4))) == 1
    transform = GeNIeTransform(bank, p=1.0)
    transform(source_image(4))
    assert transform.counters.replaced == 1
    assert verify_bank(tmp_path) == []


def test_a_merged_bank_has_the_keys_that_its_parts_have(tmp_path: Path) -> None:
    new = write_bank(tmp_path / "new", known=True)
    old = write_bank(tmp_path / "old", known=True, change=_with_other_hash)
    merged = Bank.merge([old, new], tmp_path / "merged")
    assert merged.manifest.pixel_keys == Manifest.read(new).pixel_keys
    assert merged.digest_of(source_image(2)) == source_digest(source_image(2))
    assert Bank.merge([old], tmp_path / "one").manifest.pixel_keys is None
    assert merged.verify() == []


def test_damage_is_told_apart(tmp_path: Path) -> None:
    path = write_bank(tmp_path, known=True) / PIXEL_KEYS
    table = pixel_keys(range(30))
    dataclasses.replace(table, keys=table.keys[::-1].copy()).write(path)
    problems = verify_bank(tmp_path)
    assert problems[0] == (
        f"{PIXEL_KEYS}: pixel keys do not ascend, so that images are not found by them"
    )
    assert problems[1].startswith(f"{PIXEL_KEYS}: SHA-256 is ")
    pixel_keys(range(29)).write(path)
    with pytest.raises(BankFormatError, match="29 images, the manifest says 30"):
        len(Bank.open(tmp_path))
    path.write_bytes(b"nothing")
    with pytest.raises(BankFormatError, match="damaged"):
        len(Bank.open(tmp_path))


def test_every_image_has_its_own_key() -> None:
    keys = [pixel_key(source_image(index)) for index in range(30)]
    assert len(set(keys)) == 30
    assert all(np.frombuffer(key, np.uint8).size == 16 for key in keys)
