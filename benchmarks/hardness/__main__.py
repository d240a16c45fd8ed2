"""`python -m benchmarks.hardness`."""

from index.command import run_command

from .config import HardnessConfig


def _run(config: HardnessConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, HardnessConfig, "benchmarks.hardness")
