"""`python -m benchmarks.prompts`."""

from index.command import run_command

from .config import PromptsConfig


def _run(config: PromptsConfig) -> None:
    from .run import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, PromptsConfig, "benchmarks.prompts")
