"""Measure overhead and speed-up, print and write.

Every process has one thread. What is measured is the pace of processes that are open already;
seconds of whole builds, with the loading of models, are reported beside it.
"""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import torch

from benchmarks.measure import environment, threads
from genie_transforms.format import write_json
from index.build import build
from index.build.executors import silence
from index.config import BuildConfig

from .config import ScaleConfig
from .overhead import measure
from .pace import seconds_per_task


def main(config: ScaleConfig) -> dict[str, Any]:
    """Measure, print and write; return what is written."""
    if config.quick:
        config = replace(config, tasks=40, shards=12, pairs_per_shard=1, rounds=1)
    report: dict[str, Any] = {"threads": 1, "rounds": config.rounds}
    with threads(1), silence(), TemporaryDirectory() as folder:
        if "overhead" in config.parts:
            report["overhead"] = _overhead(config, Path(folder))
        if "speedup" in config.parts:
            report["speedup"] = _speedup(config, Path(folder))
    report |= environment()
    if config.json is not None:
        write_json(config.json, report)
    return report


def _overhead(config: ScaleConfig, folder: Path) -> dict[str, Any]:
    """Compare what a task costs by every executor."""
    seconds: dict[str, list[float]] = {name: [] for name in config.executors}
    for turn in range(config.rounds):
        for name, taken in seconds.items():
            taken.append(measure(name, config.tasks, folder / f"{name}-{turn}"))
            print(f"round {turn + 1}: {name:<8} {taken[-1] * 1e3:.2f} ms a task", flush=True)
    overhead = {name: median(taken) - median(seconds["alone"]) for name, taken in seconds.items()}
    rows = {
        name: {"seconds_per_task": taken, "overhead_per_task": overhead[name]}
        for name, taken in seconds.items()
    }
    for name, more in overhead.items():
        print(f"{name:<8} {more * 1e3:+.2f} ms a shard against one process")
    return {"tasks": config.tasks, "executors": rows}


def _speedup(config: ScaleConfig, folder: Path) -> dict[str, Any]:
    """Build the same bank by one and by two processes, and two banks beside each other, in turns.

    What two builds that know nothing of each other lose is the machine's: they share its memory.
    """
    paces: dict[str, list[float]] = {"1": [], "2": [], "beside": []}
    whole: dict[str, list[float]] = {name: [] for name in paces}
    for turn in range(config.rounds):
        for name, taken in paces.items():
            out = folder / f"bank-{name}-{turn}"
            start = perf_counter()
            taken.append(_pace(name, config, out))
            whole[name].append(perf_counter() - start)
            print(
                f"round {turn + 1}: {name:<6} {taken[-1]:.2f} s a shard, "
                f"{whole[name][-1]:.1f} s in all",
                flush=True,
            )
    rounds = [one / two for one, two in zip(paces["1"], paces["2"], strict=True)]
    limits = [2 * one / each for one, each in zip(paces["1"], paces["beside"], strict=True)]
    print(f"two processes are {median(rounds):.2f} times as fast as one")
    print(f"two builds beside each other: {median(limits):.2f} times")
    return {
        "shards": config.shards,
        "pairs_per_shard": config.pairs_per_shard,
        "speedup": median(rounds),
        "speedup_of_rounds": rounds,
        "limit": median(limits),
        "limit_of_rounds": limits,
        "seconds_per_shard": paces,
        "seconds_in_all": whole,
    }


def _pace(name: str, config: ScaleConfig, out: Path) -> float:
    """Build as `name` says; return the seconds a shard, those of one process with `beside`."""
    if name != "beside":
        workers = int(name)
        _build(out, config, config.shards, workers)
        return seconds_per_task((out / "stats").iterdir(), workers) / workers
    context, outs = multiprocessing.get_context("spawn"), [out / "first", out / "second"]
    with ProcessPoolExecutor(2, context, torch.set_num_threads, (1,)) as pool:
        list(pool.map(_build, outs, repeat(config), repeat(config.shards // 2), repeat(1)))
    return mean(seconds_per_task((one / "stats").iterdir(), 1) for one in outs)


def _build(out: Path, config: ScaleConfig, shards: int, workers: int) -> None:
    """Build a bank of the demo."""
    settings = BuildConfig(
        out=out, method="genie", device="cpu", executor="local", workers=workers,
        pairs_per_shard=config.pairs_per_shard, preview=0,
        max_pairs=config.pairs_per_shard * shards,
    )  # fmt: skip
    with silence():
        build(settings)
