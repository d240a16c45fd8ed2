"""Ray: a pool of actors on a cluster, each with a GPU or a CPU of its own.

An actor takes the next task as soon as it has done one. What an actor or a node had begun when it
was lost, another one does; a new actor takes its place as soon as Ray finds one.
"""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import ray
import torch
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayActorError, RayTaskError

from genie_transforms import UserError

from ..tasks import Begin, LostError, Order, RunStage, Stage, tasks_left
from .worker import MOST_DEATHS, Worker

logger = logging.getLogger("genie.build")

POLL = 1.0
"""Seconds that a wait for actors lasts at most, so that signals are heard."""


TELL = 60.0
"""Seconds without any actor after which somebody should know."""


_DEATHS = (RayActorError, NodeDiedError, OutOfMemoryError)


@contextmanager
def ray_actors(
    worker: Worker, begin: Begin, device: str, number: int, address: str
) -> Iterator[RunStage]:
    """Give what runs stages on a Ray cluster; its actors end with the block.

    Args:
        worker: What each actor becomes.
        begin: See `Begin`.
        device: Where networks run; auto and cuda are the GPU that Ray gives each actor.
        number: How many actors; 0 for one on each GPU, or where there are none, for as many as
            have CPUs for the threads of this process.
        address: Of the cluster; if empty, that of RAY_ADDRESS, one that runs on this machine, or a
            new one.

    Raises:
        UserError: There is no cluster at that address.
    """
    with _connected(address):
        pool = _Pool(worker, begin, device, number)
        try:
            yield pool.run
        finally:
            pool.end()


class _Pool:
    """The actors of a build.

    Args:
        worker: What each actor becomes.
        begin: See `Begin`.
        device: See `ray_actors`.
        number: See `ray_actors`.
    """

    def __init__(self, worker: Worker, begin: Begin, device: str, number: int) -> None:
        resources, threads = ray.cluster_resources(), torch.get_num_threads()
        gpus = int(resources.get("GPU", 0)) if device in ("auto", "cuda") else 0
        self._number = number or gpus or max(1, int(resources.get("CPU", 1)) // threads)
        self._device = "cuda" if gpus else device
        options = {
            "num_cpus": 1,
            "num_gpus": 1 if gpus else 0,
            "scheduling_strategy": "SPREAD",
            # Ray would set it to the number of CPUs.
            "runtime_env": {"env_vars": {"OMP_NUM_THREADS": str(threads)}},
        }
        self._actor = ray.remote(**options)(_Actor)
        self._worker, self._begin = ray.put(worker), begin
        self._idle: list[Any] = []
        self._busy: dict[
            Any, tuple[Any, int | None]
        ] = {}  # by call: actor and task, None: it opens
        self._deaths, self._heard = 0, time.monotonic()
        kind = "GPU" if gpus else "CPU"
        logger.info("Ray: %d workers, a %s and %d threads each", self._number, kind, threads)

    def run(self, stage: Stage) -> None:
        """Run the tasks of a stage that are not done; see `run_here`.

        Raises:
            LostError: Actors die again and again.
        """
        self._begin(stage.order, None)
        with tasks_left(stage) as (left, advance):
            waiting, unfinished = deque(left), len(left)
            while unfinished:
                self._fill()
                self._give(stage.order, waiting)
                for task, is_done in self._ended():
                    if is_done:
                        unfinished -= 1
                        advance(task)
                    else:
                        waiting.appendleft(task)

    def end(self) -> None:
        """End the actors."""
        for actor in [*self._idle, *(actor for actor, _ in self._busy.values())]:
            ray.kill(actor)
        self._idle, self._busy = [], {}

    def _fill(self) -> None:
        """Begin actors in place of those that are missing."""
        while len(self._idle) + len(self._busy) < self._number:
            actor = self._actor.remote(self._worker)
            self._busy[actor.open.remote(self._device)] = actor, None

    def _give(self, order: Order, waiting: deque[int]) -> None:
        """Give idle actors a task each."""
        while self._idle and waiting:
            actor, task = self._idle.pop(), waiting.popleft()
            self._busy[actor.run.remote(order, task)] = actor, task

    def _ended(self) -> Iterator[tuple[int, bool]]:
        """Wait for an actor; yield its task, and whether that is done or the actor dead."""
        ready, _ = ray.wait(list(self._busy), timeout=POLL)
        for call in ready:
            actor, task = self._busy.pop(call)
            self._heard = time.monotonic()
            try:
                ray.get(call)
            except _DEATHS as error:
                self._bury(actor, error)
                if task is not None:
                    yield task, False
            except RayTaskError as error:
                raise error.cause from error
            else:
                self._idle.append(actor)
                if task is not None:
                    self._deaths = 0
                    yield task, True
        idles = all(task is None for _, task in self._busy.values())
        if idles and time.monotonic() - self._heard > TELL:
            self._heard = time.monotonic()
            logger.warning("Ray has not begun any of %d workers yet", self._number)

    def _bury(self, actor: Any, error: Exception) -> None:
        """Count a death.

        Raises:
            LostError: They do not end.
        """
        ray.kill(actor)
        self._deaths += 1
        if self._deaths >= MOST_DEATHS * self._number:  # a node takes all of its actors along
            reason = str(error).strip().splitlines()[-1]
            raise LostError(
                f"workers died {self._deaths} times in a row ({reason}): see Ray's logs; the same "
                "command goes on from here"
            ) from error
        logger.warning("a worker was lost: another one does what it had begun")


class _Actor:
    """A worker as Ray's actor."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def open(self, device: str) -> None:
        """See `Worker.open`."""
        self._worker.open(device)

    def run(self, order: Order, task: int) -> None:
        """See `Worker.run`."""
        self._worker.run(order, task)


@contextmanager
def _connected(address: str) -> Iterator[None]:
    """Connect to a cluster while the block runs, unless this process already is.

    Raises:
        UserError: It cannot be reached.
    """
    if ray.is_initialized():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(
            address or None,
            include_dashboard=False,  # of a cluster that is begun here
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except (ConnectionError, RuntimeError) as error:
        where = f" at {address}" if address else ""
        raise UserError(f"no Ray cluster can be used{where}: {error}") from error
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():  # Ray sets its own
            signal.signal(number, handler)
    try:
        yield
    finally:
        ray.shutdown()
