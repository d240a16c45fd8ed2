"""The overhead of executors: tasks that do next to nothing, and all that is around them."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

from genie_transforms.format import atomic_write
from index.build.executors import Rank, follow, open_executor
from index.build.tasks import Order, Stage, StageOf
from index.config import BuildConfig
from index.store import hold_folder, signing

from .pace import seconds_per_task

PROCESSES = 2
"""Of every executor but `alone`."""


@dataclass
class EmptyTasks:
    """A stage, and a build of that one stage, whose tasks write an empty file.

    Attributes:
        out: Folder of the files.
        num_tasks: How many.
        processes: How many share them; the first task of each waits for the others.
        order: See `Stage`.
    """

    out: Path
    num_tasks: int
    processes: int
    order: Order = ("generate", 0)
    name: str = "tasks"
    unit: str = "task"

    def path(self, task: int) -> Path:
        """Return the file of a task."""
        return self.out / f"{task}"

    def size(self, task: int) -> int:
        """Return 1."""
        return 1

    def is_done(self, task: int) -> bool:
        """Tell whether the file is there."""
        return self.path(task).exists()

    def failed(self, task: int) -> int:
        """Nothing fails."""
        return 0

    def run(self, task: int) -> None:
        """Write the file, once all processes are there."""
        ready = self.out / "ready"
        ready.mkdir(exist_ok=True)
        (ready / str(os.getpid())).touch()
        while len(list(ready.iterdir())) < self.processes:
            sleep(0.01)
        atomic_write(self.path(task), b"")

    def open(self, device: str) -> StageOf:
        """Return what makes this stage."""
        return self.stage_of

    def stage_of(self, order: Order) -> Stage:
        """Return this stage."""
        return self

    def is_last(self, order: Order) -> bool:
        """Tell that it is."""
        return True


def measure(executor: str, num_tasks: int, out: Path) -> float:
    """Return the seconds that a process of an executor takes for a task.

    Args:
        executor: One of `EXECUTORS`.
        num_tasks: How many tasks there are.
        out: A new folder.
    """
    processes = 1 if executor == "alone" else PROCESSES
    build = EmptyTasks(out, num_tasks, processes)
    rank = Rank(0, PROCESSES, 0, "benchmark") if executor == "ranks" else None
    config = BuildConfig(
        out=out,
        device="cpu",
        executor="ray" if executor == "ray" else "local",
        workers=processes if executor in ("workers", "ray") else 0,
    )
    with (
        hold_folder(out, "benchmark") as owner,
        signing(out, owner.job, None if rank is None else rank.number) as begin,
        _other_rank(build, rank),
        open_executor(config, build, owner.job, rank, begin) as run_stage,
    ):
        run_stage(build)
    return seconds_per_task([build.path(task) for task in range(num_tasks)], processes)


@contextmanager
def _other_rank(build: EmptyTasks, rank: Rank | None) -> Iterator[None]:
    """Run rank 1 in a process of its own while the block runs, if there are ranks."""
    if rank is None:
        yield
        return
    context = multiprocessing.get_context("spawn")
    other = context.Process(target=_follow, args=(build, Rank(1, PROCESSES, 1, rank.job)))
    other.start()
    try:
        yield
    finally:
        other.join()


def _follow(build: EmptyTasks, rank: Rank) -> None:
    follow(build, rank, build.out, "cpu", stay=False)
