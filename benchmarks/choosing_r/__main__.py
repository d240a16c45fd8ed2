"""`python -m benchmarks.choosing_r`."""

from index.command import run_command

from .run import ChoosingConfig, main

if __name__ == "__main__":
    run_command(main, ChoosingConfig, "benchmarks.choosing_r")
