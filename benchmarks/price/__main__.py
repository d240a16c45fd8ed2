"""`python -m benchmarks.price`."""

from index.command import run_command

from .config import PriceConfig


def _run(config: PriceConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, PriceConfig, "benchmarks.price")
