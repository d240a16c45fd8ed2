"""`python -m benchmarks.long_tail`."""

from index.command import run_command

from .config import LongTailConfig


def _run(config: LongTailConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, LongTailConfig, "benchmarks.long_tail")
