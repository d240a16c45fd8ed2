"""Ray's actors share tasks; what dead ones and lost nodes had begun, others do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from genie_transforms import MissingPackageError, UserError
from index.build import build, executors
from index.build.executors import ray as executor
from index.build.executors.ray import ray_actors
from index.build.executors.worker import Worker
from index.build.tasks import LostError, RunStage
from index.config import BuildConfig
from index.status.reading import read_status
from index.status.status import Status
from index.store import Sign, hold_folder, read_signs, signing

from .conftest import content
from .toy import EXPECTED, STAGES, ToyBuild, results, workers_of

JOB = "a job"

# The oldest releases that are supported leave it open for each process that they start.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in.*/dev/null:pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[Cluster]:
    """A node that has a CPU for one worker; its workers are told where the backbone is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # What later releases do anyway; the oldest ones that are supported warn if it is not said.
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        except Exception as error:  # Ray's own, and it has no other
            if "timed out during startup" not in str(error):
                raise
            pytest.skip(f"this machine is too busy to start Ray: {error}")
        ray.init(nodes.address, log_to_driver=False)
        yield nodes
        ray.shutdown()
        nodes.shutdown()


@contextmanager
def _running(out: Path, number: int = 1, job: str = JOB) -> Iterator[RunStage]:
    """Give what runs stages of the toy."""
    with hold_folder(out, JOB), signing(out, JOB) as begin:
        worker = Worker(ToyBuild(out), out, job, 1)
        with ray_actors(worker, begin, "cpu", number, "") as run:
            yield run


def test_what_dead_actors_had_begun_others_do_and_stages_share_them(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "MOST_DEATHS", 2)
    (tmp_path / "kill-3").write_text("1")
    with _running(tmp_path) as run:
        for order in STAGES:
            run(ToyBuild(tmp_path).stage_of(order))
    assert results(tmp_path) == EXPECTED
    who = workers_of(tmp_path)
    assert len(set(who[:3])) == len(set(who[3:])) == 1
    assert who[0] != who[3]
    assert set(workers_of(tmp_path, STAGES[0])) == {who[0]}


def test_actors_that_always_die_stop_the_build(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "MOST_DEATHS", 2)
    (tmp_path / "kill-3").write_text("2")
    with _running(tmp_path) as run:
        with pytest.raises(LostError, match="workers died 2 times in a row"):
            run(ToyBuild(tmp_path).stage_of(STAGES[1]))
        for order in STAGES:
            run(ToyBuild(tmp_path).stage_of(order))
    assert results(tmp_path) == EXPECTED


def test_an_error_of_a_task_is_raised_here(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "fail-2").touch()
    with _running(tmp_path) as run, pytest.raises(ValueError, match="task 2 fails"):
        run(ToyBuild(tmp_path).stage_of(STAGES[1]))


def test_a_node_that_does_not_see_the_folder_says_so(cluster: Cluster, tmp_path: Path) -> None:
    with (
        _running(tmp_path, job="of another folder") as run,
        pytest.raises(UserError, match=r"does not see .*all nodes must share the folder"),
    ):
        run(ToyBuild(tmp_path).stage_of(STAGES[1]))


def test_a_cluster_that_is_not_there_and_ray_that_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nobody(*_: Any, **__: Any) -> None:
        raise ConnectionError("nobody answers")

    monkeypatch.setattr(executor.ray, "is_initialized", lambda: False)
    monkeypatch.setattr(executor.ray, "init", nobody)
    refused = pytest.raises(
        UserError, match="no Ray cluster can be used at n1:6379: nobody answers"
    )
    with refused, executor._connected("n1:6379"):
        pass
    monkeypatch.setattr(executors, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"pip install 'genie-transforms\[index,ray\]'"):
        build(BuildConfig(executor="ray"))


def test_two_nodes_of_which_one_is_lost_make_the_same_bank(
    cluster: Cluster,
    settings: dict[str, Any],
    alone: dict[str, bytes],
    folder: Path,
    tmp_path: Path,
) -> None:
    out, node, done = tmp_path / "bank", cluster.add_node(num_cpus=1), Event()
    held: list[Status] = []

    def at_work(kind: str) -> list[Sign]:
        return [sign for sign, _ in read_signs(out) if sign.order[0] == kind]

    def lose() -> None:
        """Take the second node away while an actor on each works on a shard."""
        while not at_work("generate") and not done.wait(0.01):
            pass
        (folder / "hold").touch()
        while len([one for one in at_work("generate") if one.task is not None]) < 2:
            if done.wait(0.01):
                return
        held.append(read_status(out))
        cluster.remove_node(node)
        (folder / "hold").unlink()

    thread = Thread(target=lose)
    thread.start()
    try:
        build(BuildConfig(**settings, out=out, executor="ray", workers=2))
    finally:
        done.set()
        thread.join()
    assert not (folder / "hold").exists()  # the node was lost
    workers = held[0].workers or []
    assert [one.state for one in workers] == ["alive"] * 3  # the owner waits for the others
    assert len({one.sign.task for one in workers}) == 3
    assert content(out) == alone


def test_ray_is_interrupted_and_another_executor_goes_on(
    cluster: Cluster,
    settings: dict[str, Any],
    alone: dict[str, bytes],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(executor, "MOST_DEATHS", 1)
    (folder / "deaths").write_text("4 1")
    config = BuildConfig(**settings, out=tmp_path / "bank", executor="ray", workers=1)
    with pytest.raises(LostError, match="workers died 1 times"):
        build(config)
    assert 0 < len(list((config.out / "stats").iterdir())) < 4
    assert content(build(BuildConfig(**settings, out=tmp_path / "bank", workers=2))) == alone
