"""Makespans that can be worked out by hand."""

from __future__ import annotations

import math
from itertools import islice

import numpy as np
import pytest

from benchmarks.scale_model.schedule import (
    EXECUTORS,
    Executor,
    Outcome,
    random_deaths,
    simulate,
)

WORKERS, RANKS, RAY = EXECUTORS


@pytest.mark.parametrize(("executor", "makespan"), [(RANKS, 9.0), (WORKERS, 7.0), (RAY, 7.0)])
def test_who_takes_what(executor: Executor, makespan: float) -> None:
    # Fixed: 4 + 1 + 4 beside 1 + 1. Else 4, and beside it 1 + 1 + 1, and then 4 from second 3 on.
    assert simulate([4, 1, 1, 1, 4], 2, executor) == Outcome(makespan, 0.0, 0)


def test_one_worker_takes_all_and_a_thousand_no_more_than_there_is() -> None:
    for executor in EXECUTORS:
        assert simulate([2.0, 3.0], 1, executor, opening=1.0).makespan == 6.0
        assert simulate([2.0, 3.0], 1000, executor, opening=1.0).makespan == 4.0


@pytest.mark.parametrize(("executor", "makespan"), [(RANKS, 30.0), (RAY, 20.0)])
def test_a_straggler(executor: Executor, makespan: float) -> None:
    # Worker 1 takes 10 s for each. Fixed: it has 3 of 6 tasks. Else it has 2, the other 4 in 20 s.
    assert simulate([5.0] * 6, 2, executor, slowness=[1.0, 2.0]).makespan == makespan


@pytest.mark.parametrize(
    ("executor", "outcome"),
    [
        # Task 2 again from 7 to 11; beside it task 3 until 9, 4 until 13; 5 from 11 to 15.
        (RAY, Outcome(15.0, 1.0, 1)),
        # Tasks 2 and 3 again from 7 to 11, 4 and 5 until 15.
        (WORKERS, Outcome(15.0, 2.0, 1)),
        (RANKS, Outcome(15.0, 2.0, 1)),
    ],
)
def test_what_a_death_costs(executor: Executor, outcome: Outcome) -> None:
    # Six tasks of 4 s after 1 s of opening: at 5 tasks 2 and 3 are begun, at 6 one worker dies.
    assert simulate([4.0] * 6, 2, executor, deaths=[(6.0, 0)], opening=1.0) == outcome


def test_deaths_faster_than_tasks_are_never_through() -> None:
    deaths = ((float(second), 0) for second in range(3, 10**6, 3))
    assert simulate([4.0], 1, RAY, deaths=deaths).makespan == math.inf


def test_an_idle_worker_takes_what_a_dead_one_leaves() -> None:
    # Worker 1 is idle from 1 on; worker 0 dies at 8 of its 10 s and would open for 100.
    outcome = simulate([10.0, 1.0], 2, RAY, deaths=[(108.0, 0)], opening=100.0)
    assert outcome == Outcome(118.0, 8.0, 1)


def test_every_task_is_done_once_whatever_dies() -> None:
    generator = np.random.default_rng(0)
    seconds = generator.exponential(1.0, 50)
    for executor in EXECUTORS:
        deaths = random_deaths(4, 10.0, generator)
        outcome = simulate(seconds, 4, executor, deaths=deaths, opening=0.1)
        assert 4 * outcome.makespan >= seconds.sum() + outcome.lost
        assert outcome.deaths > 0


def test_workers_die_as_often_as_asked() -> None:
    deaths = list(islice(random_deaths(10, 100.0, np.random.default_rng(0)), 2000))
    assert deaths[-1][0] / 2000 == pytest.approx(10.0, rel=0.05)
    assert {worker for _, worker in deaths} == set(range(10))
