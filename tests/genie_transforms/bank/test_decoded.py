"""The decoded cache: reserved before it is written, and made again when it is not what it was."""

from __future__ import annotations

import errno
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from genie_transforms import Bank, BankError
from genie_transforms._bank.decoded import _samples
from genie_transforms.format import this_machine
from tests.banks import all_pairs, write_bank

SIDE = 8


@pytest.fixture
def bank(tmp_path: Path) -> Bank:
    return Bank.open(write_bank(tmp_path / "bank"), keep=None)


def _file(bank: Bank) -> Path:
    (path,) = (bank.path / "decoded").iterdir()
    return path


def _cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"0")


DAMAGES: dict[str, Callable[[Path], None]] = {
    "cut": _cut,
    "longer": _lengthen,
    "empty": lambda path: path.write_bytes(b"") and None,
    "foreign": lambda path: path.write_bytes(b"a picture") and None,
    "shape": lambda path: np.save(path, np.zeros((2, 3, SIDE, SIDE), np.uint8)),
    "dtype": lambda path: np.save(path, np.zeros((12, 3, SIDE, SIDE), np.int8)),
    "order": lambda path: np.save(path, np.zeros((12, 3, SIDE, SIDE), np.uint8, order="F")),
    "several": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(50)) and None,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_cache_is_made_again_and_told(
    bank: Bank, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    bank.decoded(SIDE)
    path, sound = _file(bank), _file(bank).read_bytes()
    path.unlink()
    path.write_bytes(sound)
    DAMAGES[damage](path)
    again = bank.decoded(SIDE)
    assert "is made again" in caplog.text
    assert path.read_bytes() == sound
    assert torch.equal(again.planes(3, (SIDE, SIDE)), bank.planes(3, (SIDE, SIDE)))


def test_a_full_disk_is_an_error_and_not_a_bus_error(
    bank: Bank, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, start: int, length: int) -> None:
        assert length >= 12 * 3 * SIDE * SIDE
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "posix_fallocate", full)
        with pytest.raises(BankError, match=r"No space left on device.*folder="):
            bank.decoded(SIDE)
    assert list((bank.path / "decoded").iterdir()) == []
    bank.decoded(SIDE)


def test_what_a_killed_process_left_is_removed(bank: Bank) -> None:
    bank.decoded(SIDE)
    path = _file(bank)
    path.unlink()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = path.with_name(f".{path.name}.{this_machine()}-{dead.pid}-0123456789ab.tmp")
    left.write_bytes(bytes(1000))
    bank.decoded(SIDE)
    assert _file(bank) == path


def test_a_bank_that_was_built_again_meanwhile_is_decoded_again_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_bank(tmp_path / "bank")
    decoded = Bank.open(path, keep=None).decoded(SIDE)
    first = decoded.planes(0, (SIDE, SIDE)).clone()
    worker = pickle.dumps(decoded)
    path.rename(tmp_path / "old")
    write_bank(path, all_pairs()[4:])
    restarted: Bank = pickle.loads(worker)  # noqa: S301
    expected = Bank.open(path, keep=None).planes(0, (SIDE, SIDE))
    assert torch.equal(restarted.planes(0, (SIDE, SIDE)), expected)
    assert not torch.equal(restarted.planes(0, (SIDE, SIDE)), first)
    assert "was built again while it was in use" in caplog.text
    assert torch.equal(decoded.planes(0, (SIDE, SIDE)), first)  # still mapped: nothing changes


@pytest.mark.parametrize("num_shards", [1, 2, 12])
def test_shards_that_were_copied_over_are_not_shown_as_those_before(
    tmp_path: Path, num_shards: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_bank(tmp_path / "bank", num_shards=num_shards)
    Bank.open(path, keep=None).decoded(SIDE)
    other = write_bank(tmp_path / "other", all_pairs()[::-1], num_shards=num_shards)
    first = f"data-00000-of-{num_shards:05d}.arrow"
    (path / first).unlink()
    shutil.copy(other / first, path / first)
    bank = Bank.open(path, keep=None)
    decoded = bank.decoded(SIDE)
    assert "shows other images than the shards" in caplog.text
    for row in range(12):
        assert torch.equal(decoded.planes(row, (SIDE, SIDE)), bank.planes(row, (SIDE, SIDE)))


def test_a_few_rows_of_a_few_shards_are_compared() -> None:
    assert _samples([5]) == [0, 4]
    assert _samples([0, 1, 0, 3]) == [0, 1, 3]
    assert _samples([]) == _samples([0]) == []
    many = _samples([10] * 1000)
    assert (len(many), many[:2], many[-2:]) == (16, [0, 9], [9990, 9999])


def test_a_cache_that_cannot_be_made_again_is_told_at_each_call(tmp_path: Path) -> None:
    path = write_bank(tmp_path / "bank")
    worker = pickle.dumps(Bank.open(path).decoded(SIDE, tmp_path / "cache"))
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("")  # so that there can be no such folder
    restarted: Bank = pickle.loads(worker)  # noqa: S301
    for _ in range(2):
        with pytest.raises(BankError, match="cannot write the decoded cache"):
            restarted.planes(0, (SIDE, SIDE))
