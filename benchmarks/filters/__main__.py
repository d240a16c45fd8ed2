"""`python -m benchmarks.filters`."""

from index.command import run_command

from .config import FiltersConfig


def _run(config: FiltersConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, FiltersConfig, "benchmarks.filters")
