"""One job at a time builds in a folder, and whoever comes second is told who that is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from genie_transforms import FolderInUseError
from index.store import lock
from index.store.lock import DEAD_AFTER, LOCK, Owner, check_free, check_owner, hold_folder, owner_of

ELSEWHERE = Owner("node7", "0" * 8, 4242, "their-job", "2026-01-01T00:00:00+00:00")


def _left_by(out: Path, owner: Owner) -> Path:
    """Leave the lock of an owner that does not hold it on this machine."""
    out.mkdir()
    (out / LOCK).write_text(json.dumps(asdict(owner)))
    return out


def _untouched_for(out: Path, seconds: float) -> None:
    touched = (out / LOCK).stat().st_mtime - seconds
    os.utime(out / LOCK, (touched, touched))


def test_a_folder_is_held_and_let_go(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    with hold_folder(out) as owner:
        assert owner_of(out) == owner
        assert owner.process == os.getpid()
        check_owner(out, owner.job)
        with pytest.raises(FolderInUseError, match=rf"process {os.getpid()} on .*wait for it"):
            check_free(out)
        with (
            pytest.raises(FolderInUseError, match=owner.job),
            hold_folder(out),
        ):
            pass
        assert owner_of(out) == owner
    assert not out.exists()  # it was made for the lock alone
    check_free(out)


def test_what_is_built_stays_when_the_folder_is_let_go(tmp_path: Path) -> None:
    with hold_folder(tmp_path / "bank"):
        (tmp_path / "bank" / "row").touch()
    assert [path.name for path in (tmp_path / "bank").iterdir()] == ["row"]


def test_another_process_is_refused_until_it_dies(tmp_path: Path) -> None:
    out = tmp_path / "bank"
    program = (
        "import sys, pathlib\n"
        "from index.store.lock import hold_folder\n"
        "with hold_folder(pathlib.Path(sys.argv[1]), 'theirs'):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", program, str(out)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        with pytest.raises(FolderInUseError, match=f"process {child.pid} on .*job theirs"):
            check_free(out)
        child.kill()
    assert owner_of(out) is not None  # it could not remove its lock
    with hold_folder(out) as owner:
        assert owner_of(out) == owner


def test_a_lock_of_another_machine_is_taken_over_when_nobody_touches_it(tmp_path: Path) -> None:
    out = _left_by(tmp_path / "bank", ELSEWHERE)
    with pytest.raises(FolderInUseError, match=r"process 4242 on node7.*free in 1\d\d s"):
        check_free(out)
    with pytest.raises(FolderInUseError, match="their-job"), hold_folder(out):
        pass
    assert owner_of(out) == ELSEWHERE
    _untouched_for(out, DEAD_AFTER + 5)
    with hold_folder(out) as owner:
        assert owner_of(out) == owner
    assert list(out.iterdir()) == []


def test_a_job_does_not_wait_for_its_own_dead_process(tmp_path: Path) -> None:
    out = _left_by(tmp_path / "bank", ELSEWHERE)
    with hold_folder(out, "their-job") as owner:
        assert owner.host != "node7"
        check_owner(out, "their-job")


@pytest.mark.parametrize("content", ["", '{"host": "no', "[]"])
def test_a_lock_whose_owner_died_while_writing_it_is_taken_over(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / LOCK).write_text(content)
    check_free(tmp_path)
    with hold_folder(tmp_path) as owner:
        assert owner_of(tmp_path) == owner


def test_a_suspended_owner_sees_that_the_folder_was_taken_over(tmp_path: Path) -> None:
    with hold_folder(tmp_path) as owner:
        (tmp_path / LOCK).write_text(json.dumps(asdict(ELSEWHERE)))
        with pytest.raises(FolderInUseError, match="taken over by process 4242 on node7"):
            check_owner(tmp_path, owner.job)
    assert owner_of(tmp_path) == ELSEWHERE  # not ours to remove


def test_without_locks_of_the_system_processes_and_touching_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "_flock", lambda descriptor: None)
    with (
        hold_folder(tmp_path / "bank") as owner,
        pytest.raises(FolderInUseError, match="is being built by process"),
    ):
        check_free(tmp_path / "bank")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    out = _left_by(tmp_path / "dead", replace(owner, process=dead.pid))
    check_free(out)
