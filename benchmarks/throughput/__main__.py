"""`python -m benchmarks.throughput`."""

from index.command import run_command

from .config import Config


def _run(config: Config) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, Config, "benchmarks.throughput")
