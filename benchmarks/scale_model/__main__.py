"""`python -m benchmarks.scale_model`."""

from index.command import run_command

from .config import ModelConfig


def _run(config: ModelConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, ModelConfig, "benchmarks.scale_model")
