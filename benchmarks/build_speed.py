"""How fast are hard negatives made? `python -m benchmarks.build_speed`.

The same pairs go through

(a) diffusers' own image-to-image pipeline, called once per image and noise ratio, as the authors'
    code does: it encodes the picture and the prompts anew each time and denoises a batch of one;
(b) our sweep.

Same process, same weights, same seeds, in turns. In (a) one method of the pipeline is replaced, the
one that encodes and noises the picture (`prepare_latents`): diffusers draws a sample of the
posterior where the authors take its mode, and can only noise at steps of its grid. Ours does the
same work at the same cost, so that both paths must end in the same picture: the largest difference
is reported, and the run fails if it is not small.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import torch
import tyro
from torch import Tensor

from index.diffusion.families import Family, load_family
from index.diffusion.noise import gaussian
from index.diffusion.solver import Scheduler, first_index, is_stochastic, noised, prepared
from index.diffusion.sweep import SweepPair, SweepResult, sweep, sweep_latents
from index.whole import write_json

from .environment import environment

TOLERANCE = 2e-3
"""Largest difference allowed between the paths, for pixels in [0, 1] in float32."""


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
        dtype: Precision of both paths.
        device: Where the networks run.
        growth: Measure also how the sweep's time grows with pairs, noise ratios and batch size.
        quick: Two pairs, one round, no growth: does it run at all?
        json: Where to write the figures.
    """

    model: str = "index/demo/pipeline"
    pairs: int = 16
    noise_ratios: tuple[float, ...] = (0.5, 0.6, 0.7, 0.8, 0.9)
    rounds: int = 3
    num_inference_steps: int = 0
    guidance_scale: float = -1.0
    batch_size: int = 64
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str = "cpu"
    growth: bool = True
    quick: bool = False
    json: Path | None = None


@dataclass(frozen=True)
class Job:
    """What both paths are given."""

    family: Family
    images: Tensor
    pairs: list[SweepPair]
    settings: dict[str, Any]

    def swept(self, batch_size: int) -> SweepResult:
        """Run path (b)."""
        return sweep(self.family, self.images, self.pairs, batch_size=batch_size, **self.settings)


def make_job(config: Config) -> Job:
    """Open the model and make pairs from random pictures: time does not depend on the content."""
    family = load_family(config.model, dtype=config.dtype, device=config.device)
    if is_stochastic(family.scheduler):
        raise SystemExit("the paths can only be compared with a sampler that adds no noise")
    num_pairs = 2 if config.quick else config.pairs
    shape = (num_pairs, 3, family.resolution, family.resolution)
    noise = torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0))
    prompts = [f"a photo of a {word}" for word in ("circle", "square", "star", "cross")]
    pairs = [
        SweepPair(index, prompts[index % len(prompts)], config.noise_ratios, seed=index)
        for index in range(num_pairs)
    ]
    guided = config.guidance_scale >= 0
    settings = {
        "num_inference_steps": config.num_inference_steps or family.default_num_inference_steps,
        "guidance_scale": config.guidance_scale if guided else family.default_guidance_scale,
    }
    return Job(family, noise.to(torch.uint8), pairs, settings)


class OneByOne:
    """Path (a): diffusers' image-to-image pipeline on the family's own modules."""

    def __init__(self, job: Job) -> None:
        from diffusers import AutoPipelineForImage2Image

        self._job = job
        self._family = job.family
        pipeline: Any = AutoPipelineForImage2Image
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self._pipe = pipeline.from_pipe(job.family.pipeline)
        self._pipe.set_progress_bar_config(disable=True)
        self._grid = prepared(job.family.scheduler, job.settings["num_inference_steps"])

    def run(self) -> list[Tensor]:
        """Make all pairs, ``(R, 3, H, W)`` float32 in [0, 1] each."""
        return [
            torch.cat([self._one(pair, ratio) for ratio in pair.noise_ratios])
            for pair in self._job.pairs
        ]

    def _one(self, pair: SweepPair, ratio: float) -> Tensor:
        image = self._job.images[pair.source, None]
        steps = len(self._grid.timesteps)
        calls = steps - first_index(self._grid.timesteps, ratio)
        # SD 3 truncates the number of steps that it leaves out, the others that of those they run.
        half = -0.5 if self._family.flow else 0.5
        self._pipe.scheduler = prepared(self._family.scheduler, steps)
        self._pipe.prepare_latents = self._encoder(self._grid, image, pair.seed, ratio)
        size = {"height": image.shape[2], "width": image.shape[3]} if self._family.flow else {}
        made: Tensor = self._pipe(
            prompt=pair.prompt,
            image=image / 255,
            strength=min((calls + half) / steps, 1.0) if calls < steps else 1.0,
            output_type="pt",
            **size,
            **self._job.settings,
        ).images
        return made.float().cpu()

    def _encoder(
        self, grid: Scheduler, image: Tensor, seed: int, ratio: float
    ) -> Callable[..., Tensor]:
        def prepare_latents(*_: Any, **__: Any) -> Tensor:
            clean = self._family.encode_images(image)
            eps = gaussian(clean.shape, seed).to(clean.device)
            return noised(grid, clean, eps, ratio).to(self._family.dtype)

        return prepare_latents


@torch.no_grad()
def decoded_one_by_one(job: Job, batch_size: int) -> list[Tensor]:
    """Make all pairs by path (b), without rounding the pixels to bytes, for the comparison."""
    latents = sweep_latents(
        job.family,
        job.images,
        job.pairs,
        batch_size=batch_size,
        first_step="grid",  # diffusers cannot leave its grid
        **job.settings,
    )
    return [job.family.decode(part).cpu() for part in latents]


def difference(one: list[Tensor], other: list[Tensor]) -> float:
    """Give the largest absolute difference of pixels in [0, 1]."""
    return max(float((a - b).abs().max()) for a, b in zip(one, other, strict=True))


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    """Time one call."""
    start = perf_counter()
    result = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter() - start, result


def median(values: list[float]) -> float:
    """Give the middle value, the lower one of two."""
    return sorted(values)[(len(values) - 1) // 2]


def compare(config: Config, job: Job) -> dict[str, Any]:
    """Run both paths in turns."""
    baseline = OneByOne(job)
    sweep(job.family, job.images, job.pairs[:1], batch_size=config.batch_size, **job.settings)
    slow, fast, results = [], [], []
    made: list[Tensor] = []
    for turn in range(1 if config.quick else config.rounds):
        taken, made = seconds(baseline.run)
        slow.append(taken)
        taken, result = seconds(lambda: job.swept(config.batch_size))
        fast.append(taken)
        results.append(result)
        print(f"round {turn + 1}: one by one {slow[-1]:.2f} s, sweep {fast[-1]:.2f} s", flush=True)
    stages = {name: median([r.seconds[name] for r in results]) for name in results[0].seconds}
    inside = stages["encode"] + stages["network"] + stages["decode"]
    rows = results[0].network_rows
    return {
        "speedup": median(slow) / median(fast),
        "network_share": inside / sum(stages.values()),
        "max_abs_difference": difference(made, decoded_one_by_one(job, config.batch_size)),
        "pairs_per_second": len(job.pairs) / median(fast),
        "rows_per_second": rows / median(fast),
        "baseline_pairs_per_second": len(job.pairs) / median(slow),
        "network_rows": rows,
        "seconds_one_by_one": slow,
        "seconds_sweep": fast,
        "stages": stages,
    }


def growth(config: Config, job: Job) -> dict[str, list[dict[str, float]]]:
    """Time the sweep for more pairs, more noise ratios and larger batches, one at a time."""

    def timed(pairs: list[SweepPair], batch_size: int) -> float:
        part = Job(job.family, job.images, pairs, job.settings)
        return seconds(lambda: part.swept(batch_size))[0]

    def cut(pair: SweepPair, count: int) -> SweepPair:
        return SweepPair(pair.source, pair.prompt, pair.noise_ratios[:count], pair.seed)

    size, everything = config.batch_size, job.pairs
    counts = [count for count in (1, 2, 4, 8, 16, 32) if count <= len(everything)]
    ratios = range(1, len(config.noise_ratios) + 1)
    return {
        "pairs": [{"pairs": n, "seconds": timed(everything[:n], size)} for n in counts],
        "noise_ratios": [
            {"noise_ratios": n, "seconds": timed([cut(p, n) for p in everything], size)}
            for n in ratios
        ],
        "batch_size": [
            {"batch_size": n, "seconds": timed(everything, n)} for n in (2, 8, 16, 32, 64, 128)
        ],
    }


def main(config: Config) -> dict[str, Any]:
    """Measure, print and write.

    Raises:
        SystemExit: The paths disagree, or cannot be compared.
    """
    job = make_job(config)
    report = compare(config, job)
    if config.growth and not config.quick:
        report["growth"] = growth(config, job)
    report |= environment() | {"settings": job.settings, "dtype": config.dtype}
    print(
        f"{report['pairs_per_second']:.2f} pairs/s, {report['speedup']:.1f} times one by one; "
        f"{report['rows_per_second']:.0f} rows/s, {report['network_share']:.0%} of the time in the "
        f"networks; largest difference {report['max_abs_difference']:.1e}"
    )
    if config.json is not None:
        write_json(config.json, report)
    if config.dtype == "float32" and report["max_abs_difference"] > TOLERANCE:
        raise SystemExit(f"the paths disagree: {report['max_abs_difference']} > {TOLERANCE}")
    return report


if __name__ == "__main__":
    main(tyro.cli(Config))
