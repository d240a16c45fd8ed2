"""`python -m benchmarks.fine_grained`."""

from index.command import run_command

from .config import FineGrainedConfig


def _run(config: FineGrainedConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, FineGrainedConfig, "benchmarks.fine_grained")
