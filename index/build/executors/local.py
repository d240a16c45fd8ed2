"""This process, or with `--workers` several on this machine that share the tasks of a stage.

The owner of the folder hands out tasks. A worker opens the build for itself, as the owner did, and
leaves the results on disk; only numbers of tasks go between them. A worker that dies takes nothing
with it: others are started, and do what is not on disk.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.queues import SimpleQueue
from multiprocessing.reduction import ForkingPickler

from genie_transforms import UserError
from index.device import nth_device

from ..tasks import Begin, LostError, Order, RunStage, Stage, tasks_left
from .worker import MOST_DEATHS, Worker

logger = logging.getLogger("genie.build")


@contextmanager
def local_workers(worker: Worker, begin: Begin, device: str, number: int) -> Iterator[RunStage]:
    """Give what runs stages in several processes on this machine; they end with the block.

    Args:
        worker: What each process becomes.
        begin: See `Begin`.
        device: Where networks run; GPUs are taken in turn.
        number: How many processes.

    Raises:
        UserError: The build cannot be given to other processes.
    """
    try:
        ForkingPickler.dumps(worker)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise UserError(
            f"this build cannot be given to workers ({error}): leave --workers out, or give a "
            "dataset whose class stands in a module"
        ) from error
    team = _Team(worker, begin, [nth_device(device, place) for place in range(number)])
    try:
        yield team.run
    finally:
        team.end()


class _Team:
    """The workers of a build.

    Args:
        worker: What each process becomes.
        begin: See `Begin`.
        devices: Of each worker.
    """

    def __init__(self, worker: Worker, begin: Begin, devices: list[str]) -> None:
        self._worker, self._begin, self._devices = worker, begin, devices
        self._pool: ProcessPoolExecutor | None = None
        self._until: Connection | None = None  # workers are wanted until it is closed

    def run(self, stage: Stage) -> None:
        """Run the tasks of a stage that are not done; see `run_here`.

        Raises:
            LostError: Workers die again and again.
        """
        deaths = 0
        with tasks_left(stage) as (left, advance):
            while left:
                self._begin(stage.order, None)
                try:
                    for task in self._done(stage.order, left):
                        left.remove(task)
                        advance(task)
                        deaths = 0
                        self._begin(stage.order, None)
                except BrokenProcessPool as error:
                    deaths += 1
                    self.end()
                    if deaths == MOST_DEATHS:
                        raise LostError(
                            f"workers died {deaths} times in a row, killed from outside or out of "
                            "memory: give the same command fewer --workers; it goes on from here"
                        ) from error
                    logger.warning("a worker died: others go on with what is not finished")

    def end(self) -> None:
        """Let the workers finish what they do, and end them."""
        if self._until is not None:
            self._until.close()
            self._until = None
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _done(self, order: Order, tasks: list[int]) -> Iterator[int]:
        """Let the workers run tasks; yield each that is done."""
        if self._pool is None:
            self._pool = self._open()
        futures = {self._pool.submit(_run, order, task): task for task in tasks}
        for future in as_completed(futures):
            future.result()
            yield futures[future]

    def _open(self) -> ProcessPoolExecutor:
        # Started anew, not forked: CUDA, and threads of libraries, do not survive a fork.
        context = multiprocessing.get_context("spawn")
        devices: SimpleQueue[str] = context.SimpleQueue()
        for device in self._devices:
            devices.put(device)
        ended, self._until = context.Pipe(duplex=False)
        arguments = (self._worker, devices, ended)
        return ProcessPoolExecutor(len(self._devices), context, _become, arguments)


_worker: Worker | None = None  # of this process, if it is one: the pool can pass nothing on
_busy = threading.Lock()


def _become(worker: Worker, devices: SimpleQueue[str], ended: Connection) -> None:
    """Open the build in a new process."""
    global _worker
    # The owner is told to stop, and tells the workers. One that is killed cannot: they see it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_in_time, args=(ended,), daemon=True).start()
    worker.open(devices.get())
    _worker = worker


def _run(order: Order, task: int) -> None:
    """Run a task in a worker."""
    if _worker is None:
        raise RuntimeError("this process is no worker")
    with _busy:
        _worker.run(order, task)


def _end_in_time(ended: Connection) -> None:
    """End this process with its owner, or when the team has ended and it has nothing to do.

    The pool ends idle workers, too. But one that is killed just then may hold the lock of their
    queue: the others would wait for it for ever, and the owner for them.
    """
    owner = multiprocessing.parent_process()
    if owner is None:
        raise RuntimeError("this process is no worker")
    while owner.sentinel not in wait([owner.sentinel, ended]):
        if _busy.acquire(timeout=0.1):
            os._exit(0)
    os._exit(1)
