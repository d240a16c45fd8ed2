"""`python -m benchmarks.build_speed`."""

from index.command import run_command

from .run import Config, main

if __name__ == "__main__":
    run_command(main, Config, "benchmarks.build_speed")
