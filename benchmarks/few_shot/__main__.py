"""`python -m benchmarks.few_shot`."""

from index.command import run_command

from .config import FewShotConfig


def _run(config: FewShotConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, FewShotConfig, "benchmarks.few_shot")
