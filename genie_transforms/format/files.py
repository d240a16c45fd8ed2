"""A new folder that is either absent or whole."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; when the block ends well, it becomes `path`.

    All files are flushed to disk before that. If the block fails, nothing is left.

    Args:
        path: The folder; it must not exist, or be empty.

    Raises:
        FileExistsError: There is something at `path`.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise FileExistsError(f"{path} is there and not empty: give another folder, or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        for file in temporary.rglob("*"):
            if file.is_file():
                with file.open("rb+") as opened:
                    os.fsync(opened.fileno())
        os.replace(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, it takes the place of `path`.

    The data is flushed to disk before that. If the block fails, the old file stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def atomic_write(path: Path, data: bytes) -> None:
    """Write bytes."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def link_or_copy(old: Path, new: Path) -> None:
    """Give a file that never changes a second name, or copy it where that cannot be."""
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


def write_json(path: Path, content: Any) -> None:
    """Write JSON, with sorted keys: the same content gives the same bytes."""
    atomic_write(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())
