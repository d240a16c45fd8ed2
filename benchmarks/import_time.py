"""What does importing cost beyond torchvision? `python -m benchmarks.import_time`.

A training script imports torchvision anyway. Each round starts two new interpreters, one that
imports torchvision alone and one that goes on to what the README's training needs, and notes what
the second takes longer for that.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from index.command import run_command

_MEASURED = """
from time import perf_counter
start = perf_counter()
import torchvision
middle = perf_counter()
from genie_transforms import Bank, GeNIeTransform, WithTransforms
print(middle - start, perf_counter() - middle)
"""


@dataclass(frozen=True)
class ImportConfig:
    """Measure the import.

    Attributes:
        python: Interpreter to measure in, such as one of an environment with nothing but the wheel.
        rounds: Interpreters that are started; the median counts.
        json: File that receives the figures.
    """

    python: str = sys.executable
    rounds: int = 9
    json: Path | None = None


def measure(python: str, rounds: int) -> dict[str, Any]:
    """Return the median seconds of importing torchvision, and of what comes after it."""
    alone, beyond = [], []
    for _ in range(rounds):
        # Isolated: what is installed there counts, not the checkout that this runs in.
        result = subprocess.run(
            [python, "-I", "-c", _MEASURED], capture_output=True, text=True, check=True
        )
        first, second = map(float, result.stdout.split())
        alone.append(first)
        beyond.append(second)
    return {
        "rounds": rounds,
        "torchvision_seconds": round(median(alone), 3),
        "beyond_seconds": round(median(beyond), 3),
    }


def main(config: ImportConfig) -> dict[str, Any]:
    """Measure, print and write."""
    figures = measure(config.python, config.rounds)
    print(
        f"torchvision {figures['torchvision_seconds']:.2f} s, genie_transforms "
        f"{figures['beyond_seconds']:.2f} s beyond it (medians of {config.rounds})"
    )
    if config.json:
        # These load torch, which --help should not.
        from benchmarks.measure import environment
        from genie_transforms.format import write_json

        write_json(config.json, {**figures, **environment()})
    return figures


if __name__ == "__main__":
    run_command(main, ImportConfig, "benchmarks.import_time")
