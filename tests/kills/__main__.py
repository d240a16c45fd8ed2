"""Kill many processes by hand; see the package."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from .run import EXECUTORS, Counts, kill_builds


def main() -> None:
    """Print the counts now and then, and at the end; exit status 1 if a bank was harmed."""
    parser = argparse.ArgumentParser("tests.kills", description=__doc__)
    parser.add_argument("--executor", choices=EXECUTORS, default="workers", help="of the builds")
    parser.add_argument("--kills", type=int, default=100, help="how many, at least")
    parser.add_argument("--seed", type=int, default=0, help="of victims and pauses")
    arguments = parser.parse_args()
    begun, executor = time.perf_counter(), arguments.executor

    def show(counts: Counts) -> None:
        seconds = time.perf_counter() - begun
        print(f"{executor}, seed {arguments.seed}: {counts} in {seconds:.0f} s", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        counts = kill_builds(Path(folder), executor, arguments.kills, arguments.seed, show)
    sys.exit(counts.harm > 0)


if __name__ == "__main__":
    main()
