"""Several processes on this machine make the bank that one makes, also when they die."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import pytest

from genie_transforms import UserError
from index.build import build
from index.build.executors import local
from index.build.tasks import LostError, Order
from index.config import BuildConfig
from index.demo.scenes import Scenes

from .conftest import content


def test_workers_make_the_same_bank_also_if_one_dies(
    settings: dict[str, Any],
    alone: dict[str, bytes],
    folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (folder / "deaths").write_text("2 1")
    (folder / "written").write_text(str(tmp_path / "two" / "data-00001-of-00004.arrow"))
    several = build(BuildConfig(**settings, out=tmp_path / "two", workers=2))
    assert (folder / "deaths").read_text() == "0 0"
    assert "a worker died" in caplog.text
    assert content(several) == alone


def test_workers_that_always_die_stop_the_build_which_then_goes_on(
    settings: dict[str, Any],
    alone: dict[str, bytes],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "MOST_DEATHS", 1)  # each costs the start of two processes
    (folder / "deaths").write_text("2 99")
    config = BuildConfig(**settings, out=tmp_path / "bank", workers=2)
    with pytest.raises(LostError, match=r"workers died 1 times.*fewer --workers"):
        build(config)
    (folder / "deaths").write_text("0 0")
    assert content(build(BuildConfig(**settings, out=tmp_path / "bank"))) == alone


def test_a_worker_ends_with_its_team_also_if_it_waits_for_ever() -> None:
    context = multiprocessing.get_context("spawn")
    devices: SimpleQueue[str] = context.SimpleQueue()
    devices.put("cpu")
    ended, until = context.Pipe(duplex=False)
    waiting, begun = context.Pipe(duplex=False)
    worker = context.Process(target=_wait_for_ever, args=(devices, ended, begun))
    worker.start()
    assert waiting.recv() == "opened on cpu"
    assert worker.is_alive()
    until.close()
    worker.join(60)
    assert worker.exitcode == 0


def _wait_for_ever(devices: SimpleQueue[str], ended: Connection, begun: Connection) -> None:
    """Become a worker, and wait as for the lock that a killed one holds."""

    class Opened:
        def open(self, device: str) -> None:
            begun.send(f"opened on {device}")

        def run(self, order: Order, task: int) -> None:
            raise NotImplementedError

    local._become(Opened(), devices, ended)
    threading.Event().wait()


def test_a_dataset_that_cannot_be_sent_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    class Local:
        classes = ("a", "b")
        targets = (0, 1)

        def __len__(self) -> int:
            return 2

        def __getitem__(self, row: int) -> Any:
            return Scenes(1, classes=("star", "ring"))[row]

    given = {key: value for key, value in settings.items() if key != "source"}
    with pytest.raises(UserError, match=r"cannot be given to workers.*Local"):
        build(BuildConfig(**given, out=tmp_path / "bank", workers=2), Local())
    assert not [path.suffix == ".arrow" for path in tmp_path.rglob("*.arrow")]
