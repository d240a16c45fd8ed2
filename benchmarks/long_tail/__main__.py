"""`python -m benchmarks.long_tail`."""

from index.command import run_command

from .config import LongTailConfig
from .run import main

if __name__ == "__main__":
    run_command(main, LongTailConfig, "benchmarks.long_tail")
