"""`python -m benchmarks.demo`."""

from index.command import run_command

from .config import DemoConfig


def _run(config: DemoConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, DemoConfig, "benchmarks.demo")
