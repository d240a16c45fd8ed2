"""`python -m benchmarks.index_scale`."""

from index.command import run_command

from .run import ScaleConfig, main

if __name__ == "__main__":
    run_command(main, ScaleConfig, "benchmarks.index_scale")
