"""`python -m benchmarks.small_pipeline`."""

from index.command import run_command

from .config import SmallPipelineConfig


def _run(config: SmallPipelineConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, SmallPipelineConfig, "benchmarks.small_pipeline")
