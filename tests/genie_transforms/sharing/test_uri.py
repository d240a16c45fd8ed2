"""A bank that a URI names is fetched once, checked, and opened from the cache."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from genie_transforms import Bank, BankFormatError, BankNotFoundError, UnfinishedBankError
from genie_transforms.format import RemoteFile, RemoteFolder
from tests import judged
from tests.banks import all_pairs, write_bank


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bank elsewhere; here is only the cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return write_bank(tmp_path / "there" / "birds", all_pairs())


def _cached(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_it_is_fetched_once(there: Path, tmp_path: Path) -> None:
    (there / "decoded").mkdir()
    (there / "decoded" / "cache").write_text("not of the bank")
    bank = Bank.open(there.as_uri(), keep=None)
    assert bank.path.name == "birds"
    assert len(bank) == len(Bank.open(there, keep=None))
    assert bank[3].image_bytes() == Bank.open(there, keep=None)[3].image_bytes()
    before = {path: path.stat().st_mtime_ns for path in _cached(tmp_path)}
    assert not any("decoded" in path.parts for path in before)
    assert Bank.open(there.as_uri(), keep=None).path == bank.path
    assert {path: path.stat().st_mtime_ns for path in _cached(tmp_path)} == before
    # A bank that was built again is another one, and the first stays as it is.
    manifest = json.loads((there / "genie.json").read_text())
    manifest["counts"]["pairs"] = 99
    (there / "genie.json").write_text(json.dumps(manifest))
    again = Bank.open(there.as_uri(), keep=None)
    assert (again.manifest.counts["pairs"], again.path == bank.path) == (99, False)
    assert bank.path.is_dir()


def test_what_people_said_since_is_seen_and_no_shard_fetched_again(
    there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Bank.open(there.as_uri())
    fetched: list[str] = []
    get = RemoteFolder.get

    def counted(self: RemoteFolder, name: str, path: Path, size: int) -> None:
        fetched.append(name)
        get(self, name, path, size)

    monkeypatch.setattr(RemoteFolder, "get", counted)
    marks = there / "judgements" / "rejected.arrow"
    for second, rejected in enumerate(([0, 1, 2, 3], [4])):
        judged.reject(there, rejected)
        os.utime(marks, (second, second))  # a listing tells seconds
        kept = Bank.open(there.as_uri())
        assert [row.seed for row in kept] == [seed for seed in range(12) if seed not in rejected]
    marks.unlink()
    assert len(Bank.open(there.as_uri())) == 12
    assert "judgements/rejected.arrow" in fetched
    assert not [name for name in fetched if name.startswith("data-")]
    assert list(first.path.parent.rglob("judgements")) == []  # nothing changes under a training


def test_a_shard_that_was_damaged_here_is_fetched_again(there: Path) -> None:
    first = Bank.open(there.as_uri(), keep=None)
    shard = first.path / first.manifest.shards[1]["name"]
    data = bytearray(shard.read_bytes())
    data[-100] ^= 1
    shard.write_bytes(data)
    judged.reject(there, [0])  # so that it is another copy
    assert Bank.open(there.as_uri(), keep=None).verify() == []


def test_what_is_no_bank_is_told(there: Path, tmp_path: Path) -> None:
    with pytest.raises(BankNotFoundError, match=r"no bank at file://.*/nothing"):
        Bank.open((tmp_path / "nothing").as_uri())
    (shard,) = list(there.glob("data-*.arrow"))[:1]
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(BankFormatError, match=rf"birds/{shard.name} is not what genie.json says"):
        Bank.open(there.as_uri())
    shard.unlink()
    with pytest.raises(BankFormatError, match=rf"birds/{shard.name} is not what genie.json says"):
        Bank.open(there.as_uri())
    (there / "genie.json").unlink()
    with pytest.raises(UnfinishedBankError, match=r"has no genie.json: its build did not end"):
        Bank.open(there.as_uri())
    assert not _cached(tmp_path)


@pytest.mark.parametrize("name", ["index/../../evil", "stats/..\\evil", "index/a/b\0c"])
def test_a_name_that_leads_out_of_the_folder_is_refused(
    there: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    files = RemoteFolder.files
    monkeypatch.setattr(RemoteFolder, "files", lambda self: {**files(self), name: RemoteFile(1, 1)})
    with pytest.raises(BankFormatError, match="names a file outside its folder"):
        Bank.open(there.as_uri())
    assert not _cached(tmp_path)
