"""Names of files that are still being written, and what killed processes left under such names."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import shutil
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path

# Machine, process and a random part; the first two were not always there.
_TEMPORARY = re.compile(r"\..+\.(?:([0-9a-f]{8})-(\d+)-)?[0-9a-f]{12}\.tmp")

_MOST_PROCESSES = 2**22  # of Linux; what is below 1 means others, too


def temporary_path(path: Path) -> Path:
    """Return a new name in the folder of `path`, which is made: a rename stays on one disk.

    It is random because threads, and machines that share a disk, have the same process numbers;
    the machine and the process stand in it for `remove_temporaries`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    owner = f"{this_machine()}-{os.getpid()}"
    return path.with_name(f".{path.name}.{owner}-{secrets.token_hex(6)}.tmp")


def is_temporary(path: Path) -> bool:
    """Tell whether a file or folder has a name that only this module gives, until it is renamed."""
    return _TEMPORARY.fullmatch(path.name) is not None


def remove_temporaries(folder: Path, *, of: str = "", everyone: bool = False) -> list[Path]:
    """Remove what killed processes left in a folder; its subfolders are not looked at.

    Args:
        folder: Where to look; nothing happens if it is not there.
        of: Only those that were to become a file or folder of this name.
        everyone: Also those of living processes and of other machines. Only for whoever knows
            that nobody else writes there.

    Returns:
        What was removed.
    """
    if not folder.is_dir():
        return []
    left = [
        path
        for path in folder.iterdir()
        if is_temporary(path)
        and path.name.startswith(f".{of}." if of else ".")
        and (everyone or _is_orphan(path))
    ]
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return left


def is_alive(machine: str, process: int) -> bool | None:
    """Tell whether a process of a machine lives; None if that cannot be known from here.

    One that has ended and that nobody has waited for yet does not, where the system tells.

    Args:
        machine: What `this_machine` returned there.
        process: Its number.
    """
    if machine != this_machine() or os.name == "nt":  # where signal 0 would end the process
        return None
    if not 0 < process <= _MOST_PROCESSES:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        pass
    return not _has_ended(process)


def _has_ended(process: int) -> bool:
    """Tell whether a process that still has its number is known to have ended."""
    try:
        status = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:  # not a Linux, or it has gone just now
        return False
    # A number, the name in parentheses, which may hold some itself, the state: zombie or dead.
    return status.rpartition(b")")[2].split()[:1] in ([b"Z"], [b"X"])


@cache
def this_machine() -> str:
    """Return 8 hexadecimal digits within which numbers of processes are unique.

    They change when the machine starts again. Containers have numbers of their own.
    """
    parts = [socket.gethostname()]
    with suppress(OSError):  # not a Linux
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _is_orphan(path: Path) -> bool:
    """Tell whether the process that began a temporary file is known to be dead."""
    match = _TEMPORARY.fullmatch(path.name)
    if match is None or match[1] is None:
        return False
    return is_alive(match[1], int(match[2])) is False
