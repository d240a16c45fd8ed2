"""A build by one executor, interrupted, and continued by another, ends with the same bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from index.build import build, shards
from index.build.tasks import LostError
from index.config import BuildConfig

from .conftest import ROOT, content

ARRAY = {"SLURM_JOB_ID": "8", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_COUNT": "2"}


@pytest.fixture
def command(settings: dict[str, Any], folder: Path, tmp_path: Path) -> list[str]:
    """What is to be built, as arguments of a Python that runs the command."""
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({**settings, "out": str(tmp_path / "bank")}))
    return ["-m", "index.build", "--config", str(file)]


def _torchrun(command: list[str]) -> subprocess.CompletedProcess[str]:
    launch = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "0"]
    return subprocess.run(
        [sys.executable, *launch, *command],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "GENIE_OWNER": ""},
    )  # fmt: skip


def _interrupt(config: BuildConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build in this process, which stops behind the first shard."""

    def write_and_stop(*arguments: Any) -> None:
        write_pairs(*arguments)
        raise KeyboardInterrupt

    write_pairs = shards.write_pairs
    with monkeypatch.context() as patch:
        patch.setattr(shards, "write_pairs", write_and_stop)
        with pytest.raises(KeyboardInterrupt):
            build(config)
    assert (config.out / "stats" / "00000.json").exists()


def test_torchrun_goes_on_loses_a_rank_and_is_started_again(
    settings: dict[str, Any],
    command: list[str],
    alone: dict[str, bytes],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bank = tmp_path / "bank"
    _interrupt(BuildConfig(**settings, out=bank), monkeypatch)
    (folder / "deaths").write_text("1 1")
    lost = _torchrun(command)
    assert lost.returncode != 0
    assert (folder / "deaths").read_text() == "0 0"
    assert not (bank / "genie.json").exists()
    done = _torchrun(command)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("12 planned, 12 made") == 1  # by rank 0 alone
    assert content(bank) == alone


def test_ranks_of_slurm_stop_when_one_dies_and_workers_go_on(
    settings: dict[str, Any],
    command: list[str],
    alone: dict[str, bytes],
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ARRAY.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    (folder / "deaths").write_text("1 1")
    command = [*command, "--executor", "ranks"]
    with subprocess.Popen([sys.executable, *command], cwd=ROOT) as other:
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "0")
        try:
            with pytest.raises(LostError, match=r"rank 1, process \d+ on .* same command goes on"):
                build(BuildConfig(**settings, out=tmp_path / "bank", executor="ranks"))
            assert other.wait() == 9
        finally:
            other.kill()  # it would wait for a rank 0 that has failed, and the test for it
    done = build(BuildConfig(**settings, out=tmp_path / "bank", workers=2))
    assert content(done) == alone
