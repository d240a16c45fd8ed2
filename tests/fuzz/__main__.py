"""Try many inputs by hand; see the package."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .run import Counts, fuzz

_SECONDS = 60  # between two lines of progress


def main() -> None:
    """Print what failed, then the counts; exit status 1 if anything did."""
    parser = argparse.ArgumentParser("tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=50_000, help="how many")
    parser.add_argument("--seed", type=int, default=0, help="of all inputs")
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--keep", type=Path, help="leave the last input in this folder")
    arguments = parser.parse_args()
    begun = shown = time.perf_counter()

    def show(counts: Counts) -> None:
        nonlocal shown
        if time.perf_counter() - shown > _SECONDS:
            shown = time.perf_counter()
            print(counts, flush=True)

    counts = fuzz(arguments.inputs, arguments.seed, arguments.start, arguments.keep, show)
    for text in counts.reports.values():
        print(text)
    for kind, number in counts.kinds.most_common(20):
        print(f"{number} × {kind}")
    seconds = time.perf_counter() - begun
    print(f"seed {arguments.seed} from {arguments.start}: {counts} in {seconds:.0f} s")
    sys.exit(counts.failures > 0)


if __name__ == "__main__":
    main()
