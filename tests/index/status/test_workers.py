"""Signs of life are read, also those that are none, of other machines, and of the dead."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from genie_transforms.format import this_machine
from index.status.reading import read_status
from index.status.text import lines
from index.status.workers import see_workers
from index.store import hold_folder, read_signs, signing
from tests.banks import row, write_bank


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    return write_bank(tmp_path / "bank", [row(0, 0, 0, 1)])


def _show(bank: Path, name: str, **changes: Any) -> float:
    """Leave a sign; return when it was touched."""
    sign: dict[str, Any] = {
        "host": "n1", "machine": "0" * 8, "process": 7, "rank": None, "job": "j", "threads": 1,
        "order": ["generate", 0], "task": 3, "since": "", "problem": "",
    }  # fmt: skip
    path = bank / "signs" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({**sign, **changes}))
    return path.stat().st_mtime


def test_a_process_of_this_machine_is_alive_until_it_is_dead(bank: Path) -> None:
    with hold_folder(bank, "j"), signing(bank, "j", 2) as begin:
        begin(("retry", 1), 5)
        status = read_status(bank)
        (seen,) = status.workers or []
    assert (seen.state, seen.sign.rank, seen.sign.task) == ("alive", 2, 5)
    assert seen.sign.process == os.getpid()
    said = [line for line in lines(status) if "rank 2" in line]
    assert len(said) == 1
    assert "tries the failed pairs of shard 5 again" in said[0]
    assert read_status(bank).workers == []
    assert not [line for line in lines(read_status(bank)) if line.startswith("workers")]
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    now = _show(bank, "ended", machine=this_machine(), process=ended.pid)
    assert [one.state for one in see_workers(bank, now)] == ["dead"]


def test_one_of_another_machine_is_known_by_its_touches(bank: Path) -> None:
    begun = datetime(2026, 1, 1, tzinfo=timezone.utc)
    touched = _show(bank, "far", since=begun.isoformat())
    (lately,) = see_workers(bank, touched + 60)
    assert (lately.state, lately.silent) == ("alive", pytest.approx(60))
    assert lately.busy == pytest.approx(touched + 60 - begun.timestamp())
    (silent,) = see_workers(bank, touched + 200)
    assert silent.state == "unknown"
    (ahead,) = see_workers(bank, touched - 3600)  # its clock is
    assert (ahead.state, ahead.silent) == ("alive", 0.0)
    _show(bank, "far", task=None, problem="no memory\nat all")
    (ended,) = see_workers(bank, touched)
    assert (ended.state, ended.busy) == ("dead", None)
    said = lines(read_status(bank))
    (line,) = (line for line in said if "ended: no memory" in line)
    assert "\n" not in line


def test_those_that_need_looking_after_come_first_and_all_are_counted(bank: Path) -> None:
    for rank in range(12):
        problem = "lost" if rank == 7 else ""
        touched = _show(bank, f"rank-{rank}", rank=rank, problem=problem, task=rank)
    seen = see_workers(bank, touched)
    assert [one.sign.rank for one in seen] == [7, *(r for r in range(12) if r != 7)]
    said = lines(read_status(bank, touched))
    place = said.index("workers      1 dead, 11 alive")
    assert said[place + 11] == "             and 2 more"


@pytest.mark.parametrize(
    "changes",
    [
        {"process": "7"},
        {"process": True},
        {"rank": -1},
        {"task": 1.5},
        {"order": "generate"},
        {"order": ["generate"]},
        {"order": [3, 0]},
        {"host": None},
        {"more": 1},
    ],
)
def test_what_is_no_sign_is_left_out(bank: Path, changes: dict[str, Any]) -> None:
    _show(bank, "none", **changes)
    assert read_signs(bank) == []


def test_files_of_other_kinds_are_left_out(bank: Path, tmp_path: Path) -> None:
    _show(bank, "good", process=2**22 + 1, machine=this_machine())
    (tmp_path / "outside.json").write_bytes((bank / "signs" / "good.json").read_bytes())
    for name, content in (("list", "[]"), ("deep", "[" * 100_000), ("empty", "")):
        (bank / "signs" / f"{name}.json").write_text(content)
    (bank / "signs" / "folder.json").mkdir()
    (bank / "signs" / "link.json").symlink_to(tmp_path / "outside.json")
    os.mkfifo(bank / "signs" / "pipe.json")
    ((sign, _),) = read_signs(bank)
    assert sign.process == 2**22 + 1
    assert [one.state for one in read_status(bank).workers or []] == ["dead"]


def test_a_kind_that_this_release_does_not_know_is_said_as_it_stands(bank: Path) -> None:
    _show(bank, "later", order=["{0.__class__}\x1b[2J", 0])
    (line,) = (line for line in lines(read_status(bank)) if "process 7" in line)
    assert "{0.__class__}\N{REPLACEMENT CHARACTER}[2J 3" in line
