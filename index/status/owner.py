"""Who owns a folder, seen from outside: nothing is locked or written to find out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from genie_transforms import BankFormatError
from genie_transforms.format import is_alive, read_json
from index.store import DEAD_AFTER, LOCK, Owner


@dataclass(frozen=True)
class OwnerSeen:
    """The owner that stands in a lock.

    Attributes:
        owner: Who it is.
        age: Seconds since it last touched the lock, by this machine's clock.
        alive: Whether it lives. If it died on this machine, that is certain; on another one, it
            counts as dead once it has been silent for two minutes.
    """

    owner: Owner
    age: float
    alive: bool

    @property
    def since(self) -> float:
        """When it began, in seconds since 1970; 0 if that cannot be read."""
        return moment_of(self.owner.since) or 0.0


def see_owner(bank: Path, now: float) -> OwnerSeen | None:
    """Return who owns a folder; None if nobody does, or it cannot be read from the lock.

    Args:
        bank: The folder.
        now: Seconds since 1970.
    """
    try:
        content = read_json(bank, LOCK)
        age = now - (bank / LOCK).stat().st_mtime
    except (BankFormatError, OSError):  # there is none, or it is being written or removed
        return None
    owner = _owner(content)
    if owner is None:
        return None
    here = is_alive(owner.machine, owner.process)
    # A number may have become another process's, which does not touch the lock.
    return OwnerSeen(owner, max(age, 0.0), here is not False and age < DEAD_AFTER)


def moment_of(text: str) -> float | None:
    """Return a time that stands in a file, in seconds since 1970; None if it cannot be read."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return None


def _owner(content: object) -> Owner | None:
    """Return whom the lock names, or None if it is none of ours."""
    if not isinstance(content, dict):
        return None
    host, machine, job, since = (content.get(name) for name in ("host", "machine", "job", "since"))
    process = content.get("process")
    if not (isinstance(process, int) and process > 0):
        return None
    if not all(isinstance(text, str) for text in (host, machine, job, since)):
        return None
    return Owner(str(host), str(machine), process, str(job), str(since))
