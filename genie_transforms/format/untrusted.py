"""Files of a bank that anybody may have made: inside its folder, regular, and of bounded size."""

from __future__ import annotations

import json
import stat
from pathlib import Path, PurePosixPath
from typing import Any

from genie_transforms._errors import BankFormatError

_MAX_JSON_BYTES = 2**25  # a manifest of 100,000 shards has 16 MB; parsed, it takes 20 times as much


def bank_file(folder: Path, name: str) -> Path:
    """Return the path of a file of a bank, or of a folder in it.

    Links are followed only within the folder, and in the cache of the Hugging Face Hub, whose
    snapshots are links to its own `blobs/`: a bank from a stranger must not read, nor send to a
    hub, what lies elsewhere on this machine. Nothing is opened: a pipe would wait for ever.

    Args:
        folder: The bank.
        name: The file, relative to it.

    Raises:
        BankFormatError: The name leads out of the folder, or there is no regular file.
    """
    check_inside(str(folder), name)
    parts = PurePosixPath(name).parts
    path = folder / name
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode) or len(parts) > 1:
            _check_links(folder.resolve(), path.resolve(strict=True), path)
            status = path.stat()
    except FileNotFoundError as error:
        raise BankFormatError(f"{path} is missing: rebuild the bank") from error
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links
        raise BankFormatError(f"{path} cannot be read: {error}") from error
    if not stat.S_ISREG(status.st_mode):
        raise BankFormatError(f"{path} is not a regular file: rebuild the bank")
    return path


def check_inside(bank: str, name: str) -> None:
    """Refuse a name that leads out of the folder of a bank.

    Args:
        bank: What to call the bank.
        name: The file, relative to its folder.

    Raises:
        BankFormatError: It does.
    """
    parts = PurePosixPath(name).parts
    if not parts or parts[0] == "/" or ".." in parts or "\\" in name or "\0" in name:
        raise BankFormatError(f"the bank {bank} names a file outside its folder: {name!r}")


def read_json(folder: Path, name: str) -> Any:
    """Read a JSON file of a bank.

    Raises:
        BankFormatError: As `bank_file`, or the file is too large, or is not JSON.
    """
    path = bank_file(folder, name)
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_JSON_BYTES + 1)
        if len(data) > _MAX_JSON_BYTES:
            raise BankFormatError(f"{path} is larger than {_MAX_JSON_BYTES} bytes")
        return json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        raise BankFormatError(f"{path} is damaged ({error!r}): rebuild the bank") from error


def _check_links(folder: Path, real: Path, path: Path) -> None:
    """Refuse a file that lies neither in the folder nor in the hub's cache that has the folder."""
    snapshots = [parent for parent in folder.parents if parent.name == "snapshots"]
    homes = [folder, *(parent.parent / "blobs" for parent in snapshots)]
    if not any(real.is_relative_to(home) for home in homes):
        raise BankFormatError(f"{path} is a link to {real}, outside the bank: copy the file there")
