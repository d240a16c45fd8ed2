"""Write files so that they are either absent or whole, also after a crash."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole(path: Path) -> Iterator[Path]:
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


def write_whole(path: Path, data: bytes) -> None:
    """Write bytes."""
    with whole(path) as temporary:
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
        with whole(new) as temporary:
            shutil.copyfile(old, temporary)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, with sorted keys: the same content gives the same bytes."""
    write_whole(path, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())
