"""The settings of the comparison; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from index.config import PAPER_NOISE_RATIOS
from index.kinds import check_kinds, check_range

Dtype = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Compare diffusers' per-image path with the batched sweep.

    Attributes:
        model: A diffusers folder or hub id.
        pairs: Pairs that go through both paths.
        noise_ratios: Noise ratios of each pair.
        rounds: Each path runs this often; the median counts.
        num_inference_steps: Steps from r = 1; 0 for the family's default.
        guidance_scale: Guidance; below 0 for the family's default.
        batch_size: Rows of one network call of the sweep at most.
        dtype: Precision of the sweep.
        baseline_dtype: Precision of the per-image path.
        compile: Compile the sweep's denoiser; the time that this takes is reported separately.
        channels_last: Keep the sweep's activations with channels last.
        device: Where the networks run.
        growth: Also measure how the sweep's time, not compiled, grows with pairs, noise ratios and
            batch size.
        quick: Two pairs, one round, no growth: does it run at all?
        json: Where to write the figures.
        plot: Where to draw the growth, a png file.
    """

    model: str = "index/demo/pipeline"
    pairs: int = 16
    noise_ratios: tuple[float, ...] = PAPER_NOISE_RATIOS
    rounds: int = 3
    num_inference_steps: int = 0
    guidance_scale: float = -1.0
    batch_size: int = 64
    dtype: Dtype = "float32"
    baseline_dtype: Dtype = "float32"
    compile: bool = False
    channels_last: bool = False
    device: str = "cpu"
    growth: bool = True
    quick: bool = False
    json: Path | None = None
    plot: Path | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["pairs", "rounds", "batch_size"], 1)
