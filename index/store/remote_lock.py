"""Who builds in a folder elsewhere: best effort, for no lock goes through `pyarrow.fs`.

`build.lock` there names the owner, who writes it again every few seconds: its age, by the server's
clock, tells whether the owner lives. Whoever comes second is refused. Of two who come in the same
moment, the one who wrote it last stays; the other sees that before it changes anything more.

It also says which working folder the bank there was last made equal to. That one may be ahead of
what is there; any other is behind.
"""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from genie_transforms import FolderInUseError, StorageError
from genie_transforms.format import RemoteFolder, is_alive

from .lock import DEAD_AFTER, HEARTBEAT, LOCK, Owner, new_owner

_CLOCK = "build.clock"


@dataclass(frozen=True)
class _Claim:
    """The content of the lock."""

    owner: Owner
    folder: str
    ended: bool = False


class RemoteLock:
    """The lock of a folder elsewhere.

    Args:
        remote: The folder.
        folder: Name of the working folder here, which nobody else has.
    """

    def __init__(self, remote: RemoteFolder, folder: str) -> None:
        self._remote, self._folder, self._owner = remote, folder, new_owner()
        self._said = ""  # whose content is there
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def take(self) -> None:
        """Become the owner.

        Raises:
            FolderInUseError: Another one lives.
            StorageError: The server does not answer, or refuses.
        """
        found = self._read()
        # One of this folder is dead: it would hold the lock here.
        if found is not None and not found.ended and found.folder != self._folder:
            self._refuse_living(found.owner)
        self._said = found.folder if found is not None else ""
        self._write(_Claim(self._owner, self._said))
        self.check()
        self._thread.start()

    @property
    def is_ahead(self) -> bool:
        """Whether nobody but this working folder has changed what is there."""
        return self._said == self._folder

    def equal(self) -> None:
        """Say that both are equal now, and that from now on the working folder is ahead."""
        self._said = self._folder
        self._write(_Claim(self._owner, self._folder))

    def check(self) -> None:
        """Refuse to go on when somebody has taken the folder over.

        Raises:
            FolderInUseError: Somebody has.
        """
        found = self._read()
        if found is None or found.owner.job != self._owner.job:
            who = found.owner if found else f"somebody who removed {LOCK}"
            raise FolderInUseError(f"{self._remote.name} was taken over by {who}: this build stops")

    def release(self, *, whole: bool) -> None:
        """Give the folder back; what cannot be said, because the server is gone, is left unsaid.

        Args:
            whole: Whether all that is here is there, too.
        """
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(HEARTBEAT)
        with suppress(StorageError, FolderInUseError):
            self.check()
            if whole:
                self._remote.remove(LOCK)
            else:
                self._write(_Claim(self._owner, self._said, ended=True))

    def _refuse_living(self, owner: Owner) -> None:
        alive, free_in = is_alive(owner.machine, owner.process), ""
        if alive is None:
            age = self._remote.write(_CLOCK, b"").written - self._remote.files()[LOCK].written
            self._remote.remove(_CLOCK)
            alive = age < DEAD_AFTER
            free_in = f"; if it is dead, the folder is free in {DEAD_AFTER - age:.0f} s"
        if alive:
            raise FolderInUseError(
                f"{self._remote.name} is being built by {owner}: wait for it, or give another "
                f"--out{free_in}"
            )

    def _beat(self) -> None:
        """Write the lock again until the build has ended, or somebody else has taken it."""
        while not self._ended.wait(HEARTBEAT):
            with suppress(StorageError):
                try:
                    self.check()
                except FolderInUseError:
                    return  # the build sees it, too
                self._write(_Claim(self._owner, self._said))

    def _read(self) -> _Claim | None:
        try:
            content: dict[str, Any] = json.loads(self._remote.read(LOCK))
            return _Claim(Owner(**content["owner"]), content["folder"], content["ended"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return None

    def _write(self, claim: _Claim) -> None:
        self._remote.write(LOCK, json.dumps(asdict(claim)).encode())
