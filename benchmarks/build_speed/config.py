"""The settings of the comparison; light, for `--help`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from index.config import PAPER_NOISE_RATIOS
from index.kinds import check_kinds, check_range

Dtype = Literal["float32", "bfloat16", "float16"]
Row = Literal["float32", "low", "low, compiled", "low, channels last", "low, offload"]
Architecture = Literal["", "sd15", "sdxl", "sd3"]


@dataclass(frozen=True, kw_only=True)
class Config:
    """Compare diffusers' per-image path with the batched sweep.

    Attributes:
        model: A diffusers folder or hub id.
        architecture: Instead of a model: random weights in the published architecture of Stable
            Diffusion 1.5, XL or 3, at its own size, which need no download.
        tiny: Make the architecture small, to see that it runs.
        pairs: Pairs that go through both paths.
        noise_ratios: Noise ratios of each pair.
        rounds: Each path runs this often; the median counts.
        num_inference_steps: Steps from r = 1; 0 for the family's default.
        guidance_scale: Guidance; below 0 for the family's default.
        batch_size: Rows of one network call of the sweep at most.
        rows: Lines of the table; in each, both paths have the same precision, and are compiled or
            not. The time that compiling takes is reported separately. Offload needs an accelerator.
        low: The precision of the rows that are called low.
        device: Where the networks run.
        growth: Also measure how the sweep's time, of the first row, grows with pairs, noise ratios
            and batch size.
        checks: Also check the device: r* of the demo as on the CPU, and images of the first row
            with slicing, tiling and offloading.
        quick: Two pairs, one round, no growth: does it run at all?
        json: Where to write the figures.
        plot: Where to draw the growth, a png file.
    """

    model: str = "index/demo/pipeline"
    architecture: Architecture = ""
    tiny: bool = False
    pairs: int = 16
    noise_ratios: tuple[float, ...] = PAPER_NOISE_RATIOS
    rounds: int = 3
    num_inference_steps: int = 0
    guidance_scale: float = -1.0
    batch_size: int = 64
    rows: tuple[Row, ...] = ("float32", "low", "low, compiled")
    low: Dtype = "bfloat16"
    device: str = "cpu"
    growth: bool = True
    checks: bool = False
    quick: bool = False
    json: Path | None = None
    plot: Path | None = None

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range(self, ["pairs", "rounds", "batch_size"], 1)
