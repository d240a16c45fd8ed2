"""Rows are rejected by their content, and accepted again; a list of another bank is refused."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from genie_transforms import Bank
from genie_transforms.format import Manifest, judgement_path, row_keys
from index.curate import main
from tests.banks import all_pairs, write_bank
from tests.judged import judge, reject


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return write_bank(tmp_path / "bank")


def write_list(folder: Path, rows: Sequence[int] = (), accept: Sequence[int] = ()) -> str:
    """Write a list of rows of a bank as the report does; return its path."""
    keys = [key.hex() for key in row_keys(folder, Manifest.read(folder)).to_pylist()]
    content = {"reject": [keys[row] for row in rows], "accept": [keys[row] for row in accept]}
    path = folder.parent / "list.json"
    path.write_text(json.dumps(content))
    return str(path)


def rejected(folder: Path) -> list[int]:
    return [row.seed for row in Bank.open(folder, keep="rejected")]


def test_a_list_is_applied_and_undone(bank: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(bank)])
    assert "nobody has rejected a row" in capsys.readouterr().out
    main([str(bank), "--reject", write_list(bank, [2, 5])])
    said = capsys.readouterr().out
    assert said.startswith("2 rows rejected, 0 accepted\n2 of 12 rows of")
    main([str(bank), "--reject", write_list(bank, [5, 7], accept=[2, 3])])
    assert rejected(bank) == [5, 7]
    assert capsys.readouterr().out.startswith("1 rows rejected, 1 accepted\n")
    main([str(bank), "--undo"])
    assert rejected(bank) == [2, 5]
    main([str(bank), "--accept", write_list(bank, [5])])
    assert rejected(bank) == [2]
    assert Bank.open(bank).verify() == []


def test_a_list_hits_the_same_rows_of_a_changed_bank(
    bank: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = write_list(bank, [1, 2, 3])
    rows = all_pairs()
    rows[2]["image"] = rows[0]["image"]
    changed = write_bank(tmp_path / "changed", rows[::-1])
    main([str(changed), "--reject", given])
    assert "2 rows rejected, 0 accepted; 1 rows of the list are not in the bank" in (
        capsys.readouterr().out
    )
    assert sorted(rejected(changed)) == [1, 3]


def test_rows_are_joined_again_after_a_change(bank: Path, tmp_path: Path) -> None:
    reject(bank, [4])
    judge(bank, "oracle", [0] * 12)
    other = write_bank(tmp_path / "other", all_pairs()[::-1])
    judgement_path(other, "oracle").parent.mkdir()
    for name in ("rejected", "oracle"):
        judgement_path(other, name).write_bytes(judgement_path(bank, name).read_bytes())
    main([str(other)])
    assert rejected(other) == [4]
    assert Bank.open(other, keep=None).column("oracle_class").tolist() == [0] * 12


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (None, "no list at"),
        ("[]", "is no list of report.html"),
        ("[" * 10**5, "is no list"),
        ('{"reject": ["00"], "accept": []}', "64 hexadecimal digits"),
        ('{"reject": "00", "accept": []}', "a list of texts"),
        (json.dumps({"reject": ["g" * 64], "accept": []}), "is no list"),
        (json.dumps({"reject": ["a" * 64], "accept": ["a" * 64]}), "rejects and accepts"),
        (json.dumps({"reject": ["a" * 64], "accept": []}), "is of another bank"),
    ],
)
def test_lists_that_are_refused(
    bank: Path, tmp_path: Path, text: str | None, match: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "given.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SystemExit) as stop:
        main([str(bank), "--reject", str(path)])
    assert stop.value.code == 2
    assert match in caplog.text
    assert not judgement_path(bank, "rejected").exists()


def test_nothing_to_undo(bank: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main([str(bank), "--undo"])
    assert "nothing to undo" in caplog.text
    with pytest.raises(SystemExit):
        main([str(bank), "--undo", "--accept", "x"])
    assert "give one of" in caplog.text
