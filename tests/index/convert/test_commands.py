"""Merge and export from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from index.convert import main
from tests.banks import write_bank
from tests.index.convert.conftest import Refused


def test_merge_and_export_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], refused: Refused
) -> None:
    first, second = write_bank(tmp_path / "a"), write_bank(tmp_path / "b")
    out = tmp_path / "all"
    main(["merge", str(first), str(second), "--out", str(out)])
    assert capsys.readouterr().out == f"{out}: 12 rows, 12 duplicates dropped\n"
    tars = tmp_path / "tars"
    main(["export", str(out), "--out", str(tars), "--layout", "webdataset", "--keep", "label == 1"])
    assert "4 of 12 rows kept" in capsys.readouterr().out
    assert sorted(path.name for path in tars.iterdir()) == ["00000.tar", "bank.json"]
    assert "not empty" in refused(["merge", str(first), "--out", str(out)])
    assert "no bank at" in refused(["export", str(tmp_path / "c"), "--out", "d"])
    (first / "genie.json").write_text("{")
    assert "is damaged" in refused(["merge", str(first), "--out", str(tmp_path / "d")])
