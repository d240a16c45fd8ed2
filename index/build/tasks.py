"""A build is stages of tasks: embed blocks of images, generate shards, finish the bank.

A task may be run again, writes atomically, and depends on nothing but the settings and earlier
stages: not on which process runs it, when, with how many others, or how often it was interrupted.
So whoever runs the tasks of a stage knows tasks, not banks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from .progress import Progress

logger = logging.getLogger("genie.build")


Order = tuple[Literal["embed", "generate", "retry", "finish"], int]

RunStage = Callable[["Stage"], None]
"""Runs the tasks of a stage that are not done: here, or in other processes."""


class Stage(Protocol):
    """Tasks that may run in any order and in any process.

    Attributes:
        name: What the stage does.
        unit: What `size` counts, in the singular.
        order: What another process is told, so that it makes the same stage: its kind, and how
            often failed pairs are to have been tried.
    """

    name: str
    unit: str
    order: Order

    @property
    def num_tasks(self) -> int:
        """How many tasks there are; they are numbered from 0."""
        ...

    def size(self, task: int) -> int:
        """Return how much a task is of the whole, such as its pairs."""
        ...

    def is_done(self, task: int) -> bool:
        """Tell from what is on disk whether a task need not run, whoever ran it."""
        ...

    def failed(self, task: int) -> int:
        """Count what of a task that is done could not be made; a part of its `size`."""
        ...

    def run(self, task: int) -> None:
        """Run a task, and leave its result on disk."""
        ...


def run_here(stage: Stage, before: Callable[[], None] | None = None) -> None:
    """Run the tasks of a stage that are not done, one after the other, in this process.

    Args:
        stage: The stage.
        before: Called before each task; raises if the build must not go on.
    """
    with tasks_left(stage) as (tasks, advance):
        for task in tasks:
            if before is not None:
                before()
            stage.run(task)
            advance(task)


@contextmanager
def tasks_left(stage: Stage) -> Iterator[tuple[list[int], Callable[[int], None]]]:
    """Show the progress of a stage while the block runs.

    Yields:
        The tasks that are not done, and what is to be called when one of them is.
    """
    done = {task for task in range(stage.num_tasks) if stage.is_done(task)}
    if done:
        logger.info("%s: %d of %d are done", stage.name, len(done), stage.num_tasks)
    sizes = [stage.size(task) for task in range(stage.num_tasks)]
    before = sum(sizes[task] for task in done), sum(stage.failed(task) for task in done)
    progress = Progress(stage.name, stage.unit, sum(sizes), *before)
    left = [task for task in range(stage.num_tasks) if task not in done]
    try:
        yield left, lambda task: progress.add(sizes[task], stage.failed(task))
    finally:
        progress.close()
