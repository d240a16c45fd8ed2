"""What executors cost is measured, on hand-made files and in a small run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from benchmarks.scale.config import ScaleConfig
from benchmarks.scale.pace import seconds_per_task
from benchmarks.scale.run import main
from genie_transforms import UserError


def test_the_pace_is_that_of_the_second_half_but_for_the_last_of_each(tmp_path: Path) -> None:
    # Loading takes 100 s, then two processes end a task each every 3 s; the last one runs alone.
    ends = [100.0, 100.0, 103.0, 103.0, 106.0, 106.0, 109.0, 109.0, 112.0, 130.0]
    for number, end in enumerate(ends):
        path = tmp_path / str(number)
        path.touch()
        os.utime(path, ns=(int(end * 1e9), int(end * 1e9)))
    # Kept are those that end at 106, 109, 109 and 112: 6 s for three further tasks of one of two.
    assert seconds_per_task(tmp_path.iterdir(), 2) == pytest.approx(2 * 6 / 3)


def test_a_small_run_says_what_two_processes_bring_beside_the_limit(tmp_path: Path) -> None:
    json_file = tmp_path / "scale.json"
    executors = ("alone", "workers")
    report = main(ScaleConfig(quick=True, executors=executors, json=json_file))
    assert set(report["overhead"]["executors"]) == set(executors)
    assert report["overhead"]["executors"]["alone"]["overhead_per_task"] == 0
    found = report["speedup"]
    one, two, beside = (found["seconds_per_shard"][name][0] for name in ("1", "2", "beside"))
    assert found["speedup"] == one / two
    assert found["limit"] == 2 * one / beside
    assert json.loads(json_file.read_text())["speedup"] == found


def test_what_cannot_be_measured_is_refused() -> None:
    with pytest.raises(UserError, match="shards must be at least 12"):
        ScaleConfig(shards=8)
    with pytest.raises(UserError, match="compared with alone"):
        ScaleConfig(executors=("ray",))
