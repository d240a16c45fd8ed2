"""`python -m benchmarks.unisiam`."""

from index.command import run_command

from .config import UniSiamConfig


def _run(config: UniSiamConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, UniSiamConfig, "benchmarks.unisiam")
