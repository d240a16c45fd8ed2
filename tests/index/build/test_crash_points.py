"""A build may be killed at any call: the same command gives the same bytes and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EVERY = 13
"""One of so many points is tried, unless `--all-crash-points` asks for all of them."""


def test_every_crash_point_continues_to_the_same_bytes(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    every = 1 if request.config.getoption("--all-crash-points") else EVERY
    command = [sys.executable, "-m", "tests.index.build.crash_points", str(tmp_path), str(every)]
    root = str(Path(__file__).parents[3])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root)
    assert done.returncode == 0, done.stderr
    results = json.loads(done.stdout.splitlines()[-1])
    for name, result in results.items():
        print(f"{name}: {result['tried']} of {result['calls']} crash points")
        assert result["problems"] == []
        assert result["calls"] > 80
        assert result["tried"] == -(-result["calls"] // every)
