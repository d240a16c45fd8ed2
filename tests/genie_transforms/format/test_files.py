"""Files and folders appear complete or not at all, and stay after a crash of the machine."""

from __future__ import annotations

import errno
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from genie_transforms import FolderInUseError, StorageError
from genie_transforms.format import (
    atomic_path,
    atomic_write,
    is_alive,
    is_temporary,
    link_or_copy,
    new_folder,
    remove_temporaries,
    this_machine,
    write_json,
)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Record every flush and rename, in order; all of them still happen."""
    recorded: list[tuple[str, str]] = []
    fsync, replace = os.fsync, os.replace

    def recording_fsync(descriptor: int) -> None:
        kind = "folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file"
        recorded.append((kind, os.readlink(f"/proc/self/fd/{descriptor}")))
        fsync(descriptor)

    def recording_replace(source: Path, destination: Path) -> None:
        recorded.append(("rename", str(destination)))
        replace(source, destination)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "replace", recording_replace)
    return recorded


def interrupted(write: Callable[[], None]) -> None:
    with pytest.raises(KeyboardInterrupt):
        write()


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    atomic_write(path, b"old")

    def write() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(b"half of the n")
            raise KeyboardInterrupt

    interrupted(write)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "file"
    atomic_write(path, b"old")
    with atomic_path(path) as temporary:
        temporary.write_bytes(b"new")
        assert path.read_bytes() == b"old"
        assert temporary.parent == path.parent  # else the rename would cross disks
    assert path.read_bytes() == b"new"
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with atomic_path(path) as first, atomic_path(path) as second:
        first.write_bytes(b"first")
        second.write_bytes(b"second")
    assert path.read_bytes() == b"first"  # whose block ended last
    assert list(tmp_path.iterdir()) == [path]


def test_data_then_name_then_folder_go_to_disk(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    path = tmp_path / "file"
    write_json(path, {"b": 1, "a": [2]})
    assert path.read_text() == '{\n  "a": [\n    2\n  ],\n  "b": 1\n}\n'
    assert [kind for kind, _ in calls] == ["file", "rename", "folder"]
    assert calls[1:] == [("rename", str(path)), ("folder", str(tmp_path))]


def test_a_new_folder_is_absent_until_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "parent" / "new"
    with new_folder(path) as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_bytes(b"data")
        assert not path.exists()
    assert (path / "sub" / "file").read_bytes() == b"data"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_folder_leaves_nothing(tmp_path: Path) -> None:
    def write() -> None:
        with new_folder(tmp_path / "new") as folder:
            (folder / "file").write_bytes(b"data")
            raise KeyboardInterrupt

    interrupted(write)
    assert list(tmp_path.iterdir()) == []


def test_every_file_of_a_new_folder_goes_to_disk_before_its_name(
    tmp_path: Path, calls: list[tuple[str, str]]
) -> None:
    with new_folder(tmp_path / "new") as folder:
        (folder / "sub").mkdir()
        (folder / "sub" / "file").write_bytes(b"data")
        (folder / "other").write_bytes(b"data")
    rename = calls.index(("rename", str(tmp_path / "new")))
    assert set(calls[:rename]) == {
        ("folder", str(folder)),
        ("folder", str(folder / "sub")),
        ("file", str(folder / "sub" / "file")),
        ("file", str(folder / "other")),
    }
    assert calls[rename + 1 :] == [("folder", str(tmp_path))]


def test_a_new_folder_takes_an_empty_place_only(tmp_path: Path) -> None:
    path = tmp_path / "new"
    path.mkdir()
    with new_folder(path) as folder:
        (folder / "file").touch()
    for used in (path, path / "file"):
        with pytest.raises(FolderInUseError, match="give another folder"), new_folder(used):
            pass
    assert [file.name for file in path.iterdir()] == ["file"]


def test_a_file_gets_a_second_name(tmp_path: Path, calls: list[tuple[str, str]]) -> None:
    old, new = tmp_path / "old", tmp_path / "folder" / "new"
    old.write_bytes(b"data")
    link_or_copy(old, new)
    assert old.samefile(new)
    assert calls == [("folder", str(tmp_path / "folder"))]
    link_or_copy(tmp_path / "none", new)  # is there already
    assert new.read_bytes() == b"data"


def test_a_file_is_copied_where_links_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Path) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", refuse)
    old, new = tmp_path / "old", tmp_path / "folder" / "new"
    old.write_bytes(b"data")
    link_or_copy(old, new)
    assert not old.samefile(new)
    assert new.read_bytes() == b"data"
    assert list(new.parent.iterdir()) == [new]


@pytest.mark.parametrize(("number", "ignored"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_only_a_disk_that_cannot_flush_folders_is_excused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, ignored: bool
) -> None:
    fsync = os.fsync

    def failing(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", failing)
    if ignored:
        atomic_write(tmp_path / "file", b"data")
    else:
        with pytest.raises(OSError, match=os.strerror(number)):
            atomic_write(tmp_path / "file", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_cannot_be_written_is_one_line_with_the_name_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError) as caught:
            atomic_write(tmp_path / "rows", b"new")
    assert str(caught.value) == f"cannot write {tmp_path / 'rows'}: {os.strerror(number)}"
    assert list(tmp_path.iterdir()) == []
    atomic_write(tmp_path / "rows", b"new")  # there is room again


def test_a_file_that_is_larger_than_allowed_is_one_line(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(StorageError, match=r"cannot write .*rows: File too large"):
            atomic_write(tmp_path / "rows", bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_that_is_none_of_the_disk_keeps_its_kind(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "rows"):
        (tmp_path / "nowhere").read_bytes()


def _left(path: Path, process: int, machine: str | None = None) -> Path:
    left = path.with_name(f".{path.name}.{machine or this_machine()}-{process}-0123456789ab.tmp")
    left.write_bytes(b"half")
    return left


def test_temporary_files_of_dead_processes_are_removed(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    path = tmp_path / "rows"
    path.write_bytes(b"whole")
    mine = tmp_path / ".secret.tmp"  # a user's, whatever it is
    mine.touch()
    orphan, other = _left(path, dead.pid), _left(tmp_path / "other", dead.pid)
    living, elsewhere = _left(path, os.getppid()), _left(path, dead.pid, "0" * 8)
    assert remove_temporaries(tmp_path, of="rows") == [orphan]
    assert remove_temporaries(tmp_path) == [other]
    assert set(remove_temporaries(tmp_path, everyone=True)) == {living, elsewhere}
    assert set(tmp_path.iterdir()) == {path, mine}
    assert remove_temporaries(tmp_path / "nowhere") == []


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="elsewhere nothing tells")
def test_a_killed_process_is_dead_before_anybody_waits_for_it(tmp_path: Path) -> None:
    # What stands in the table of processes has its name in it.
    (tmp_path / "a) Z (b").symlink_to(sys.executable)
    killed = subprocess.Popen([tmp_path / "a) Z (b", "-c", "input()"], stdin=subprocess.PIPE)
    left = _left(tmp_path / "rows", killed.pid)
    assert is_alive(this_machine(), killed.pid)
    assert remove_temporaries(tmp_path) == []
    killed.kill()
    os.waitid(os.P_PID, killed.pid, os.WEXITED | os.WNOWAIT)
    os.kill(killed.pid, 0)  # it still has its number
    assert is_alive(this_machine(), killed.pid) is False
    assert remove_temporaries(tmp_path) == [left]
    killed.communicate()
    assert is_alive(this_machine(), killed.pid) is False
    assert is_alive("0" * 8, killed.pid) is None


def test_what_is_being_written_has_a_temporary_name(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "rows") as temporary:
        temporary.touch()
        assert is_temporary(temporary)
        assert remove_temporaries(tmp_path) == []  # this process lives
    assert not is_temporary(tmp_path / "rows")


def test_a_new_folder_removes_what_was_left_of_it(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = _left(tmp_path / "export", dead.pid)
    left.unlink()
    (left / "cat").mkdir(parents=True)
    with new_folder(tmp_path / "export"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["export"]
