"""`python -m benchmarks.analyses`."""

from index.command import run_command

from .config import AnalysesConfig


def _run(config: AnalysesConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, AnalysesConfig, "benchmarks.analyses")
