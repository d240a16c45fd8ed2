"""Train everything that the demo embeds: `python -m index.demo.train`.

Stages, in order: autoencoder, denoiser with its text encoder, oracle (all classes, for measuring
only), backbone (base classes only, no labels). Each resumes from its last checkpoint.
"""

from __future__ import annotations

from index.command import run_command

from .config import TrainConfig


def _train(config: TrainConfig) -> None:
    from .stages import train  # takes seconds, which --help should not

    train(config)


def main() -> None:
    """Run the command line."""
    run_command(_train, TrainConfig, "index.demo.train")


if __name__ == "__main__":
    main()
