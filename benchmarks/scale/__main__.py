"""`python -m benchmarks.scale`."""

from index.command import run_command

from .config import ScaleConfig


def _run(config: ScaleConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, ScaleConfig, "benchmarks.scale")
