"""Signs of life: which processes work on a bank, and on what.

Each of them keeps a small file in `signs/`: it says who the process is and which task it works on,
is touched every few seconds, and goes when the process ends. Its time is that of the disk's clock.
What a killed process leaves is removed by the next owner of the folder.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from genie_transforms import BankFormatError
from genie_transforms.format import (
    bank_file,
    is_alive,
    naming_file,
    temporary_path,
    this_machine,
)

from .lock import DEAD_AFTER, check_owner, touched

SIGNS = "signs"

_MOST_BYTES = 2**20


@dataclass(frozen=True)
class Sign:
    """A process that works on a bank.

    Attributes:
        host: Name of the machine.
        machine: What `this_machine` returned there.
        process: Number of the process.
        rank: Its rank, if a launcher gave it one.
        job: Name that the processes of one job share, as in the folder's lock.
        threads: With how many threads it computes.
        order: Kind of the stage, and round of retries.
        task: Number of the task in the stage; None between tasks.
        since: When it began that, UTC.
        problem: What ended it, if it ended badly.
    """

    host: str
    machine: str
    process: int
    rank: int | None
    job: str
    threads: int
    order: tuple[str, int]
    task: int | None
    since: str
    problem: str = ""

    def __str__(self) -> str:
        """Say who it is."""
        rank = "" if self.rank is None else f"rank {self.rank}, "
        return f"{rank}process {self.process} on {self.host}"


@contextmanager
def signing(
    out: Path, job: str, rank: int | None = None
) -> Iterator[Callable[[tuple[str, int], int | None], None]]:
    """Show a sign of life while the block runs, from the first task on.

    If the block fails, the sign stays and says why.

    Args:
        out: Folder of the bank.
        job: Name of the job that owns the folder.
        rank: Number of this process, if a launcher gave it one.

    Yields:
        What is to be called before each task, with the order of its stage and its number, and with
        None between tasks. It raises `FolderInUseError` if the job does not own the folder.
    """
    from torch import get_num_threads  # heavy, and who only reads signs does without

    path = _path(out, rank)

    def begin(order: tuple[str, int], task: int | None) -> None:
        check_owner(out, job)
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        who = socket.gethostname(), this_machine(), os.getpid(), rank, job
        _write(path, Sign(*who, get_num_threads(), order, task, now))

    with touched(path):
        try:
            yield begin
        except BaseException as error:
            found = _read(path)
            if found is not None and found[0].process == os.getpid():
                problem = str(error) or type(error).__name__
                with suppress(OSError):  # the disk may be what ended it
                    _write(path, replace(found[0], task=None, problem=problem))
            raise
        path.unlink(missing_ok=True)


def read_signs(out: Path) -> list[tuple[Sign, float]]:
    """Read the signs of all who work on a bank, with the time of each by the disk's clock.

    Anybody may have made the folder: what is no sign is left out, and no pipe is waited for.
    """
    found = []
    for path in sorted((out / SIGNS).glob("*.json")):
        with suppress(BankFormatError):  # gone just now, or none of ours
            found.append(_read(bank_file(out, f"{SIGNS}/{path.name}")))
    return [one for one in found if one is not None]


def remove_signs(out: Path) -> None:
    """Remove all signs; only for who owns the folder."""
    for path in (out / SIGNS).glob("*.json"):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # not there, or somebody shows a sign again
        (out / SIGNS).rmdir()


@dataclass(frozen=True)
class Seen:
    """A sign, as one process sees it.

    Attributes:
        sign: The sign.
        lives: Whether its process lives; None while that cannot be told.
    """

    sign: Sign
    lives: bool | None


class Watch:
    """Tells which ranks live: on this machine by their process, on others by a sign that moves.

    So it does not matter what the clocks of machines say, nor what an earlier job has left.

    Args:
        out: Folder of the bank.
        job: Name of the job; signs of others are not seen.
    """

    def __init__(self, out: Path, job: str) -> None:
        self._out, self._job = out, job
        self._moved: dict[int, tuple[float, float, bool]] = {}

    def look(self, rank: int) -> Seen | None:
        """Look at the sign of a rank; None if there is none."""
        found = _read(_path(self._out, rank))
        if found is None or found[0].job != self._job:
            return None
        sign, touched_at = found
        lives = is_alive(sign.machine, sign.process)
        if lives is None:
            now = time.monotonic()
            before, since, moved = self._moved.get(rank, (touched_at, now, False))
            if touched_at != before:
                since, moved = now, True
            self._moved[rank] = touched_at, since, moved
            lives = False if now - since > DEAD_AFTER else moved or None
        return Seen(sign, lives)


def _path(out: Path, rank: int | None) -> Path:
    name = f"{socket.gethostname()}-{os.getpid()}" if rank is None else f"rank-{rank}"
    return out / SIGNS / f"{name}.json"


def _write(path: Path, sign: Sign) -> None:
    # Not flushed: it matters only while its process and its disk run.
    with naming_file(path):
        temporary = temporary_path(path)
        try:
            temporary.write_text(json.dumps(asdict(sign), sort_keys=True))
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


def _read(path: Path) -> tuple[Sign, float] | None:
    try:
        with path.open("rb") as file:
            sign = _sign(json.loads(file.read(_MOST_BYTES)))
            return sign, os.fstat(file.fileno()).st_mtime
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None  # not there, of another release, or of somebody else


def _sign(content: Any) -> Sign:
    """Return a sign as it stands in a file.

    Raises:
        ValueError, TypeError, KeyError: It is none.
    """
    kind, rounds = content["order"]
    sign = Sign(**{**content, "order": (kind, rounds)})
    texts = (sign.host, sign.machine, sign.job, sign.since, sign.problem, kind)
    numbers = (sign.process, sign.threads, rounds)
    perhaps = (number for number in (sign.rank, sign.task) if number is not None)
    if not all(isinstance(text, str) for text in texts):
        raise TypeError(texts)
    if not all(type(number) is int and number >= 0 for number in (*numbers, *perhaps)):
        raise TypeError(numbers)
    return sign
