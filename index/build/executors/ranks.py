"""Ranks that a launcher started: a task belongs to rank `task % world_size`.

They meet in the bank's folder alone, with no connection between them. Rank 0 owns the folder, and
its sign of life says which stage the others are to run. They believe it only while they see that it
lives, so that nothing an earlier job left leads them on. A rank runs its tasks in order, so rank 0
asks for one file of each to know how far all are. Whatever a dead rank leaves, the same command
does.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import torch

from genie_transforms import FolderInUseError
from genie_transforms.format import MANIFEST
from index.store import DEAD_AFTER, Seen, Sign, Watch, signing

from ..tasks import Begin, Build, LostError, Order, RunStage, Stage, tasks_left
from .launcher import Rank
from .worker import run_task, silence

logger = logging.getLogger("genie.build")

POLL = 1.0
"""Seconds between two looks at the folder."""


TELL = 60.0
"""Seconds between two lines that say for whom a rank waits."""


PATIENCE = 1800.0
"""Seconds that a rank waits for a rank 0 which does not begin."""


GOES_ON = "; the same command goes on from there"


def lead(rank: Rank, out: Path, begin: Begin) -> RunStage:
    """Return what runs stages as rank 0: its own tasks, then it waits for those of the others.

    Args:
        rank: Of this process.
        out: Folder of the bank, which it owns.
        begin: See `Begin`; its sign of life tells the others what is to be done.
    """
    watch = Watch(out, rank.job)

    def run(stage: Stage) -> None:
        begin(stage.order, None)
        with tasks_left(stage) as (left, advance):
            others = _Others(stage, rank, left, watch)
            for task in left:
                if task % rank.world_size == rank.number:
                    begin(stage.order, task)
                    stage.run(task)
                    advance(task)
                    others.collect(advance)
            begin(stage.order, None)
            while others.collect(advance):
                time.sleep(POLL)

    return run


def follow(build: Build, rank: Rank, out: Path, device: str, *, stay: bool) -> None:
    """Run the tasks of another rank than 0.

    Args:
        build: The build.
        rank: Of this process.
        out: Folder of the bank.
        device: Where its networks run.
        stay: Whether to return only once the bank is finished.

    Raises:
        LostError: Rank 0 has ended without finishing the bank, or does not begin.
    """
    before = _finished(out)
    with silence():
        stage_of = build.open(device)
    watch = Watch(out, rank.job)
    leader = _leader(rank, watch, lambda: _finished(out) != before)
    if leader is None:
        return
    torch.set_num_threads(leader.threads)
    with silence(), signing(out, rank.job, rank.number) as begin:
        for order in _orders(watch, leader):
            if order[0] != "finish":
                stage = stage_of(order)
                for task in range(rank.number, stage.num_tasks, rank.world_size):
                    run_task(stage, task, begin)
            if build.is_last(order) and not stay:
                return
            with suppress(FolderInUseError):  # rank 0 may have finished all meanwhile
                begin(order, None)
    if _finished(out) == before:
        raise LostError(f"{leader} has ended before the bank was finished{GOES_ON}")


class _Others:
    """The tasks of a stage that are not rank 0's, as rank 0 sees them.

    Args:
        stage: The stage.
        rank: Of this process.
        left: Tasks that are not done, increasing.
        watch: Shows who lives.
    """

    def __init__(self, stage: Stage, rank: Rank, left: Sequence[int], watch: Watch) -> None:
        self._stage, self._watch = stage, watch
        self._tasks: dict[int, deque[int]] = {}
        for task in left:
            if (owner := task % rank.world_size) != rank.number:
                self._tasks.setdefault(owner, deque()).append(task)
        self._seen_at: dict[int, float] = {}
        self._told = time.monotonic()

    def collect(self, advance: Callable[[int], None]) -> bool:
        """Note what the others have done; return whether anything is left.

        Args:
            advance: Called with each task that is done.

        Raises:
            LostError: A rank with tasks left is dead.
        """
        # Before the files: a rank that has taken its sign away has left all of them.
        seen = {rank: self._watch.look(rank) for rank in self._tasks}
        for rank, tasks in list(self._tasks.items()):
            while tasks and self._stage.is_done(tasks[0]):
                advance(tasks.popleft())
            if tasks:
                self._check(rank, seen[rank])
            else:
                del self._tasks[rank]
        self._tell()
        return bool(self._tasks)

    def _check(self, rank: int, seen: Seen | None) -> None:
        now = time.monotonic()
        if seen is None:
            # A network disk may show a file that is written later than that one is removed.
            if now - self._seen_at.get(rank, now) > DEAD_AFTER:
                raise LostError(f"rank {rank} has ended without doing its tasks{GOES_ON}")
            return
        self._seen_at[rank] = now
        if seen.sign.problem:
            raise LostError(f"{seen.sign} has ended ({seen.sign.problem}){GOES_ON}")
        if seen.lives is False:
            raise LostError(f"{seen.sign} is dead: it gives no sign of life{GOES_ON}")

    def _tell(self) -> None:
        missing = sorted(rank for rank in self._tasks if rank not in self._seen_at)
        if missing and time.monotonic() - self._told > TELL:
            self._told = time.monotonic()
            logger.warning("waiting for ranks %s, which have not begun", missing)


def _leader(rank: Rank, watch: Watch, is_finished: Callable[[], bool]) -> Sign | None:
    """Wait until rank 0 has made the folder ready; None if it has finished the bank meanwhile.

    Raises:
        LostError: It does not begin.
    """
    begun = told = time.monotonic()
    while True:
        seen, now = watch.look(0), time.monotonic()
        if seen is not None and seen.lives:
            return seen.sign
        if is_finished():
            return None
        if now - begun > PATIENCE:
            raise LostError(
                f"rank {rank.number} has waited {PATIENCE / 60:.0f} minutes for rank 0, which has "
                "not begun, or ended before: see what it says, and give the same command again"
            )
        if now - told > TELL:
            told = now
            logger.warning("rank %d waits for rank 0, which has not begun", rank.number)
        time.sleep(POLL)


def _orders(watch: Watch, leader: Sign) -> Iterator[Order]:
    """Yield what rank 0 asks for, one order after the other, until it takes its sign away.

    Raises:
        LostError: It is dead.
    """
    last = None
    while (seen := watch.look(0)) is not None:
        if seen.lives is False or str(seen.sign) != str(leader):
            raise LostError(f"{leader} is dead: it gives no sign of life{GOES_ON}")
        if seen.sign.order != last:
            last = seen.sign.order
            yield last
        else:
            time.sleep(POLL)


def _finished(out: Path) -> tuple[int, int] | None:
    """Return what tells one finishing of the bank from another; None if it is not finished."""
    try:
        found = (out / MANIFEST).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns
