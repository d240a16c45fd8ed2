"""A build is stages of tasks: embed blocks of images, generate shards, finish the bank.

A task may be run again, writes atomically, and depends on nothing but the settings and earlier
stages: not on which process runs it, when, with how many others, or how often it was interrupted.
So whoever runs the tasks of a stage knows tasks, not banks.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from genie_transforms import BankError

from .progress import Progress

logger = logging.getLogger("genie.build")


Order = tuple[str, int]
"""What another process is told, so that it makes the same stage.

Its kind (embed, generate, retry or finish), and how often failed pairs are to have been tried.
"""


RunStage = Callable[["Stage"], None]
"""Runs the tasks of a stage that are not done: here, or in other processes."""


Begin = Callable[[Order, int | None], None]
"""Called before each task with the stage's order, and between tasks with None.

It says what the process begins, and raises if the build must not go on.
"""


StageOf = Callable[[Order], "Stage"]
"""Makes a stage from its order."""


class LostError(BankError):
    """Processes that a build waits for are dead; the same command goes on from there."""


class Stage(Protocol):
    """Tasks that may run in any order and in any process.

    Attributes:
        name: What the stage does.
        unit: What `size` counts, in the singular.
        order: See `Order`.
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


class Build(Protocol):
    """A build, as its owner gives it to other processes: it can be pickled."""

    def open(self, device: str) -> StageOf:
        """Open the build for this process, which takes as long as it takes to load its models.

        Args:
            device: Where its networks run.

        Returns:
            What makes a stage once the owner asks for it.
        """
        ...

    def is_last(self, order: Order) -> bool:
        """Tell whether the owner asks for no other stage after this one."""
        ...


def run_here(stage: Stage, begin: Begin | None = None) -> None:
    """Run the tasks of a stage that are not done, one after the other, in this process.

    Args:
        stage: The stage.
        begin: See `Begin`.
    """
    with tasks_left(stage) as (tasks, advance):
        for task in tasks:
            if begin is not None:
                begin(stage.order, task)
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
