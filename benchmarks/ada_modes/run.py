"""What does GeNIe-Ada cost, and what do its cheaper modes lose? `python -m benchmarks.ada_modes`.

The same pairs of fresh scenes are made with Txt2Img and in every mode, by the code that builds
banks. The cost of a mode is the number of rows that it sends through the denoiser for each accepted
negative (on target by the backbone, no duplicate of its source), with Txt2Img as 1. An oracle,
trained on real scenes only, classifies the images; r* is compared with that of the full sweep.

`coarse` is not a mode that banks can be built in: every second noise ratio is swept in full, then
the one inside the largest jump. Its images are those of the full sweep.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from benchmarks.measure import environment
from genie_transforms.format import atomic_path, write_json
from index.build import embed_sources, resolve
from index.config import BuildConfig
from index.demo import CLASSES, PIPELINE, Scenes
from index.diffusion import load_family
from index.embed import load_backbone
from index.generate import BuildContext
from index.plan import Plan, make_plan
from index.sources import source_of

from .config import Config
from .outcomes import Outcome, coarse_to_fine, run

_SEED = 2**18 + 1  # apart from training, held-out and demo-bank scenes


_PER_CLASS = 20


_PREVIEWS = (2, 3, 4, 6, 10)
"""Solver steps of the previews."""


def make_context(config: Config) -> tuple[BuildContext, Plan]:
    """Draw scenes, open the demo's models, and plan the pairs."""
    scenes = Scenes(num_per_class=_PER_CLASS, seed=_SEED)
    source = source_of(scenes)
    family = load_family(str(PIPELINE), dtype=config.dtype)
    build = BuildConfig(backbone="demo", dtype=config.dtype, batch_size=config.batch_size)
    build = resolve(build, family)
    backbone = load_backbone("demo")
    index = embed_sources(source, backbone, build.resolution)
    prompts = [(f"A photo of a {name}",) for name in scenes.classes]
    num_pairs = 64 if config.quick else config.pairs
    plan = make_plan(
        source.labels, len(CLASSES), max_pairs=num_pairs, seed=0, pairs_per_shard=num_pairs
    )
    return BuildContext(build, source, family, backbone, index, prompts), plan


def figures(
    mode: str, outcome: Outcome, full: Outcome, txt2img: Outcome, ada_steps: int = 0
) -> dict[str, Any]:
    """Summarize one mode, ready for JSON.

    `cost_txt2img` counts accepted negatives, `cost_per_pair` all pairs. `interval` is half the
    95 % interval of the oracle accuracy, `difference_interval` that of the paired difference to the
    full sweep.
    """
    known = np.isfinite(outcome.noise_ratios) & np.isfinite(full.noise_ratios)
    gap = np.abs(outcome.noise_ratios - full.noise_ratios)[known]
    paired = outcome.hits.astype(float) - full.hits
    root = len(paired) ** 0.5
    return {
        "mode": mode,
        "ada_steps": ada_steps,
        "cost_txt2img": round(outcome.cost / txt2img.cost, 4),
        "cost_per_pair": round(outcome.network_rows / txt2img.network_rows, 4),
        "rows_per_pair": round(outcome.network_rows / len(paired), 2),
        "accepted": round(float(outcome.accepted.mean()), 4),
        "same_noise_ratio": round(float((gap < 0.01).mean()), 4),
        "within_one_step": round(float((gap < 0.11).mean()), 4),
        "mean_noise_ratio": round(float(np.nanmean(outcome.noise_ratios)), 4),
        "oracle_accuracy": round(float(outcome.hits.mean()), 4),
        "interval": round(float(1.96 * outcome.hits.std() / root), 4),
        "difference": round(float(paired.mean()), 4),
        "difference_interval": round(float(1.96 * paired.std() / root), 4),
        "found": outcome.counts,
    }


def label(entry: dict[str, Any]) -> str:
    """Return the name of a mode, with the steps of its preview."""
    return f"{entry['mode']} {entry['ada_steps'] or ''}".strip()


def plot(modes: list[dict[str, Any]], path: Path) -> None:
    """Draw oracle accuracy against cost; the numbers are steps of previews."""
    figure = Figure(figsize=(6.5, 4), layout="constrained")
    axes = figure.subplots()
    for place, mode in enumerate(dict.fromkeys(entry["mode"] for entry in modes)):
        entries = [entry for entry in modes if entry["mode"] == mode]
        costs = [entry["cost_txt2img"] for entry in entries]
        hits = [100 * entry["oracle_accuracy"] for entry in entries]
        errors = [100 * entry["interval"] for entry in entries]
        shape = "osD^v"[place % 5]
        axes.errorbar(costs, hits, errors, fmt=shape, label=mode, capsize=2, elinewidth=0.7)
        for entry, x, y in zip(entries, costs, hits, strict=True):
            steps = f"{entry['ada_steps'] or ''}"
            axes.annotate(steps, (x, y), (5, 4), textcoords="offset points", fontsize=8)
    axes.axvline(1, color="0.6", linestyle="--", linewidth=1)
    axes.set_xlabel("network rows per accepted negative, Txt2Img = 1")
    axes.set_ylabel("oracle says target, %")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=110, format="png")


def main(config: Config) -> dict[str, Any]:
    """Measure, print and write."""
    context, plan = make_context(config)
    txt2img, _ = run(context, plan, method="txt2img")
    full, swept = run(context, plan)
    modes = [figures("txt2img", txt2img, full, txt2img), figures("full", full, full, txt2img)]
    modes.append(figures("coarse", coarse_to_fine(context, plan, swept), full, txt2img))
    for steps in _PREVIEWS[1:2] if config.quick else _PREVIEWS:
        outcome, _ = run(context, plan, ada="preview", ada_steps=steps)
        modes.append(figures("preview", outcome, full, txt2img, steps))
    print(f"{'mode':14}{'cost':>7}{'same r*':>9}{'± 1 step':>9}{'oracle':>9}{'to full':>17}")
    for entry in modes:
        print(
            f"{label(entry):14}{entry['cost_txt2img']:7.2f}{entry['same_noise_ratio']:9.0%}"
            f"{entry['within_one_step']:9.0%}{entry['oracle_accuracy']:9.1%}"
            f"{entry['difference']:+9.1%} ± {entry['difference_interval']:.1%}"
        )
    report = {"pairs": len(plan), "modes": modes, "dtype": config.dtype}
    report |= {"noise_ratios": list(context.config.noise_ratios), **environment()}
    if config.json:
        write_json(config.json, report)
    if config.plot:
        plot(modes, config.plot)
    return report
