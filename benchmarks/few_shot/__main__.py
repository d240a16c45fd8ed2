"""`python -m benchmarks.few_shot`."""

from index.command import run_command

from .config import FewShotConfig
from .run import main

if __name__ == "__main__":
    run_command(main, FewShotConfig, "benchmarks.few_shot")
