from __future__ import annotations

import os
from pathlib import Path

import pytest

from genie_transforms import Bank, BankFormatError
from genie_transforms.format import bank_file, read_json, untrusted
from tests.banks import write_bank

SHARD = "data-00000-of-00002.arrow"


@pytest.mark.parametrize(
    "name", ["", ".", "/etc/passwd", "../other/x", "a/../../x", "a\\..\\x", "x\0", "..", "index/.."]
)
def test_names_that_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(BankFormatError, match="outside its folder"):
        bank_file(tmp_path, name)


@pytest.mark.parametrize("target", ["../other/x", "/dev/zero", "/etc/passwd"])
def test_links_out_of_the_folder(tmp_path: Path, target: str) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "x").write_text("{}")
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / "link").symlink_to(target)
    with pytest.raises(BankFormatError, match="outside the bank: copy the file there"):
        bank_file(tmp_path / "bank", "link")
    # Nor by a folder that is a link.
    (tmp_path / "bank" / "index").symlink_to(tmp_path / "other")
    with pytest.raises(BankFormatError, match="outside the bank"):
        bank_file(tmp_path / "bank", "index/x")


def test_links_within_the_folder_and_a_folder_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / "x").write_text("{}")
    (tmp_path / "bank" / "link").symlink_to("x")
    (tmp_path / "other").symlink_to("bank")
    assert read_json(tmp_path / "other", "link") == {}


def test_the_cache_of_the_hub_is_links_to_its_blobs(tmp_path: Path) -> None:
    snapshot = tmp_path / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (tmp_path / "blobs").mkdir()
    for path in write_bank(tmp_path / "bank").iterdir():
        path.rename(tmp_path / "blobs" / path.name)
        (snapshot / path.name).symlink_to(f"../../blobs/{path.name}")
    assert Bank.open(snapshot).verify() == []


def test_what_is_no_regular_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for name in ("pipe", "folder"):
        with pytest.raises(BankFormatError, match="is not a regular file"):
            bank_file(tmp_path, name)
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(BankFormatError, match="cannot be read"):
        bank_file(tmp_path, "circle")


def test_json_that_is_too_large_or_too_deep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "x").write_text("[" * 10**5)
    with pytest.raises(BankFormatError, match="x is damaged"):
        read_json(tmp_path, "x")
    monkeypatch.setattr(untrusted, "_MAX_JSON_BYTES", 5)
    (tmp_path / "x").write_text("[1,2]")
    assert read_json(tmp_path, "x") == [1, 2]
    (tmp_path / "x").write_text("[1,22]")
    with pytest.raises(BankFormatError, match="larger than 5 bytes"):
        read_json(tmp_path, "x")


def test_a_bank_of_pipes_and_devices_is_refused_and_verified(tmp_path: Path) -> None:
    bank = write_bank(tmp_path / "bank")
    (bank / SHARD).unlink()
    (bank / SHARD).symlink_to("/dev/zero")
    (bank / "state.json").unlink()
    os.mkfifo(bank / "state.json")
    with pytest.raises(BankFormatError, match="outside the bank"):
        Bank.open(bank)
    state, shard = Bank(bank, None).verify()
    assert "is not a regular file" in state
    assert shard.startswith(f"{SHARD}: ")
    assert "outside the bank" in shard
    (bank / "genie.json").unlink()
    os.mkfifo(bank / "genie.json")
    with pytest.raises(BankFormatError, match="is not a regular file"):
        Bank.open(bank)
