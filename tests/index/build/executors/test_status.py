"""While a build is held in the middle, `index.status` says who works on what, whoever runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from index.build import build, shards
from index.config import BuildConfig
from index.status import main
from index.status.reading import read_status
from index.status.status import Status
from index.status.text import lines
from index.status.workers import WorkerSeen
from index.store import read_signs

from .conftest import ROOT

TORCHRUN = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]


@pytest.fixture(scope="module")
def begun(
    settings: dict[str, Any], folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A bank of which the first of four shards is there; what goes on with it is held."""
    bank = tmp_path_factory.mktemp("begun") / "bank"
    write_pairs = shards.write_pairs

    def write_and_stop(*arguments: Any) -> None:
        write_pairs(*arguments)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "write_pairs", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            build(BuildConfig(**settings, out=bank))
    (folder / "hold").touch()
    yield bank
    (folder / "hold").unlink()


def _at_work(status: Status) -> list[WorkerSeen]:
    return [one for one in status.workers or [] if one.sign.task is not None]


def _states(status: Status) -> set[str]:
    return {one.state for one in status.workers or []}


@pytest.mark.parametrize(
    ("flags", "launcher", "tasks", "ranks"),
    [
        ([], [], [1], [None]),
        (["--workers", "2"], [], [1, 2], [None, None]),
        ([], TORCHRUN, [1, 2], [1, 0]),
    ],
)
def test_who_works_on_what_in_a_build_that_is_held_and_then_killed(
    begun: Path,
    settings: dict[str, Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    flags: list[str],
    launcher: list[str],
    tasks: list[int],
    ranks: list[int | None],
) -> None:
    bank = shutil.copytree(begun, tmp_path / "bank")
    (tmp_path / "settings.json").write_text(json.dumps({**settings, "out": str(bank)}))
    command = [sys.executable, *launcher, "-m", "index.build"]
    command += ["--config", str(tmp_path / "settings.json"), *flags]
    held = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "GENIE_OWNER": ""}, start_new_session=True
    )
    try:
        while len(_at_work(status := read_status(bank))) < len(tasks):
            assert held.poll() is None
            time.sleep(0.05)
        main([str(bank), "--json"])
    finally:
        os.killpg(held.pid, signal.SIGKILL)
        for sign, _ in read_signs(bank):  # torchrun gives each rank a session of its own
            with suppress(ProcessLookupError):
                os.kill(sign.process, signal.SIGKILL)
        held.wait()
    seen = sorted(_at_work(status), key=lambda one: one.sign.task or 0)
    assert [one.sign.task for one in seen] == tasks
    assert [one.sign.rank for one in seen] == ranks
    assert _states(status) == {"alive"}
    assert {one.sign.order for one in status.workers or []} == {("generate", 0)}
    assert status.owner is not None
    assert status.owner.owner.process in {one.sign.process for one in status.workers or []}
    said = "\n".join(lines(status))
    for one in seen:
        assert f"  alive      {one.sign}: generates shard {one.sign.task}, begun " in said
    told = json.loads(capsys.readouterr().out)
    found = [(one["sign"]["task"], one["state"]) for one in told["workers"]]
    assert sorted(pair for pair in found if pair[0] is not None) == [(t, "alive") for t in tasks]
    # Dead the moment they are, whether or not anybody has waited for them.
    while _states(dead := read_status(bank)) != {"dead"}:
        time.sleep(0.05)
    assert (dead.is_running, dead.is_well) == (False, False)
    assert f"workers      {len(dead.workers or [])} dead" in lines(dead)
