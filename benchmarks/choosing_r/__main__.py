"""`python -m benchmarks.choosing_r`."""

from index.command import run_command

from .config import ChoosingConfig


def _run(config: ChoosingConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, ChoosingConfig, "benchmarks.choosing_r")
