"""Run every arm of every seed: baseline, confusion, banks, trainings, three tests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import TensorDataset

from benchmarks.datasets import LabelledSet
from benchmarks.long_tail import (
    PROMPTS,
    Seed,
    about_bank,
    build_banks,
    confusion_of,
    train_arm,
)
from benchmarks.measure import environment, without_nan
from benchmarks.training import group_scores, predict
from genie_transforms.format import write_json
from index.demo import weights_digest
from index.train import claim_folder

from .backgrounds import backgrounds
from .config import ARMS, TIED, ConfoundedConfig
from .features import Features
from .report import report, show
from .scenes import Confounded, Kind, open_scenes, tied_prompts


def main(config: ConfoundedConfig) -> dict[str, Any]:
    """Run every seed, print the table, write figures and plot.

    Raises:
        FolderInUseError: `work` was begun with other settings, or other models of the demo.
    """
    claim_folder(config.work, {**config.recipe(), "demo_weights": weights_digest()})
    figures = []
    for number in config.seeds:
        figures += run_seed(config, number)
        print(f"seed {number}: {len(config.arms)} arms", flush=True)
    result = {**report(config, figures), "backgrounds": backgrounds(config)}
    show(result, config)
    if config.json:
        write_json(config.json, {**without_nan(result), **environment()})
    return result


def run_seed(config: ConfoundedConfig, number: int) -> list[dict[str, Any]]:
    """Run every arm of a seed; those whose figures are there are not run again."""
    folder = config.work / f"seed-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / "arms" / name / "figures.json" for name in config.arms}
    if not all(path.exists() for path in paths.values()):
        scenes = open_scenes(config, number)
        features = Features()
        tests = {kind: _features(data, features) for kind, data in scenes.tests.items()}
        seed = Seed(config.long_tail(), scenes.tail, folder, number, {}, features)
        seed = _with_banks(config, seed, scenes)
        for name, path in paths.items():
            if not path.exists():
                write_json(path, without_nan(_figures(seed, tests, name)))
    return [json.loads(path.read_text()) for path in paths.values()]


def _with_banks(config: ConfoundedConfig, seed: Seed, scenes: Confounded) -> Seed:
    """Train the baseline, and build the banks that the arms need, or continue them."""
    needed = dict.fromkeys(ARMS[name].images for name in config.arms)
    wanted = [name for name in needed if name not in ("", "own", "real", *TIED)]
    network = train_arm(seed, "none", ARMS["none"])
    confusion = confusion_of(network, seed)
    banks = build_banks(wanted, seed.config, seed.tail, seed.folder, seed.number, confusion)
    tied = {name: TIED[name] for name in needed if name in TIED}
    if tied:
        folder = seed.folder / "tied"
        folder.mkdir(exist_ok=True)
        write_json(folder / PROMPTS, tied_prompts(scenes.own))
        wanted = list(tied.values())
        built = build_banks(wanted, seed.config, seed.tail, folder, seed.number, confusion)
        banks |= {name: built[bank] for name, bank in tied.items()}
    return replace(seed, banks=banks)


def _features(data: LabelledSet, features: Features) -> TensorDataset:
    """Return what the classifiers take of test images: the same for all arms."""
    images = [np.asarray(image) for image in data.images]
    pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return TensorDataset(features.of(pixels), torch.from_numpy(data.labels))


def _figures(seed: Seed, tests: dict[Kind, TensorDataset], name: str) -> dict[str, Any]:
    """Train an arm, and return its figures; which test images it got right is kept beside them."""
    arm = ARMS[name]
    network = train_arm(seed, name, arm)
    counts, rule = seed.tail.counts, seed.config.group_rule
    measured = {}
    for kind, images in tests.items():
        probabilities, labels = predict(network, images)
        right = probabilities.argmax(1) == labels
        np.save(seed.folder / "arms" / name / f"right-{kind}.npy", right)
        scores = group_scores(probabilities, labels, counts, rule)
        measured[kind] = {key: value for key, value in scores.items() if key != "per_class"}
    precision, filled = about_bank(seed, arm)
    return {
        "arm": name,
        "mode": arm.mode,
        "seed": seed.number,
        "few_classes": [seed.tail.pool.classes[label] for label in seed.tail.few],
        "oracle": precision,
        "filled": filled,
        "tests": measured,
    }
