"""`python -m benchmarks.analyses`."""

from index.command import run_command

from .run import AnalysesConfig, main

if __name__ == "__main__":
    run_command(main, AnalysesConfig, "benchmarks.analyses")
