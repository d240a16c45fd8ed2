"""`python -m benchmarks.tables`."""

from index.command import run_command

from .config import TablesConfig


def _run(config: TablesConfig) -> None:
    from .blocks import main  # takes a second, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, TablesConfig, "benchmarks.tables")
