"""`python -m benchmarks.ada_modes`."""

from index.command import run_command

from .run import Config, main

if __name__ == "__main__":
    run_command(main, Config, "benchmarks.ada_modes")
