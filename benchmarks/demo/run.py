"""Does the demo show the paper's effect? `python -m benchmarks.demo`.

Many pairs of fresh scenes are swept over r. An oracle, trained on real scenes only, classifies the
images; the known masks tell how much of the background was kept; and GeNIe-Ada chooses within its
grid with the demo's backbone, which was trained on real scenes of the base classes only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision.utils import save_image
from tqdm import tqdm

from benchmarks.measure import background_psnr, environment
from genie_transforms.format import write_json
from index.config import PAPER_NOISE_RATIOS
from index.demo import CLASSES, PIPELINE, Scenes, oracle_names, render
from index.diffusion import Family, load_family
from index.diffusion.sampling import SweepPair, SweepSettings, pair_seed, sweep
from index.embed import load_backbone
from index.generate import projections, select
from index.plan import Plan, make_plan

from .config import DemoConfig

RATIOS = (0.3, 0.4, *PAPER_NOISE_RATIOS, 1.0)


_SEED = 2**18  # apart from training, held-out and demo-bank scenes


_PER_CLASS = 20


@dataclass(frozen=True)
class Sweeps:
    """What was generated, and the oracle's verdict: P pairs, R = `len(RATIOS)` noise ratios.

    Attributes:
        images: ``(P, R, 3, 64, 64)`` uint8.
        hits: The oracle predicts the target, ``(P, R)`` bool.
        stays: The oracle predicts the source, ``(P, R)`` bool.
        psnr: Of the background against the source's, in dB, ``(P, R)`` float64.
        network_rows: Rows that went through the denoiser.
    """

    images: Tensor
    hits: np.ndarray
    stays: np.ndarray
    psnr: np.ndarray
    network_rows: int


def generate(family: Family, scenes: Scenes, plan: Plan, guidance_scale: float) -> Sweeps:
    """Sweep all pairs of the plan and evaluate the images."""
    parts, rows = [], 0
    blocks = np.array_split(np.arange(len(plan)), -(-len(plan) // 40))
    for block in tqdm(blocks, desc="sweep", unit="block", disable=None):
        places = [int(s) for s in plan.sources[block]]
        pairs = [
            SweepPair(k, f"A photo of a {name}", RATIOS, pair_seed(str(place), name, 0, 0))
            for k, place in enumerate(places)
            for name in [scenes.classes[plan.targets[block[k]]]]
        ]
        settings = SweepSettings(guidance_scale=guidance_scale)
        swept = sweep(family, scenes.pixels(places), pairs, settings)
        parts += swept.images
        rows += swept.network_rows
    images = torch.stack(parts)
    sources = [int(s) for s in plan.sources]
    predicted = np.array(oracle_names(images.flatten(0, 1))).reshape(len(plan), len(RATIOS))
    names = np.array(scenes.classes)
    targets, origins = names[plan.targets], names[np.array(scenes.targets)[plan.sources]]
    masks = render(scenes.params[sources])[1]
    psnr = background_psnr(images, scenes.pixels(sources), masks)
    return Sweeps(images, predicted == targets[:, None], predicted == origins[:, None], psnr, rows)


def choose(scenes: Scenes, plan: Plan, images: Tensor, rule: str) -> np.ndarray:
    """Return the column in `RATIOS` of every pair's r* (Algorithm 1), ``(P,)`` int64."""
    backbone = load_backbone("demo")
    embedded = backbone(scenes.pixels(slice(None)))
    labels = np.array(scenes.targets)
    centroids = np.stack([embedded[labels == c].mean(0) for c in range(len(scenes.classes))])
    columns = [RATIOS.index(ratio) for ratio in PAPER_NOISE_RATIOS]
    of_images = backbone(images[:, columns].flatten(0, 1)).reshape(
        len(plan), len(PAPER_NOISE_RATIOS), -1
    )
    d = projections(of_images, embedded[plan.sources], centroids[plan.targets])
    return np.array([columns[int(m)] for m in select(d, rule)])


def figures(sweeps: Sweeps, columns: np.ndarray) -> dict[str, Any]:
    """Summarize sweeps and choices, ready for JSON."""
    rows, ratios = np.arange(len(columns)), np.array(RATIOS)
    first = np.where(sweeps.hits.any(1), ratios[sweeps.hits.argmax(1)], np.inf)
    chosen = ratios[columns]
    ada = {
        "oracle_accuracy": sweeps.hits[rows, columns].mean(),
        "background_psnr_db": sweeps.psnr[rows, columns].mean(),
        "mean_noise_ratio": chosen.mean(),
        "std_noise_ratio": chosen.std(),
        "share_of_each_ratio": {f"{r:g}": (chosen == r).mean() for r in PAPER_NOISE_RATIOS},
    }
    return {
        "pairs": len(columns),
        "noise_ratios": list(RATIOS),
        "oracle_accuracy": sweeps.hits.mean(0).tolist(),
        "oracle_says_source": sweeps.stays.mean(0).tolist(),
        "background_psnr_db": sweeps.psnr.mean(0).tolist(),
        "median_switch": float(np.median(first)),
        "never_switched": float(np.isinf(first).mean()),
        "ada": ada,
        "txt2img": {
            "oracle_accuracy": sweeps.hits[:, -1].mean(),
            "background_psnr_db": sweeps.psnr[:, -1].mean(),
            "mean_noise_ratio": 1.0,
        },
        "network_rows": sweeps.network_rows,
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return round(float(value), 4) if isinstance(value, float | np.floating) else value


def show(result: dict[str, Any]) -> None:
    """Print the table."""
    lines = {
        "r": [f"{r:6.1f}" for r in result["noise_ratios"]],
        "oracle says target, %": [f"{100 * v:6.1f}" for v in result["oracle_accuracy"]],
        "oracle says source, %": [f"{100 * v:6.1f}" for v in result["oracle_says_source"]],
        "background PSNR, dB": [f"{v:6.1f}" for v in result["background_psnr_db"]],
    }
    for name, cells in lines.items():
        print(f"{name:24}{''.join(cells)}")
    ada = result["ada"]
    print(
        f"GeNIe-Ada: oracle {ada['oracle_accuracy']:.1%}, background "
        f"{ada['background_psnr_db']:.1f} dB, r* {ada['mean_noise_ratio']:.2f} "
        f"± {ada['std_noise_ratio']:.2f}; median switch at r = {result['median_switch']:g}"
    )


def main(config: DemoConfig) -> dict[str, Any]:
    """Measure, print and write."""
    num_pairs = 56 if config.quick else config.num_pairs
    scenes = Scenes(num_per_class=_PER_CLASS, seed=_SEED)
    plan = make_plan(
        np.array(scenes.targets), len(CLASSES), pairs="all", max_pairs=num_pairs, seed=0,
        pairs_per_shard=num_pairs,
    )  # fmt: skip
    sweeps = generate(load_family(str(PIPELINE)), scenes, plan, config.guidance_scale)
    columns = choose(scenes, plan, sweeps.images, config.rule)
    result = _rounded(figures(sweeps, columns))
    result |= {"guidance_scale": config.guidance_scale, "rule": config.rule}
    show(result)
    if config.json:
        write_json(config.json, {**result, **environment()})
    if config.picture:
        count = min(16, len(plan))
        shown = [k * len(plan) // count for k in range(count)]
        sources = scenes.pixels([int(plan.sources[k]) for k in shown])[:, None]
        sheet = torch.cat([sources, sweeps.images[shown]], 1).transpose(0, 1).flatten(0, 1)
        save_image(sheet.float() / 255, config.picture, nrow=count, padding=1)
    return dict(result)
