"""How fast are hard negatives made? `python -m benchmarks.build_speed`.

The same pairs go through

(a) diffusers' own image-to-image pipeline, called once per image and noise ratio, as the authors'
    code does: it encodes the image and the prompts again each time and denoises a batch of one;
(b) our sweep.

Same process, same weights, same seeds, in turns. In (a) one method of the pipeline is replaced, the
one that encodes the image and adds noise (`prepare_latents`): diffusers draws a sample of the
posterior where the authors take its mode, and can only add noise at steps of its grid. Ours does
the same work at the same cost, so both paths must end in the same image: the largest difference, at
the precision of (a), is reported, and the run fails if it is not small.

(b) may run at another precision and compiled, as a build may. What that changes in the images is
reported separately.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import environment
from genie_transforms import UserError
from genie_transforms.format import write_json
from index.diffusion import Family, Switches, is_stochastic, load_family
from index.diffusion.sampling import SweepPair

from .config import Config
from .growth import measure_growth, plot_growth
from .one_by_one import Job, OneByOne

TOLERANCE = 2e-3
"""Largest difference allowed between the paths, for pixels in [0, 1] in float32."""


def make_job(config: Config) -> Job:
    """Open the model for (a), and make pairs from random images: time does not depend on content.

    Raises:
        UserError: The model's sampler adds noise of its own, so images cannot be compared.
    """
    family = load_family(config.model, dtype=config.baseline_dtype, device=config.device)
    if is_stochastic(family.scheduler):
        raise UserError(
            f"--model {config.model}: its sampler draws noise at every step; the paths can only be "
            "compared with a sampler that adds no noise: use another model"
        )
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


def sweep_family(config: Config, *, compiled: bool) -> Family:
    """Open the model for (b)."""
    switches = Switches(channels_last=config.channels_last, compile=compiled)
    return load_family(config.model, dtype=config.dtype, device=config.device, switches=switches)


def differences(one: list[Tensor], other: list[Tensor]) -> tuple[float, float]:
    """Return the largest and the mean absolute difference of pixels in [0, 1]."""
    gap = torch.cat([(a - b).abs().flatten() for a, b in zip(one, other, strict=True)])
    return float(gap.max()), float(gap.mean())


def seconds(run: Callable[[], Any]) -> tuple[float, Any]:
    """Run a function; return the seconds that it took, and its result."""
    start = perf_counter()
    result = run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter() - start, result


def median(values: list[float]) -> float:
    """Return the middle value, the lower one of two."""
    return sorted(values)[(len(values) - 1) // 2]


def compare(config: Config, job: Job) -> dict[str, Any]:
    """Run both paths in turns; the module's docstring says what is compared with what."""
    baseline = OneByOne(job)
    ours = replace(job, family=sweep_family(config, compiled=config.compile))
    # The first call compiles and allocates; what it takes beyond a second one is the start.
    few = replace(ours, pairs=job.pairs[:1])
    first, _ = seconds(lambda: few.sweep_in_batches(config.batch_size))
    second, _ = seconds(lambda: few.sweep_in_batches(config.batch_size))
    slow, fast, results = [], [], []
    made: list[Tensor] = []
    for turn in range(1 if config.quick else config.rounds):
        taken, made = seconds(baseline.run)
        slow.append(taken)
        taken, result = seconds(lambda: ours.sweep_in_batches(config.batch_size))
        fast.append(taken)
        results.append(result)
        print(f"round {turn + 1}: one by one {slow[-1]:.2f} s, sweep {fast[-1]:.2f} s", flush=True)
    stages = {name: median([r.seconds[name] for r in results]) for name in results[0].seconds}
    inside = stages["encode"] + stages["network"] + stages["decode"]
    rows = results[0].network_rows
    exact = job.sweep_unrounded(config.batch_size)
    largest, mean = differences(exact, ours.sweep_unrounded(config.batch_size))
    return {
        "speedup": median(slow) / median(fast),
        "network_share": inside / sum(stages.values()),
        "max_abs_difference": differences(made, exact)[0],
        "precision_difference": {"max": largest, "mean": mean},
        "pairs_per_second": len(job.pairs) / median(fast),
        "rows_per_second": rows / median(fast),
        "baseline_pairs_per_second": len(job.pairs) / median(slow),
        "network_rows": rows,
        "seconds_one_by_one": slow,
        "seconds_sweep": fast,
        "seconds_starting": max(first - second, 0.0),
        "stages": stages,
    }


def main(config: Config) -> dict[str, Any]:
    """Measure, print and write.

    Raises:
        SystemExit: The paths disagree.
    """
    job = make_job(config)
    report = compare(config, job)
    if config.growth and not config.quick:
        plain = replace(job, family=sweep_family(config, compiled=False))
        report["growth"] = measure_growth(plain, config.batch_size)
        if config.plot is not None:
            plot_growth(report["growth"], 1 / report["baseline_pairs_per_second"], config.plot)
    report |= environment() | {"settings": job.settings}
    report |= {"dtype": config.dtype, "baseline_dtype": config.baseline_dtype}
    report |= {"compile": config.compile, "channels_last": config.channels_last}
    report["batch_size"] = config.batch_size
    print(
        f"{report['pairs_per_second']:.2f} pairs/s, {report['speedup']:.1f} times one by one; "
        f"{report['rows_per_second']:.0f} rows/s, {report['network_share']:.0%} of the time in the "
        f"networks; largest difference {report['max_abs_difference']:.1e}"
    )
    if config.json is not None:
        write_json(config.json, report)
    if config.baseline_dtype == "float32" and report["max_abs_difference"] > TOLERANCE:
        raise SystemExit(f"the paths disagree: {report['max_abs_difference']} > {TOLERANCE}")
    return report
