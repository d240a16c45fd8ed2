"""How executors hand out tasks, event by event: who takes which, and what a death costs."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Seconds = npt.NDArray[np.float64]

PATIENCE = 20.0
"""Times what an undisturbed build would take; one that has not ended by then never does."""


@dataclass(frozen=True)
class Executor:
    """What decides who runs a task.

    Attributes:
        name: What it is called.
        fixed: Whether task t belongs to worker t mod W; else whoever is idle takes the next one.
        stops_all: Whether all processes are started anew when one of them dies.
    """

    name: str
    fixed: bool
    stops_all: bool


EXECUTORS = (
    # A pool of processes is broken as a whole.
    Executor("workers", fixed=False, stops_all=True),
    # torchrun ends the others, too, and starts all of them again.
    Executor("ranks", fixed=True, stops_all=True),
    Executor("ray", fixed=False, stops_all=False),
)


@dataclass(frozen=True)
class Outcome:
    """What became of a build.

    Attributes:
        makespan: Seconds until the last task was done; infinite if that never happens.
        lost: Seconds of work that was begun and not finished.
        deaths: Deaths until then.
    """

    makespan: float
    lost: float
    deaths: int


@dataclass
class _Simulation:
    """The state of a build between two events; see `simulate`."""

    seconds: Sequence[float]
    slowness: Sequence[float]
    executor: Executor
    restart: float
    queues: list[deque[int]]
    lost: float = 0.0
    done: int = 0
    running: dict[int, tuple[int, float]] = field(default_factory=dict)
    idle: set[int] = field(default_factory=set)
    # A worker that died in between does not finish what it had begun: its events are of old.
    lives: dict[int, int] = field(default_factory=dict)
    events: list[tuple[float, int, int]] = field(default_factory=list)

    def ready(self, worker: int, at: float) -> None:
        """Note when a worker can take its next task."""
        heapq.heappush(self.events, (at, worker, self.lives.get(worker, 0)))

    def take(self, worker: int, now: float) -> None:
        """Let a worker finish its task and take the next one."""
        if self.running.pop(worker, None) is not None:
            self.done += 1
        queue = self.queues[worker if self.executor.fixed else 0]
        if not queue:
            self.idle.add(worker)
            return
        self.idle.discard(worker)
        task = queue.popleft()
        self.running[worker] = task, now
        self.ready(worker, now + self.seconds[task] * self.slowness[worker])

    def die(self, worker: int, now: float) -> None:
        """Drop what was being done, and start the dead again."""
        ended = range(len(self.slowness)) if self.executor.stops_all else (worker,)
        again = []
        for one in ended:
            self.lives[one] = self.lives.get(one, 0) + 1
            self.idle.discard(one)
            if one in self.running:
                task, begun = self.running.pop(one)
                self.lost += now - begun
                again.append(task)
            self.ready(one, now + self.restart)
        for task in sorted(again, reverse=True):
            self.queues[task % len(self.queues)].appendleft(task)
        for waiting in sorted(self.idle) if again and not self.executor.fixed else ():
            self.ready(waiting, now)


def simulate(
    seconds: Sequence[float] | Seconds,
    workers: int,
    executor: Executor,
    *,
    slowness: Sequence[float] | Seconds | None = None,
    deaths: Iterable[tuple[float, int]] = (),
    opening: float = 0.0,
) -> Outcome:
    """Run tasks.

    Args:
        seconds: Duration of each task.
        workers: How many processes there are.
        executor: Hands out the tasks, in their order.
        slowness: Factor of each worker's durations; 1 if not given.
        deaths: When which worker dies, increasing; it is started again at once.
        opening: Seconds that a worker takes to open its models, at the start and after a death.
    """
    slow = [1.0] * workers if slowness is None else [float(factor) for factor in slowness]
    durations = [float(value) for value in seconds]
    count = workers if executor.fixed else 1
    queues = [deque(range(first, len(durations), count)) for first in range(count)]
    state = _Simulation(durations, slow, executor, opening, queues)
    for worker in range(workers):
        state.ready(worker, opening)
    limit = PATIENCE * (opening + sum(durations) * max(slow) / workers + max(durations, default=0))
    coming = iter(deaths)
    death, died, now = next(coming, None), 0, 0.0
    while state.done < len(durations):
        if death is not None and death[0] < state.events[0][0]:
            now, worker = death
            state.die(worker, now)
            death, died = next(coming, None), died + 1
        else:
            now, worker, life = heapq.heappop(state.events)
            if life == state.lives.get(worker, 0) and _is_due(state, worker, now):
                state.take(worker, now)
        if now > limit:
            return Outcome(float("inf"), state.lost, died)
    return Outcome(now, state.lost, died)


def _is_due(state: _Simulation, worker: int, now: float) -> bool:
    """Tell whether a worker has nothing left to do of its task: it may have been woken twice."""
    if worker not in state.running:
        return True
    task, begun = state.running[worker]
    return now >= begun + state.seconds[task] * state.slowness[worker]


def random_deaths(
    workers: int, mean: float, generator: np.random.Generator
) -> Iterator[tuple[float, int]]:
    """Draw when which worker dies: each once in `mean` seconds on average, whatever was before."""
    now = 0.0
    while True:
        now += float(generator.exponential(mean / workers))
        yield now, int(generator.integers(workers))
