"""Several processes on this machine that share the tasks of a stage: `--workers`.

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
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import wait
from multiprocessing.queues import SimpleQueue
from multiprocessing.reduction import ForkingPickler

import torch

from genie_transforms import BankError, UserError
from index.config import BuildConfig
from index.device import choose_device
from index.sources import LabelledImages

from .describe import describe
from .open import Opened, open_build
from .prepare import Prepared, decide, embedding_stage, prepare
from .retry import RetryFailed
from .run import open_job
from .shards import GenerateShards
from .tasks import Order, RunStage, Stage, run_here, tasks_left

logger = logging.getLogger("genie.build")

MOST_DEATHS = 3
"""Workers may die as often as this without a task done in between; then the build stops."""


@contextmanager
def stage_runner(
    config: BuildConfig, source: LabelledImages | None, before: Callable[[], None]
) -> Iterator[RunStage]:
    """Give what runs stages: here, or in `config.workers` processes that end with the block.

    Args:
        config: The build, as the user gave it.
        source: Source images in place of `config.source`.
        before: Called between tasks; raises if the build must not go on.

    Raises:
        UserError: The dataset cannot be given to other processes.
    """
    if config.workers == 1:
        yield lambda stage: run_here(stage, before)
        return
    team = _Team(config, source, before)
    try:
        yield team.run
    finally:
        team.end()


class _Team:
    """The workers of a build.

    Args:
        config: The build, as the user gave it.
        source: Source images in place of `config.source`.
        before: See `stage_runner`.
    """

    def __init__(
        self, config: BuildConfig, source: LabelledImages | None, before: Callable[[], None]
    ) -> None:
        try:
            ForkingPickler.dumps(source)
        except (pickle.PicklingError, TypeError, AttributeError) as error:
            raise UserError(
                f"a {type(source).__name__} cannot be given to workers ({error}): build with "
                "workers=1, or make it a class of a module"
            ) from error
        self._config, self._source, self._before = config, source, before
        self._pool: ProcessPoolExecutor | None = None

    def run(self, stage: Stage) -> None:
        """Run the tasks of a stage that are not done; see `run_here`.

        Raises:
            BankError: Workers die again and again.
        """
        deaths = 0
        with tasks_left(stage) as (left, advance):
            while left:
                self._before()
                try:
                    for task in self._done(stage.order, left):
                        left.remove(task)
                        advance(task)
                        deaths = 0
                        self._before()
                except BrokenProcessPool as error:
                    deaths += 1
                    self.end()
                    if deaths == MOST_DEATHS:
                        raise BankError(
                            f"workers died {deaths} times in a row, killed from outside or out of "
                            "memory: give the same command fewer --workers; it goes on from here"
                        ) from error
                    logger.warning("a worker died: others go on with what is not finished")

    def end(self) -> None:
        """Let the workers finish what they do, and end them."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None

    def _done(self, order: Order, tasks: list[int]) -> Iterator[int]:
        """Let the workers run tasks; yield each that is done."""
        if self._pool is None:
            self._pool = self._begin()
        futures = {self._pool.submit(_run, order, task): task for task in tasks}
        for future in as_completed(futures):
            future.result()
            yield futures[future]

    def _begin(self) -> ProcessPoolExecutor:
        # Started anew, not forked: CUDA, and threads of libraries, do not survive a fork.
        context = multiprocessing.get_context("spawn")
        places: SimpleQueue[str] = context.SimpleQueue()
        for number in range(self._config.workers):
            places.put(_device(self._config.device, number))
        # As many threads as here: on a processor their number changes the last bits of sums.
        threads = torch.get_num_threads()
        arguments = (self._config, self._source, places, threads)
        return ProcessPoolExecutor(self._config.workers, context, _open, arguments)


def _device(device: str, number: int) -> str:
    """Return the device of a worker: of several GPUs, each in turn."""
    chosen = choose_device(device)
    count = torch.cuda.device_count() if chosen == "cuda" else 0
    return f"cuda:{number % count}" if count > 1 else chosen


@dataclass
class _Worker:
    """What a worker has opened: the build, and once images are embedded, what is to be run."""

    opened: Opened
    prepared: Prepared | None = None
    stage: Stage | None = None

    def stage_of(self, order: Order) -> Stage:
        """Make a stage as the owner did, or return it again."""
        if self.stage is None or self.stage.order != order:
            self.stage = self._make(*order)
        return self.stage

    def _make(self, kind: str, rounds: int) -> Stage:
        if kind == "embed":
            return embedding_stage(self.opened)
        # The owner has embedded all, and so decided which images can be used.
        self.prepared = self.prepared or prepare(self.opened, lambda stage: None)
        job = open_job(self.prepared, describe(self.opened, self.prepared))
        return RetryFailed(job, rounds) if kind == "retry" else GenerateShards(job)


_worker: _Worker | None = None  # of this process, if it is a worker: the pool can pass nothing on


def _open(
    config: BuildConfig, source: LabelledImages | None, places: SimpleQueue[str], threads: int
) -> None:
    """Open the build in a new worker."""
    global _worker
    # The owner is told to stop, and tells the workers. One that is killed cannot: they see it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_owner, daemon=True).start()
    logging.getLogger("genie").setLevel(logging.ERROR)  # the owner has said it all
    torch.set_num_threads(threads)
    own = replace(config, device=places.get())
    _worker = _Worker(decide(open_build(own, source, for_owner=True)))


def _run(order: Order, task: int) -> None:
    """Run a task in a worker, unless it is done."""
    if _worker is None:
        raise RuntimeError("this process is no worker")
    stage = _worker.stage_of(order)
    if not stage.is_done(task):
        stage.run(task)


def _end_with_owner() -> None:
    owner = multiprocessing.parent_process()
    if owner is not None:
        wait([owner.sentinel])
        os._exit(1)
