"""Builds whose processes are killed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genie_transforms.format import is_alive
from index.build import build
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.store import read_signs, read_table
from tests.conftest import save_stable_diffusion
from tests.index.build.executors import fragile
from tests.index.build.executors.conftest import ROOT, content

EXECUTORS = ("workers", "ray")
WORKERS = 4
OWNERS = 0.1
"""Share of the kills that end the owner."""


LONGEST_PAUSE = 1.5
"""Seconds from the first task that is begun after a kill to the next kill."""


STUCK = 1800.0
"""Seconds without a task after which something is wrong."""


@dataclass
class Counts:
    """What was killed, and what came of it."""

    owners: int = 0
    workers: int = 0
    banks: int = 0
    given_up: int = 0
    lost: int = 0
    doubled: int = 0
    other_bytes: int = 0

    @property
    def kills(self) -> int:
        return self.owners + self.workers

    @property
    def harm(self) -> int:
        return self.lost + self.doubled + self.other_bytes

    def __str__(self) -> str:
        return (
            f"{self.kills} kills ({self.owners} of owners, {self.workers} of workers), "
            f"{self.banks} banks, {self.given_up} builds that gave up: {self.lost} rows "
            f"lost, {self.doubled} rows doubled, {self.other_bytes} banks with other bytes"
        )


def kill_builds(
    folder: Path, executor: str, kills: int, seed: int, show: Callable[[Counts], None]
) -> Counts:
    """Build banks until so many processes were killed, and all banks are finished.

    Args:
        folder: For the banks.
        executor: Of the builds.
        kills: How many.
        seed: Of victims and pauses.
        show: Called with each bank.
    """
    os.environ.update(GENIE_FRAGILE=str(folder), PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1")
    settings, counts, draw = _settings(folder), Counts(), random.Random(seed)
    whole = build(BuildConfig(**settings, out=folder / "whole"))
    with _cluster(executor) as flags:
        while counts.kills < kills:
            out = folder / f"bank-{counts.banks}"
            file = folder / "settings.json"
            file.write_text(json.dumps({**settings, "out": str(out)}))
            _kill_until_done(out, ["--config", str(file), *flags], counts, kills, draw)
            _compare(out, whole, counts)
            show(counts)
    return counts


def _settings(folder: Path) -> dict[str, Any]:
    """24 pairs of three classes, a shard each."""
    Scenes(4, classes=("star", "ring", "heart"), seed=1).write_image_folder(folder / "scenes")
    return {
        "source": str(folder / "scenes"),
        "model": str(save_stable_diffusion(folder / "model")),
        "backbone": f"python:{fragile.__name__}:fragile",
        "num_inference_steps": 4,
        "noise_ratios": (0.5, 0.8),
        "resolution": 16,
        "pairs_per_shard": 1,
        "preview": 0,
        "device": "cpu",
    }


@contextmanager
def _cluster(executor: str) -> Iterator[list[str]]:
    """Give the flags of the executor; Ray's cluster is there for all builds."""
    flags = ["--workers", str(WORKERS)]
    if executor == "workers":
        yield flags
        return
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": WORKERS})
    try:
        yield [*flags, "--executor", "ray", "--ray-address", cluster.address]
    finally:
        cluster.shutdown()


def _kill_until_done(
    out: Path, flags: list[str], counts: Counts, kills: int, draw: random.Random
) -> None:
    """Build a bank, and kill as long as kills are left; start again whatever has ended badly."""
    while True:
        owner = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.owner", *flags],
            cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        while owner.poll() is None and counts.kills < kills:
            _kill_one(out, owner, counts, draw)
        _, errors = owner.communicate()
        if owner.returncode == 0:
            return
        if owner.returncode == 1 and "workers died" in errors:
            counts.given_up += 1
        elif owner.returncode != -signal.SIGKILL:
            raise RuntimeError(f"the build ended with {owner.returncode}: {errors}")


def _kill_one(out: Path, owner: subprocess.Popen[str], counts: Counts, draw: random.Random) -> None:
    """Wait until a task is begun, then some time more, and kill the owner or a worker."""
    before, begun = dict.fromkeys(_tasks(out)), time.monotonic()
    while set(_tasks(out)) <= before.keys():
        if owner.poll() is not None:
            return
        if time.monotonic() - begun > STUCK:
            raise RuntimeError(f"nothing was begun for {STUCK:.0f} s in {out}")
        time.sleep(0.02)
    time.sleep(draw.uniform(0, LONGEST_PAUSE))
    if owner.poll() is not None:
        return
    if draw.random() < OWNERS:
        owner.kill()
        owner.wait()
        counts.owners += 1
        return
    workers = {sign.process for sign, _ in read_signs(out) if is_alive(sign.machine, sign.process)}
    if others := sorted(workers - {owner.pid}):
        with suppress(ProcessLookupError):
            os.kill(draw.choice(others), signal.SIGKILL)
            counts.workers += 1


def _tasks(out: Path) -> list[tuple[int, int | None, str]]:
    """Which processes work on which tasks, and since when."""
    signs = [sign for sign, _ in read_signs(out) if sign.task is not None]
    return [(sign.process, sign.task, sign.since) for sign in signs]


def _compare(out: Path, whole: Path, counts: Counts) -> None:
    """Count the rows that a bank lacks or has twice, and whether its files are others."""
    wanted, found = _rows(whole), _rows(out)
    counts.banks += 1
    counts.lost += (wanted - found).total()
    counts.doubled += (found - wanted).total()
    counts.other_bytes += content(out) != content(whole)


def _rows(bank: Path) -> Counter[tuple[str, int, int]]:
    """Count the rows of each pair."""
    columns = ("source_digest", "label", "seed")
    table = read_table(bank, columns)
    return Counter(zip(*(table[name].to_pylist() for name in columns), strict=True))
