"""`python -m benchmarks.fine_grained`."""

from index.command import run_command

from .run import FineGrainedConfig, main

if __name__ == "__main__":
    run_command(main, FineGrainedConfig, "benchmarks.fine_grained")
