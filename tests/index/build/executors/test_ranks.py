"""Ranks meet in the folder alone: what each does, for whom it waits, and when it stops."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from genie_transforms.format import this_machine
from index.build.executors import launcher, lead, ranks
from index.build.executors.launcher import Rank
from index.build.tasks import LostError
from index.store import Sign, hold_folder, read_signs, remove_signs, signing

from .toy import EXPECTED, STAGES, ToyBuild, results

JOB = "a job"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(ranks, "POLL", 0.01)
    yield
    # Ranks that are threads of one process share its loggers, which processes do not.
    logging.getLogger("genie").setLevel(logging.NOTSET)


def _lead(out: Path, world_size: int = 2) -> None:
    """Run both stages as rank 0, and finish."""
    with hold_folder(out, JOB):
        remove_signs(out)
        with signing(out, JOB, 0) as begin:
            run = lead(Rank(0, world_size, 0, JOB), out, begin)
            for order in STAGES:
                run(ToyBuild(out).stage_of(order))
            (out / "genie.json").write_text("{}")
        remove_signs(out)


def _follow(out: Path, number: int = 1, world_size: int = 2, stay: bool = False) -> None:
    rank = Rank(number, world_size, 0, JOB)
    ranks.follow(ToyBuild(out), rank, out, "cpu", stay=stay)


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Threads in place of processes."""
    with ThreadPoolExecutor(3) as threads:
        yield threads


def _show(out: Path, **changes: Any) -> Path:
    """Write the sign that a process of an earlier or another job left."""
    sign: dict[str, Any] = {
        "host": "n1", "machine": this_machine(), "process": 4_000_000, "rank": 0, "job": JOB,
        "threads": 1, "order": ["generate", 0], "task": 3, "since": "", "problem": "",
    }  # fmt: skip
    path = out / "signs" / f"rank-{changes.get('rank', 0)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**sign, **changes}))
    return path


@pytest.mark.parametrize("stay", [False, True])
def test_ranks_share_the_tasks(tmp_path: Path, pool: ThreadPoolExecutor, stay: bool) -> None:
    others = [pool.submit(_follow, tmp_path, number, 3, stay) for number in (1, 2)]
    _lead(tmp_path, 3)
    for other in others:
        other.result(timeout=20)
    assert results(tmp_path) == EXPECTED
    assert not (tmp_path / "signs").exists()


def test_signs_say_who_works_on_what(tmp_path: Path) -> None:
    with hold_folder(tmp_path, JOB):
        with signing(tmp_path, JOB, 3) as begin:
            assert read_signs(tmp_path) == []
            begin(("generate", 0), 7)
            ((sign, touched),) = read_signs(tmp_path)
            assert (sign.rank, sign.process, sign.order, sign.task) == (
                3,
                os.getpid(),
                ("generate", 0),
                7,
            )
            assert touched == (tmp_path / "signs" / "rank-3.json").stat().st_mtime
        assert read_signs(tmp_path) == []
        with suppress(ValueError), signing(tmp_path, JOB, 3) as begin:
            begin(("generate", 0), None)
            raise ValueError("broken")
        assert read_signs(tmp_path)[0][0].problem == "broken"


def test_a_rank_does_not_believe_what_a_dead_rank_0_left(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    _show(tmp_path)  # of this machine: its process is dead
    other = pool.submit(_follow, tmp_path)
    with pytest.raises(TimeoutError):
        other.result(timeout=0.3)
    assert not list(tmp_path.glob("generate-*"))
    _lead(tmp_path)
    other.result(timeout=20)
    assert results(tmp_path) == EXPECTED


def test_on_another_machine_a_sign_that_moves_lives(tmp_path: Path) -> None:
    path = _show(tmp_path, machine="another")
    watch = ranks.Watch(tmp_path, JOB)
    assert [seen.lives for _ in range(2) if (seen := watch.look(0))] == [None, None]
    os.utime(path, (1, 1))  # earlier than before: whose clock is right does not matter
    assert [seen.lives for _ in range(2) if (seen := watch.look(0))] == [True, True]
    assert ranks.Watch(tmp_path, "another job").look(0) is None


def test_a_sign_that_has_stopped_moving_is_dead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _show(tmp_path, machine="another")
    watch, times = ranks.Watch(tmp_path, JOB), iter([0.0, 119.0, 121.0])
    monkeypatch.setattr("index.store.signs.time.monotonic", lambda: next(times))
    seen = [watch.look(0) for _ in range(3)]
    assert [one and one.lives for one in seen] == [None, None, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, r"rank 1, process 4000000 on n1 is dead.*the same command goes on"),
        ({"problem": "no memory"}, r"rank 1, process 4000000 on n1 has ended \(no memory\)"),
    ],
)
def test_rank_0_stops_when_another_is_dead(
    tmp_path: Path, changes: dict[str, Any], message: str, pool: ThreadPoolExecutor
) -> None:
    with hold_folder(tmp_path, JOB), signing(tmp_path, JOB, 0) as begin:
        _show(tmp_path, rank=1, **changes)
        run = lead(Rank(0, 2, 0, JOB), tmp_path, begin)
        with pytest.raises(LostError, match=message):
            run(ToyBuild(tmp_path).stage_of(STAGES[1]))
    _finish(tmp_path, pool)


def _finish(out: Path, pool: ThreadPoolExecutor) -> None:
    """The same job once more does the rest."""
    other: Future[None] = pool.submit(_follow, out)
    _lead(out)
    other.result(timeout=20)
    assert results(out) == EXPECTED


def test_rank_0_waits_for_ranks_that_have_not_begun_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
    pool: ThreadPoolExecutor,
) -> None:  # fmt: skip
    monkeypatch.setattr(ranks, "TELL", 0.05)
    caplog.set_level(logging.INFO, logger="genie")
    leader = pool.submit(_lead, tmp_path)
    while "waiting for ranks [1], which have not begun" not in caplog.text:
        assert not leader.done()
        threading.Event().wait(0.01)
    _follow(tmp_path)
    leader.result(timeout=20)
    assert results(tmp_path) == EXPECTED


def test_a_rank_stops_when_rank_0_is_dead_or_does_not_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pool: ThreadPoolExecutor
) -> None:
    with hold_folder(tmp_path, JOB), signing(tmp_path, JOB, 0) as begin:
        begin(("embed", 0), None)
        other = pool.submit(_follow, tmp_path)
        while len(list(tmp_path.glob("embed-*"))) < 6:
            threading.Event().wait(0.01)
        _show(tmp_path, order=["embed", 0])
        with pytest.raises(LostError, match=r"rank 0, process \d+ on .* is dead"):
            other.result(timeout=20)
    (tmp_path / "signs" / "rank-0.json").unlink(missing_ok=True)
    monkeypatch.setattr(ranks, "PATIENCE", 0.0)
    with pytest.raises(LostError, match="rank 1 has waited 0 minutes for rank 0"):
        _follow(tmp_path)


def test_a_rank_without_tasks_ends_when_the_bank_was_finished_meanwhile(
    tmp_path: Path, pool: ThreadPoolExecutor
) -> None:
    other = pool.submit(_follow, tmp_path, 2, 3)
    threading.Event().wait(0.1)
    (tmp_path / "genie.json").write_text("{}")  # by a rank 0 that came and went
    other.result(timeout=20)


TORCHRUN = {
    "TORCHELASTIC_RUN_ID": "none", "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1",
    "MASTER_ADDR": "n1", "MASTER_PORT": "29500",
}  # fmt: skip
STEP = {
    "SLURM_JOB_ID": "7", "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5",
    "SLURM_LOCALID": "1", "SLURM_NTASKS": "8",
}  # fmt: skip
ARRAY = {
    "SLURM_JOB_ID": "12", "SLURM_ARRAY_JOB_ID": "9", "SLURM_ARRAY_TASK_ID": "5",
    "SLURM_ARRAY_TASK_MIN": "1", "SLURM_ARRAY_TASK_COUNT": "3", "SLURM_ARRAY_TASK_STEP": "2",
    "SLURM_PROCID": "0", "SLURM_NTASKS": "4",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "rank"),
    [
        (TORCHRUN, Rank(3, 4, 1, "torchrun none n1:29500")),
        (STEP, Rank(5, 8, 1, "SLURM 7.0")),
        (ARRAY, Rank(2, 3, 0, "SLURM 9.batch")),
        ({**STEP, **ARRAY, "SLURM_PROCID": "5"}, Rank(21, 24, 1, "SLURM 9.0")),
    ],
)
def test_launchers(environment: dict[str, str], rank: Rank) -> None:
    assert launcher.find_rank(environment) == rank


def test_the_environment_is_that_of_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, **ARRAY})  # as `datasets` leaves it
    assert launcher.find_rank() == launcher.find_rank(ARRAY)


@pytest.mark.parametrize(
    "environment",
    [
        {},
        # A script of sbatch that starts one process.
        {"SLURM_JOB_ID": "7", "SLURM_NTASKS": "8", "SLURM_PROCID": "0"},
        {**TORCHRUN, "RANK": "first"},
    ],
)
def test_without_a_launcher_nobody_is_waited_for(environment: dict[str, str]) -> None:
    with pytest.raises(launcher.UserError, match=r"launcher|none of them started this one"):
        launcher.find_rank(environment)


def test_an_array_with_gaps_has_no_ranks() -> None:
    with pytest.raises(launcher.UserError, match=r"3 tasks that do not follow .* from 1 to 7"):
        launcher.find_rank({**ARRAY, "SLURM_ARRAY_TASK_MAX": "7"})
    assert launcher.find_rank({**ARRAY, "SLURM_ARRAY_TASK_MAX": "5"}) == launcher.find_rank(ARRAY)


def test_two_machines_do_not_share_the_default_name_of_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs = set()
    for host in ("n1", "n2"):
        monkeypatch.setattr(launcher.socket, "gethostname", lambda host=host: host)
        jobs.add(launcher.find_rank({**TORCHRUN, "MASTER_ADDR": "127.0.0.1"}).job)
    assert len(jobs) == 2


def test_a_sign_names_its_process() -> None:
    sign = Sign("n1", "", 7, None, JOB, 1, ("embed", 0), None, "")
    assert str(sign) == "process 7 on n1"
