"""Who builds in a folder: one job at a time, and whoever comes second is told who that is.

`build.lock` names the owner. While the owner lives, it holds the file with `flock`, which the
system lets go of however a process ends, and touches it every few seconds. On the owner's machine
the former decides; from another machine, whose file system may not pass locks on, the latter.

The processes that work for one job do not lock: what they write is whole or not there, and the
same whoever writes it. They share the name of the job, by which they see whether it still owns the
folder (`check_owner`).
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path

from genie_transforms import FolderInUseError
from genie_transforms.format import is_alive, naming_file, temporary_path, this_machine

if sys.platform != "win32":  # there, numbers of processes and the touching must do
    import fcntl

LOCK = "build.lock"


HEARTBEAT = 10.0
"""Seconds from one touch of the lock to the next."""


DEAD_AFTER = 120.0
"""Seconds without a touch after which an owner on another machine counts as dead."""


@dataclass(frozen=True)
class Owner:
    """Who builds in a folder.

    Attributes:
        host: Name of the machine.
        machine: What `this_machine` returned there.
        process: Number of the process.
        job: Name that the processes of one job share.
        since: When it began, UTC.
    """

    host: str
    machine: str
    process: int
    job: str
    since: str

    def __str__(self) -> str:
        """Say who it is."""
        return f"process {self.process} on {self.host}, job {self.job}, since {self.since}"


def new_owner(job: str | None = None) -> Owner:
    """Describe this process as the owner of a folder, from now on; see `hold_folder`."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Owner(
        socket.gethostname(), this_machine(), os.getpid(), job or secrets.token_hex(4), now
    )


@contextmanager
def hold_folder(out: Path, job: str | None = None) -> Iterator[Owner]:
    """Own a folder while the block runs; what dead owners left of their lock is taken over.

    Args:
        out: The folder; it is made, and goes again if nothing was put into it.
        job: Name of the job; a new one if not given. A job that is restarted under its name, on
            whatever machine, does not wait for its own dead process.

    Yields:
        The owner that stands in the lock.

    Raises:
        FolderInUseError: A living job owns the folder; says which.
        StorageError: The disk cannot be written.
    """
    new = not out.exists()
    with naming_file(out):
        out.mkdir(parents=True, exist_ok=True)
    owner = new_owner(job)
    with naming_file(out / LOCK):
        descriptor = _take(out, owner)
    ended = threading.Event()
    threading.Thread(target=_touch, args=(out / LOCK, ended), daemon=True).start()
    try:
        yield owner
    finally:
        ended.set()
        if os.getpid() == owner.process and owner_of(out) == owner:
            # Before it is let go: whoever waits for the file sees that it is no longer there.
            (out / LOCK).unlink(missing_ok=True)
            if new:
                with suppress(OSError):  # there is something in it
                    out.rmdir()
        os.close(descriptor)


def check_owner(out: Path, job: str) -> None:
    """Refuse to go on in a folder that another job has taken over, while this one was suspended.

    Args:
        out: The folder.
        job: The name of the own job.

    Raises:
        FolderInUseError: It has.
    """
    owner = owner_of(out)
    if owner is None or owner.job != job:
        who = owner or "somebody who removed build.lock"
        raise FolderInUseError(f"{out} was taken over by {who}: this build stops")


def check_free(out: Path) -> None:
    """Refuse a folder that a living job owns, without taking it.

    Raises:
        FolderInUseError: Says who owns it.
    """
    try:
        descriptor = os.open(out / LOCK, os.O_RDONLY)
    except OSError:
        return
    try:
        _refuse_living(out, _flock(descriptor))
    finally:
        os.close(descriptor)


def owner_of(out: Path) -> Owner | None:
    """Read who owns a folder; None if nobody does, or died while writing it down."""
    try:
        return Owner(**json.loads((out / LOCK).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _take(out: Path, owner: Owner) -> int:
    """Lock the folder; return the open file that holds the lock."""
    while True:
        descriptor = os.open(out / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _refuse_living(out, _flock(descriptor), owner.job)
            if not _is_file(descriptor, out / LOCK):  # its owner ended just now, and removed it
                os.close(descriptor)
                continue
            os.ftruncate(descriptor, 0)
            os.write(descriptor, json.dumps(asdict(owner)).encode())
            os.fsync(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor


def _flock(descriptor: int) -> bool | None:
    """Lock an open file; return False if somebody else does, None if this cannot be known."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a network disk without locks
        return None
    return True


def _refuse_living(out: Path, locked: bool | None, job: str | None = None) -> None:
    """Refuse if the lock's owner lives.

    Args:
        out: The folder.
        locked: What `_flock` returned.
        job: Name of the own job, whose earlier process on another machine is known to be dead.
    """
    owner, free_in = owner_of(out), ""
    if locked is not False:
        if owner is None:
            return
        alive = is_alive(owner.machine, owner.process)
        if locked and alive is not None:
            alive = False  # of this machine, and it would have held the file
        if alive is None and owner.job != job:
            age = _age(out / LOCK)
            alive = age < DEAD_AFTER
            free_in = f"; if it is dead, the folder is free in {DEAD_AFTER - age:.0f} s"
        if not alive:
            return
    raise FolderInUseError(
        f"{out} is being built by {owner or 'another process'}: wait for it, or give another --out"
        f"{free_in}"
    )


def _is_file(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is still the one at a path."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _age(path: Path) -> float:
    """Return the seconds since a file was touched, by the clock of its own disk."""
    # Clocks of machines disagree. A new file has the time that the touching would have now.
    new = temporary_path(path)
    new.touch()
    now = new.stat().st_mtime
    new.unlink()
    return now - path.stat().st_mtime


def _touch(path: Path, ended: threading.Event) -> None:
    """Touch the lock until the build has ended."""
    while not ended.wait(HEARTBEAT):
        with suppress(OSError):  # taken over or removed: `check_owner` says so
            os.utime(path)
