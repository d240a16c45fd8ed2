"""`python -m benchmarks.unisiam`."""

from index.command import run_command

from .config import UniSiamConfig
from .run import main

if __name__ == "__main__":
    run_command(main, UniSiamConfig, "benchmarks.unisiam")
