"""Do several prompts make a class more diverse? `python -m benchmarks.prompts`.

The same pairs of the demo's scenes are made with "A photo of a {target}" and with a file of several
prompts a class, from pure noise (Txt2Img) and at r = .8 (GeNIe). The prompts are captions of other
scenes, "a red star on blue stripes": the demo's text encoder knows such sentences, and a language
model that had seen the classes would write them. Noise is the same, so all comparisons are paired.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.episodes import DEMO_DATA, FewShotSet, decoded_rows, open_few_shot_set
from benchmarks.measure import environment, paired_difference
from genie_transforms.format import write_json
from index.build import build
from index.config import BuildConfig
from index.demo import NOVEL_CLASSES, Scenes
from index.embed import load_backbone

from .config import PromptsConfig

METHODS = {"txt2img": 1.0, "genie": 0.8}
"""Noise ratio of each method."""

_SEED = 2**20  # apart from all other scenes


@dataclass(frozen=True)
class Looked:
    """The P pairs of one bank, in the order of the plan.

    Attributes:
        targets: Target class of each, ``(P,)`` int64.
        prompts: How many different ones there are.
        embeddings: ``(P, D)`` float64, unit norm.
        hits: The oracle sees the target, ``(P,)`` float64, 0 or 1.
        psnr: Of each background against that of its source, ``(P,)`` float64, dB.
    """

    targets: npt.NDArray[np.int64]
    prompts: int
    embeddings: npt.NDArray[np.float64]
    hits: npt.NDArray[np.float64]
    psnr: npt.NDArray[np.float64]


def write_captions(path: Path, count: int) -> None:
    """Write a file of prompts: captions of `count` scenes of each of the demo's novel classes."""
    prompts = {}
    for label, name in enumerate(sorted(NOVEL_CLASSES)):
        scenes = Scenes(4 * count, (name,), _SEED + label)
        captions = dict.fromkeys(scenes.caption(row) for row in range(len(scenes)))
        prompts[name] = list(captions)[:count]
    write_json(path, prompts)


def look_at(bank: Path, data: FewShotSet) -> Looked:
    """Embed the images of a bank and show them to the oracle."""
    rows = list(decoded_rows(bank, ["label", "source_id", "prompt", "image"]))
    images = torch.stack([row["image"] for row in rows])
    backbone = load_backbone(data.backbone)
    targets = np.array([row["label"] for row in rows])
    support = {name: row for row, name in enumerate(data.support_ids)}
    sources = np.array([support[row["source_id"]] for row in rows])
    return Looked(
        targets=targets,
        prompts=len({row["prompt"] for row in rows}),
        embeddings=backbone(images).astype(np.float64),
        hits=(np.array(data.names_of(images)) == np.array(data.class_names)[targets]).astype(float),
        psnr=data.background_psnr(images[:, None], sources)[:, 0],
    )


def diversity(
    embeddings: npt.NDArray[np.float64], labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the mean distance between two images of each class, ``(C,)`` float64.

    Args:
        embeddings: ``(P, D)``.
        labels: ``(P,)``; a class with fewer than two images has no distance, and is left out.
    """
    found = []
    for label in np.unique(labels):
        own = embeddings[labels == label]
        if len(own) < 2:
            continue
        apart = np.linalg.norm(own[:, None] - own, axis=-1)
        found.append(apart.sum() / (len(own) * (len(own) - 1)))
    return np.array(found)


def compare(one: Looked, several: Looked) -> dict[str, Any]:
    """Summarize two banks of the same pairs, ready for JSON; accuracies are in percent."""
    spreads = [diversity(looked.embeddings, looked.targets) for looked in (one, several)]
    gap, interval = paired_difference(100 * several.hits, 100 * one.hits)
    kinds = {
        name: {
            "prompts": looked.prompts,
            "oracle_accuracy": round(100 * float(looked.hits.mean()), 1),
            "diversity": round(float(spread.mean()), 4),
            "diversity_on_target": round(_on_target(looked), 4),
            "background_psnr_db": round(float(looked.psnr.mean()), 2),
        }
        for name, looked, spread in zip(("one", "several"), (one, several), spreads, strict=True)
    }
    return {
        "pairs": len(one.targets),
        **kinds,
        "oracle_difference": round(gap, 1),
        "oracle_difference_interval": [round(bound, 1) for bound in interval],
        "diversity_ratio": round(float(spreads[1].mean() / spreads[0].mean()), 4),
        "classes_more_diverse": int((spreads[1] > spreads[0]).sum()),
        "classes": len(spreads[0]),
    }


def _on_target(looked: Looked) -> float:
    """Average the diversity of what shows its target: wrong images would count as variety."""
    right = looked.hits == 1
    return float(diversity(looked.embeddings[right], looked.targets[right]).mean())


def main(config: PromptsConfig) -> dict[str, Any]:
    """Make, measure, print and write."""
    if config.quick:
        config = replace(config, per_class=2, num_inference_steps=4)
    data = open_few_shot_set(DEMO_DATA, config.per_class, 1)
    support, captions = config.work / "support", config.work / "prompts.json"
    data.write_support(support)
    write_captions(captions, config.prompts)
    real = load_backbone(data.backbone)(data.support).astype(np.float64)
    report: dict[str, Any] = {
        "diversity_of_sources": round(
            float(diversity(real, data.labels[: data.num_support]).mean()), 4
        ),
        "prompts": json.loads(captions.read_text()),
        "num_inference_steps": config.num_inference_steps,
    }
    for method, ratio in METHODS.items():
        common: dict[str, Any] = {
            "source": str(support),
            "pairs": "nearest:1" if config.quick else "all",
            "backbone": data.backbone,
            "method": method,
            "noise_ratio": ratio,
            "num_inference_steps": config.num_inference_steps,
        }
        one = build(BuildConfig(out=config.work / f"{method}-one", **common))
        several = build(
            BuildConfig(out=config.work / f"{method}-several", prompts=str(captions), **common)
        )
        report[method] = compare(look_at(one, data), look_at(several, data))
    show(report)
    if config.json:
        write_json(config.json, {**report, **environment()})
    return report


def show(report: dict[str, Any]) -> None:
    """Print the comparison as a table."""
    print(f"distance of two source images of a class: {report['diversity_of_sources']:.3f}")
    heads = ("prompts", "distance", "on target", "oracle, %", "background, dB")
    print(f"{'':10}{''.join(f'{head:>15}' for head in heads)}")
    for method in METHODS:
        for kind in ("one", "several"):
            found = report[method][kind]
            print(
                f"{method if kind == 'one' else '':10}{kind:>15}{found['diversity']:15.3f}"
                f"{found['diversity_on_target']:15.3f}{found['oracle_accuracy']:15.1f}"
                f"{found['background_psnr_db']:15.1f}"
            )
        low, high = report[method]["oracle_difference_interval"]
        print(f"  oracle {report[method]['oracle_difference']:+.1f} ({low:+.1f} … {high:+.1f})")
