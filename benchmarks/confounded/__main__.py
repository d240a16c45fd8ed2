"""`python -m benchmarks.confounded`."""

from index.command import run_command

from .config import ConfoundedConfig


def _run(config: ConfoundedConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, ConfoundedConfig, "benchmarks.confounded")
