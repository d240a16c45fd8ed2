"""`python -m benchmarks.hardness`."""

from index.command import run_command

from .run import HardnessConfig, main

if __name__ == "__main__":
    run_command(main, HardnessConfig, "benchmarks.hardness")
