"""A short run: the first inputs of a seed."""

from __future__ import annotations

import subprocess
import sys

INPUTS = 300


def test_changed_banks_are_read_or_refused() -> None:
    # In a process of its own, which forks: pytest's has threads by now.
    command = [sys.executable, "-m", "tests.fuzz", "--inputs", str(INPUTS), "--seed", "1"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert f"{INPUTS} inputs" in run.stdout, run.stderr
    assert run.returncode == 0, run.stdout
