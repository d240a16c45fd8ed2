"""A process that runs tasks for the owner of a folder, whoever started it."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import torch

from genie_transforms import UserError
from index.store import owner_of, signing

from ..tasks import Begin, Build, Order, Stage, StageOf

MOST_DEATHS = 3
"""Each worker may die as often as this without a task done in between; then the build stops."""


class Worker:
    """Opens a build for its process, and runs the tasks that it is given.

    Args:
        build: The build.
        out: Its folder.
        job: Name of the job that owns the folder.
        threads: Threads of the owner: on a processor their number changes the last bits of sums.
    """

    def __init__(self, build: Build, out: Path, job: str, threads: int) -> None:
        self._build, self._out, self._job, self._threads = build, out, job, threads
        self._opened: tuple[StageOf, Begin] | None = None
        self._while_open = ExitStack()

    def open(self, device: str) -> None:
        """Open the build on a device.

        Raises:
            UserError: This machine does not see the owner's folder, or lacks what the owner has.
        """
        self._while_open.enter_context(silence())
        host, owner = socket.gethostname(), owner_of(self._out)
        if owner is None or owner.job != self._job:
            raise UserError(
                f"{host} does not see {self._out.resolve()} as the process does "
                "that builds there: all nodes must share the folder, under the same name"
            )
        torch.set_num_threads(self._threads)
        try:
            stage_of = self._build.open(device)
        except UserError as error:
            raise UserError(f"on {host}: {error}") from error
        begin = self._while_open.enter_context(signing(self._out, self._job))
        self._opened = stage_of, begin

    def run(self, order: Order, task: int) -> None:
        """Run a task, unless it is done."""
        if self._opened is None:
            raise RuntimeError("this worker has not opened the build yet")
        stage_of, begin = self._opened
        run_task(stage_of(order), task, begin)


def run_task(stage: Stage, task: int, begin: Begin) -> None:
    """Run a task, unless it is done."""
    if not stage.is_done(task):
        begin(stage.order, task)
        stage.run(task)


@contextmanager
def silence() -> Iterator[None]:
    """Log nothing but errors while the block runs: the owner has said it all."""
    logger = logging.getLogger("genie")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
