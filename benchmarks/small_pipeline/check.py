"""Does a small pipeline show its classes? `python -m benchmarks.small_pipeline.check`.

What its oracle says of Txt2Img images, and of real ones that neither has learned from, before
hours are spent on banks. With `--least` a script ends where the pipeline is not good enough.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from index.command import run_command
from index.kinds import check_kinds, check_range


@dataclass(frozen=True, kw_only=True)
class CheckConfig:
    """Measure in how many Txt2Img images of a small pipeline its oracle sees the class.

    Attributes:
        trained: What `benchmarks.small_pipeline --out` wrote.
        root: The folder of the dataset that it was trained on.
        per_class: Txt2Img images of each class; real ones are those held out from the training.
        num_inference_steps: Steps of the denoising; if not given, the model's.
        seed: Seed of the noise.
        device: Where the diffusion model runs.
        dtype: Its precision.
        least: Smallest share of the Txt2Img images, in [0, 1], in which the oracle must see the
            class; with a smaller one the command ends with status 1.
        json: File that receives the figures, whatever they are.
    """

    trained: Path
    root: Path
    per_class: int = 50
    num_inference_steps: int | None = None
    seed: int = 0
    device: str = "auto"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    least: float = 0.0
    json: Path | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["per_class", "num_inference_steps"], 1)
        check_range(self, ["least"], 0, 1, hint="it is a share, not per cent")


def _run(config: CheckConfig) -> None:
    from .oracle import main  # takes seconds, which --help should not

    main(config)


if __name__ == "__main__":
    run_command(_run, CheckConfig, "benchmarks.small_pipeline.check")
