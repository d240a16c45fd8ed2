"""Files and folders that are either absent or complete, whenever the process or machine stops.

Everything is written under a temporary name beside its destination, flushed to disk, and renamed.
Then the folder is flushed, too: until that, a crash of the machine may undo the rename. A process
that is killed leaves its temporary files; their names say whose they are, and
`remove_temporaries` removes them. What the disk refuses is a `StorageError` with the file's name.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from genie_transforms._errors import FolderInUseError, GeNIeError, StorageError

from .temporary import remove_temporaries, temporary_path

_DISK_ERRORS = {
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EIO", "EFBIG", "EROFS", "EACCES", "EPERM", "ESTALE")
    if hasattr(errno, name)  # Windows has no ESTALE of its own in every Python
}


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path to write to; when the block ends well, it takes the place of `path`.

    The data is flushed to disk before that. If the block fails, the old file stays.

    Raises:
        StorageError: The disk is full, a quota is used up, or it cannot be written.
    """
    with naming_file(path):
        temporary = temporary_path(path)
        try:
            yield temporary
            _flush_file(temporary)
            _rename(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder to fill; when the block ends well, it becomes `path`.

    Everything in it is flushed to disk before that. If the block fails, nothing is left.

    Args:
        path: The folder; it must not exist, or be empty.

    Raises:
        FolderInUseError: There is something at `path`.
        StorageError: The disk is full, a quota is used up, or it cannot be written.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise FolderInUseError(f"{path} exists and is not empty: give another folder, or remove it")
    with naming_file(path):
        temporary = temporary_path(path)
        remove_temporaries(path.parent, of=path.name)
        temporary.mkdir()
        try:
            yield temporary
            for entry in [temporary, *temporary.rglob("*")]:
                if entry.is_dir():
                    flush_folder(entry)
                else:
                    _flush_file(entry)
            _rename(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def atomic_write(path: Path, data: bytes) -> None:
    """Write a file, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, atomically and with sorted keys: the same content gives the same bytes."""
    atomic_write(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())


def link_or_copy(old: Path, new: Path) -> None:
    """Link a file that never changes under a second name, or copy it where that is impossible.

    Does nothing if `new` exists.
    """
    if new.exists():
        return
    new.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(old, new)
    except FileExistsError:  # another process was faster
        return
    except OSError:  # another disk, or a file system without links
        with atomic_path(new) as temporary:
            shutil.copyfile(old, temporary)
    else:
        flush_folder(new.parent)


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal; the file may be larger than the memory."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


@contextmanager
def naming_file(path: Path) -> Iterator[None]:
    """Say which file it was that a disk refused: the system names none when it is full.

    Raises:
        StorageError: The disk is full, a quota is used up, or it cannot be written.
    """
    try:
        yield
    except GeNIeError:
        raise
    except OSError as error:
        # NumPy gives no number when it could not write all.
        if error.errno is not None and error.errno not in _DISK_ERRORS:
            raise
        reason = str(error) if error.errno is None else os.strerror(error.errno)
        raise StorageError(f"cannot write {path}: {reason}") from error


def _rename(temporary: Path, path: Path) -> None:
    """Put a flushed file or folder in its place, for good."""
    os.replace(temporary, path)
    flush_folder(path.parent)


def _flush_file(path: Path) -> None:
    """Wait until the content of a file is on disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def flush_folder(path: Path) -> None:
    """Wait until the names in a folder are on disk, where the system can do that."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows cannot open a folder
        return
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # some network disks do not offer it
            raise
    finally:
        os.close(descriptor)
