"""`python -m benchmarks.figures`."""

from index.command import run_command

from .config import FiguresConfig


def _run(config: FiguresConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, FiguresConfig, "benchmarks.figures")
