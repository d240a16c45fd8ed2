"""How fast are hard negatives made? `python -m benchmarks.build_speed`.

The same pairs go through

(a) diffusers' own image-to-image pipeline, called once per image and noise ratio, as the authors'
    code does: it encodes the image and the prompts again each time and denoises a batch of one;
(b) our sweep.

Same process, same weights, same seeds, in turns; and in each row of the table the same precision,
and compiled both or neither, so that a row's speedup is what batching alone is worth. In (a) one
method of the pipeline is replaced, the one that encodes the image and adds noise
(`prepare_latents`): diffusers draws a sample of the posterior where the authors take its mode, and
can only add noise at steps of its grid. Ours does the same work at the same cost, so both paths
must end in the same image: each row has its largest difference, and the run fails if that of
float32 is not small. In low precision both round, each in its own order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from benchmarks.measure import environment
from genie_transforms import UserError
from genie_transforms.format import write_json
from index.diffusion import Family, Switches, family_of, is_stochastic, load_family
from index.diffusion.sampling import SweepPair

from .architectures import make_pipeline
from .checks import check_device
from .config import Config, Row
from .growth import measure_growth, plot_growth
from .one_by_one import Job, OneByOne

SWITCHES: dict[Row, Switches] = {
    "float32": Switches(),
    "low": Switches(),
    "low, compiled": Switches(compile=True),
    "low, channels last": Switches(channels_last=True),
    "low, offload": Switches(offload=True),
}
"""What the rows set, in both paths."""

TOLERANCE = 2e-3
"""Largest difference allowed between the paths, for pixels in [0, 1] in float32."""


def make_job(config: Config, family: Family) -> Job:
    """Make pairs from random images: time does not depend on content.

    Raises:
        UserError: The model's sampler adds noise of its own, so images cannot be compared.
    """
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


def open_model(config: Config, row: Row) -> Family:
    """Open the model for one path of a row."""
    return open_with(config, row, SWITCHES[row])


def open_with(config: Config, row: Row, switches: Switches) -> Family:
    """Open the model, or make one of random weights, in the precision of a row."""
    dtype = dtype_of(config, row)
    if not config.architecture:
        return load_family(config.model, dtype=dtype, device=config.device, switches=switches)
    made = make_pipeline(config.architecture, tiny=config.tiny, device=config.device)
    pipeline = made.to(dtype=getattr(torch, dtype))
    return family_of(pipeline, config.architecture, device=config.device, switches=switches)


def dtype_of(config: Config, row: Row) -> str:
    """Return the precision of a row."""
    return "float32" if row == "float32" else config.low


def has_bfloat16() -> bool | None:
    """Tell whether the processor computes in bfloat16 itself; None where that is not known."""
    path = Path("/proc/cpuinfo")
    return "avx512_bf16" in path.read_text() if path.exists() else None


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


def compare(config: Config, row: Row) -> dict[str, Any]:
    """Run both paths in turns; the module's docstring says what is compared with what."""
    ours = make_job(config, open_model(config, row))
    # A model of its own: compiled, each path is so for its own number of rows.
    baseline = OneByOne(replace(ours, family=open_model(config, row)))
    few = replace(ours, pairs=ours.pairs[:1])
    # The first call compiles and allocates; what it takes beyond a second one is the start.
    first, _ = seconds(lambda: few.sweep_in_batches(config.batch_size))
    second, _ = seconds(lambda: few.sweep_in_batches(config.batch_size))
    if SWITCHES[row].compile:
        OneByOne(replace(few, family=baseline.family)).run()
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
    largest, mean = differences(made, ours.sweep_unrounded(config.batch_size))
    return {
        "row": row,
        "dtype": dtype_of(config, row),
        "compile": SWITCHES[row].compile,
        "peak_memory_gib": peak_memory(config.device),
        "images_per_second": sum(len(p.noise_ratios) for p in ours.pairs) / median(fast),
        "speedup": median(slow) / median(fast),
        "network_share": inside / sum(stages.values()),
        "max_abs_difference": largest,
        "mean_abs_difference": mean,
        "pairs_per_second": len(ours.pairs) / median(fast),
        "rows_per_second": results[0].network_rows / median(fast),
        "baseline_pairs_per_second": len(ours.pairs) / median(slow),
        "network_rows": results[0].network_rows,
        "seconds_one_by_one": slow,
        "seconds_sweep": fast,
        "seconds_starting": max(first - second, 0.0),
        "stages": stages,
    }


def peak_memory(device: str) -> float | None:
    """Return the most memory that an accelerator has held so far, in GiB; None on a processor."""
    if torch.device(device).type != "cuda":
        return None
    return torch.cuda.max_memory_allocated(device) / 2**30


def show(rows: list[dict[str, Any]], *, emulated: bool) -> None:
    """Print the table."""
    print(f"{'both paths':22}{'pairs/s':>9}{'one by one':>12}{'times':>7}{'difference':>12}")
    for row in rows:
        name = row["row"].replace("low", row["dtype"])
        print(
            f"{name:22}{row['pairs_per_second']:9.2f}{row['baseline_pairs_per_second']:12.2f}"
            f"{row['speedup']:7.1f}{row['max_abs_difference']:12.1e}"
        )
    if emulated:
        print("This processor has no instructions for bfloat16 (AVX512_BF16): it is emulated, and "
              "both paths are slower in it than where there are.")  # fmt: skip


def main(config: Config) -> dict[str, Any]:
    """Measure, print and write.

    Raises:
        SystemExit: The paths disagree in float32.
    """
    rows = [compare(config, row) for row in config.rows]
    opened = partial(open_with, config, config.rows[0])
    native = has_bfloat16()
    on_cpu = torch.device(config.device).type == "cpu"
    show(rows, emulated=on_cpu and config.low == "bfloat16" and native is False)
    job = make_job(config, opened(Switches()))
    report: dict[str, Any] = {"rows": rows, "native_bfloat16": native}
    if config.checks:
        report["checks"] = check_device(config.device, job, opened)
        print(report["checks"])
    if config.growth and not config.quick:
        report["growth"] = measure_growth(job, config.batch_size)
        if config.plot is not None:
            plot_growth(report["growth"], 1 / rows[0]["baseline_pairs_per_second"], config.plot)
    report |= environment() | {"settings": job.settings, "pairs": len(job.pairs)}
    report |= {"architecture": config.architecture, "batch_size": config.batch_size}
    report |= {"device": config.device, "resolution": job.family.resolution}
    if config.json is not None:
        write_json(config.json, report)
    for row in rows:
        if row["dtype"] == "float32" and row["max_abs_difference"] > TOLERANCE:
            raise SystemExit(f"the paths disagree: {row['max_abs_difference']} > {TOLERANCE}")
    return report
