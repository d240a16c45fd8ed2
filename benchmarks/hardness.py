"""Which pairs make hard negatives? `python -m benchmarks.hardness`.

Pairs of the demo are planned at random, by the nearest classes, and by confusion, and made by
GeNIe-Ada. A classifier that was trained on real scenes only looks at the results: whatever it takes
for another class than the target lies off the diagonal of its confusion matrix, and is hard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import tyro
from torch.nn import functional as F
from tqdm import tqdm

from genie_transforms._pixels import decode, planes_of
from index.config import BuildConfig
from index.confusion import knn_confusion
from index.demo.scenes import CLASSES, Scenes
from index.demo.weights import PIPELINE, load_oracle
from index.diffusion.families import load_family
from index.embed import load_backbone
from index.plan import Plan, make_plan
from index.preparation import embed_sources, resolve
from index.prompts import make_prompts
from index.sources import Source
from index.whole import write_json
from index.worker import Workshop, run_shard

from .environment import environment

_SEED = 2**19  # apart from training, held-out and demo-bank scenes
_BLOCK = 40


@dataclass(frozen=True)
class HardnessConfig:
    """Measure how hard the negatives of each planning are.

    Attributes:
        per_class: Scenes of each class.
        k: Classes that meet each other: random:K, nearest:K, confusion:K.
        quick: One scene a class, K = 1.
        json: File that receives the figures.
    """

    per_class: int = 5
    k: int = 2
    quick: bool = False
    json: Path | None = None


@dataclass(frozen=True)
class Seen:
    """What the classifier sees in the negatives of P pairs.

    Attributes:
        label: Target, ``(P,)`` int64.
        source: Class of the source, ``(P,)`` int64.
        probabilities: Of each class, ``(P, C)`` float64.
    """

    label: npt.NDArray[np.int64]
    source: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]

    def take(self, rows: Sequence[int]) -> Seen:
        """Give some of the pairs."""
        at = np.asarray(rows, dtype=np.int64)
        return Seen(self.label[at], self.source[at], self.probabilities[at])


def open_workshop(per_class: int) -> Workshop:
    """Prepare fresh scenes of all classes for building."""
    scenes = Scenes(num_per_class=per_class, classes=CLASSES, seed=_SEED)
    source = Source(scenes, [str(row) for row in range(len(scenes))], "demo")
    family, backbone = load_family(str(PIPELINE)), load_backbone("demo")
    config = resolve(BuildConfig(), family)
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


def look(shop: Workshop, pairs: Sequence[tuple[int, int]]) -> tuple[Seen, list[tuple[int, int]]]:
    """Make each (source, target) once and show it to the classifier.

    Returns:
        What it sees, and the pairs that gave an image, in the same order.
    """
    oracle = load_oracle()
    rows: list[dict[str, Any]] = []
    made: list[tuple[int, int]] = []
    logits = []
    blocks = [pairs[start : start + _BLOCK] for start in range(0, len(pairs), _BLOCK)]
    for block in tqdm(blocks, desc="pairs", unit="block", disable=None):
        sources, targets = np.array(block, dtype=np.int64).T
        result = run_shard(shop, Plan(sources, targets, np.zeros_like(sources), len(block)))
        cells = [memoryview(row["image"]["bytes"]) for row in result.rows]
        images = [planes_of(decode(cell)) for cell in cells]
        with torch.inference_mode():
            logits.append(oracle(torch.stack(images).float() / 255))
        rows += result.rows
        made += [block[position] for position in result.positions]
    shares = F.softmax(torch.cat(logits).double(), 1).numpy()
    labels, origins = ([row[name] for row in rows] for name in ("label", "source_label"))
    return Seen(np.array(labels), np.array(origins), shares), made


def figures(seen: Seen) -> dict[str, float]:
    """Sum up the negatives of one plan.

    Returns:
        `off_diagonal`, the share that the classifier takes for another class than the target, with
        its standard error; `to_source`, for the source's class; `loss`, mean cross-entropy to the
        target, in nats.
    """
    rows = np.arange(len(seen.label))
    called = seen.probabilities.argmax(1)
    wrong = called != seen.label
    loss = -np.log(np.maximum(seen.probabilities[rows, seen.label], 1e-12))
    return {
        "pairs": len(rows),
        "off_diagonal": float(wrong.mean()),
        "standard_error": float(wrong.std() / len(rows) ** 0.5),
        "to_source": float((called == seen.source).mean()),
        "loss": float(loss.mean()),
    }


def main(config: HardnessConfig) -> dict[str, Any]:
    """Measure, print and write."""
    shop = open_workshop(1 if config.quick else config.per_class)
    planned = {
        name: list(zip(plan.sources.tolist(), plan.targets.tolist(), strict=True))
        for name, plan in plans(shop, 1 if config.quick else config.k).items()
    }
    every = sorted({pair for pairs in planned.values() for pair in pairs})
    seen, made = look(shop, every)
    place = {pair: row for row, pair in enumerate(made)}
    results = []
    for name, pairs in planned.items():
        found = [place[pair] for pair in pairs if pair in place]
        rounded = {key: round(value, 4) for key, value in figures(seen.take(found)).items()}
        results.append({"plan": name, **rounded})
        print(
            f"{name:<14} {len(found)} pairs: {rounded['off_diagonal']:.1%} "
            f"± {1.96 * rounded['standard_error']:.1%} off the diagonal, "
            f"{rounded['to_source']:.1%} seen as the source, loss {rounded['loss']:.2f}"
        )
    result = {"classes": len(CLASSES), "images": len(shop.source), "plans": results}
    if config.json:
        write_json(config.json, {**result, **environment()})
    return result


if __name__ == "__main__":
    main(tyro.cli(HardnessConfig, prog="python -m benchmarks.hardness"))
