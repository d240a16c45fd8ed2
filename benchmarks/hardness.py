"""Which pairs make hard negatives? `python -m benchmarks.hardness --work DIR`.

Pairs of the demo are planned at random, by the nearest classes, and by confusion; each is swept over
r, and GeNIe-Ada chooses. Classifiers that were trained on real scenes only look at the results:
whatever they take for another class than the target lies off the diagonal of their confusion matrix.
It is hard where they see the source's class, and merely broken where they see a third one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import tyro
from torch import Tensor
from torch.nn import functional as F
from tqdm import tqdm

from index.config import BuildConfig
from index.confusion import knn_confusion
from index.demo.scenes import CLASSES, Scenes
from index.demo.weights import PIPELINE, load_oracle
from index.diffusion.families import load_family
from index.embed import Backbone, load_backbone
from index.plan import Plan, make_plan
from index.preparation import embed_sources, resolve
from index.prompts import make_prompts
from index.sources import Source
from index.whole import write_json
from index.worker import Workshop, run_shard

from .environment import environment
from .hardness_report import Judged, compare, plot, show
from .heads import HEADS
from .pictures import cached

_SEED = 2**19  # apart from training, held-out and demo-bank scenes
_JUDGE_SEED = 2**21  # apart from the sources as well; the held-out scenes have the next one
_HELD_OUT = 100
_BLOCK = 40

Judge = Callable[[Tensor], npt.NDArray[np.float64]]
"""Gives the probability of each class, ``(N, C)``, for images ``(N, 3, H, W)`` uint8."""


@dataclass(frozen=True, kw_only=True)
class HardnessConfig:
    """Measure how hard the negatives of each planning are.

    Attributes:
        work: Folder that keeps the pictures; the same command continues a run that was stopped.
        per_class: Scenes of each class.
        k: Classes that meet each other: random:K, nearest:K, confusion:K.
        num_inference_steps: Steps of the whole denoising, from r = 1.
        shots: Real scenes of each class that the few-shot judge learns from.
        quick: Two scenes a class, K = 1, ten steps.
        json: File that receives the figures.
        plot: File that receives them as a plot, a png.
    """

    work: Path
    per_class: int = 20
    k: int = 2
    num_inference_steps: int = 25
    shots: int = 20
    quick: bool = False
    json: Path | None = None
    plot: Path | None = None

    def __post_init__(self) -> None:
        if self.per_class < 2:
            raise ValueError(
                f"per_class must be at least 2, got {self.per_class}: intervals compare the scenes "
                "of a class"
            )
        if not 1 <= self.k < len(CLASSES):
            raise ValueError(f"k must lie in [1, {len(CLASSES) - 1}], got {self.k}")
        if self.shots < 1:
            raise ValueError(f"shots must be at least 1, got {self.shots}")


def open_workshop(per_class: int, num_inference_steps: int) -> Workshop:
    """Prepare fresh scenes of all classes for building."""
    scenes = Scenes(num_per_class=per_class, classes=CLASSES, seed=_SEED)
    source = Source(scenes, [str(row) for row in range(len(scenes))], "demo")
    family, backbone = load_family(str(PIPELINE)), load_backbone("demo")
    config = resolve(BuildConfig(num_inference_steps=num_inference_steps), family)
    index = embed_sources(source, backbone, config.resolution)
    prompts = make_prompts(config.prompt, source.class_names)
    return Workshop(config, source, family, backbone, index, prompts)


def plans(shop: Workshop, k: int) -> dict[str, Plan]:
    """Plan the same scenes in each way, with as many pairs of each target as all can give."""
    return {
        f"{kind}:{k}": make_plan(
            shop.source.labels,
            len(shop.source.class_names),
            pairs=f"{kind}:{k}",
            ranking=shop.index.class_ranking(),
            confusion=knn_confusion(shop.index),
        )
        for kind in ("random", "nearest", "confusion")
    }


def make(
    shop: Workshop, pairs: Sequence[tuple[int, int]], work: Path
) -> tuple[Tensor, npt.NDArray[np.int64]]:
    """Sweep each (source, target) once; finished blocks are read from `work`.

    Returns:
        The sweeps, ``(P, R, 3, H, W)`` uint8, and the place of GeNIe-Ada's choice, ``(P,)`` int64.

    Raises:
        ValueError: A pair gave no picture.
    """
    common = {
        "recipe": shop.config.recipe(),
        "model": shop.family.fingerprint(),
        "backbone": shop.backbone.fingerprint(),
        "images": shop.index.digests,
    }
    blocks = [pairs[start : start + _BLOCK] for start in range(0, len(pairs), _BLOCK)]
    made = []
    for block in tqdm(blocks, desc="pairs", unit="block", disable=None):
        content = json.dumps({**common, "pairs": block}, sort_keys=True).encode()
        key = hashlib.sha256(content).hexdigest()
        made.append(cached(work / f"{key[:16]}.npz", key, partial(_make_block, shop, block)))
    images, chosen = (
        np.concatenate([part[name] for part in made]) for name in ("images", "chosen")
    )
    return torch.from_numpy(images), chosen


def _make_block(shop: Workshop, block: Sequence[tuple[int, int]]) -> dict[str, npt.NDArray[Any]]:
    sources, targets = np.array(block, dtype=np.int64).T
    plan = Plan(sources, targets, np.zeros_like(sources), len(block))
    result = run_shard(shop, plan, keep_sweeps_of=range(len(block)))
    if result.failures:
        raise ValueError(f"plans cannot be compared without all pairs: {result.failures[0]}")
    ratios = np.array(shop.config.noise_ratios)
    sweeps = torch.stack([result.sweeps[position][1][1:] for position in range(len(block))])
    chosen = [int(np.abs(ratios - row["noise_ratio"]).argmin()) for row in result.rows]
    return {"images": sweeps.numpy(), "chosen": np.array(chosen, dtype=np.int64)}


def open_judges(backbone: Backbone, shots: int) -> dict[str, Judge]:
    """Open the classifiers: the demo's oracle, and one that has seen few real scenes.

    The second is logistic regression on the backbone's features of `shots` scenes of each class:
    what a practitioner has who builds a bank.
    """
    oracle = load_oracle()
    scenes = Scenes(num_per_class=shots, classes=CLASSES, seed=_JUDGE_SEED)
    head: Any = HEADS["logistic"]()
    head.fit(backbone(scenes.pixels(slice(None))).astype(np.float64), np.array(scenes.targets))

    @torch.inference_mode()
    def ask_oracle(images: Tensor) -> npt.NDArray[np.float64]:
        logits = torch.cat([oracle(part.float() / 255) for part in images.split(256)])
        shares: npt.NDArray[np.float64] = F.softmax(logits.double(), 1).numpy()
        return shares

    def ask_head(images: Tensor) -> npt.NDArray[np.float64]:
        shares: npt.NDArray[np.float64] = head.predict_proba(backbone(images).astype(np.float64))
        return shares

    return {"oracle": ask_oracle, f"{shots}-shot": ask_head}


def main(config: HardnessConfig) -> dict[str, Any]:
    """Measure, print and write."""
    per_class, k = (2, 1) if config.quick else (config.per_class, config.k)
    shop = open_workshop(per_class, 10 if config.quick else config.num_inference_steps)
    planned = {
        name: list(zip(plan.sources.tolist(), plan.targets.tolist(), strict=True))
        for name, plan in plans(shop, k).items()
    }
    every = sorted({pair for pairs in planned.values() for pair in pairs})
    place = {pair: row for row, pair in enumerate(every)}
    rows = {name: np.array([place[pair] for pair in pairs]) for name, pairs in planned.items()}
    images, chosen = make(shop, every, config.work)
    sources, targets = np.array(every, dtype=np.int64).T

    held_out = Scenes(num_per_class=_HELD_OUT, classes=CLASSES, seed=_JUDGE_SEED + 1)
    columns = [*map(str, shop.config.noise_ratios), "ada"]
    judges, found = {}, []
    for name, judge in open_judges(shop.backbone, config.shots).items():
        right = judge(held_out.pixels(slice(None))).argmax(1) == np.array(held_out.targets)
        judges[name] = {"accuracy_on_real": round(float(right.mean()), 4), "real": len(held_out)}
        shares = judge(images.flatten(0, 1)).reshape(*images.shape[:2], -1)
        shares = np.concatenate([shares, shares[np.arange(len(chosen)), chosen][:, None]], 1)
        judged = Judged(sources, shop.source.labels, targets, shares)
        found += [{"judge": name, **entry} for entry in compare(judged, rows, columns)]
    result = {
        "classes": len(CLASSES),
        "images": len(shop.source),
        "distinct_pairs": len(every),
        "num_inference_steps": shop.config.steps,
        "mean_noise_ratio_ada": {
            name: round(float(np.array(shop.config.noise_ratios)[chosen[at]].mean()), 4)
            for name, at in rows.items()
        },
        "judges": judges,
        "figures": found,
    }
    show(result)
    if config.json:
        write_json(config.json, {**result, **environment()})
    if config.plot:
        plot(found, config.plot)
    return result


if __name__ == "__main__":
    main(tyro.cli(HardnessConfig, prog="python -m benchmarks.hardness"))
