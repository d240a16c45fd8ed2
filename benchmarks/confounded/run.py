"""Run every arm of every seed: baseline, confusion, banks, trainings, three tests."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from benchmarks.long_tail import (
    RealImages,
    Seed,
    about_bank,
    build_banks,
    confusion_of,
    plain,
    train_arm,
)
from benchmarks.measure import environment, without_nan
from benchmarks.training import claim_folder, group_scores, predict
from genie_transforms import Bank
from genie_transforms.format import write_json

from .backgrounds import background_shares, train_judge
from .config import ARMS, TIED, ConfoundedConfig
from .report import report, show
from .scenes import Confounded, open_scenes, tied_names


@dataclass(frozen=True)
class Judge:
    """A network that names backgrounds, and its accuracy on held-out scenes."""

    network: nn.Module
    accuracy: float


def main(config: ConfoundedConfig) -> dict[str, Any]:
    """Run every seed, print the table, write figures and plot.

    Raises:
        FolderInUseError: `work` was begun with other settings.
    """
    claim_folder(config.work, config.recipe())
    judge = Judge(*train_judge(config, config.work / "judge"))
    print(f"backgrounds: {judge.accuracy:.1%} of held-out scenes are named rightly", flush=True)
    figures = []
    for number in config.seeds:
        figures += run_seed(config, number, judge)
        print(f"seed {number}: {len(config.arms)} arms", flush=True)
    result = report(config, figures, judge.accuracy)
    show(result, config)
    if config.json:
        write_json(config.json, {**without_nan(result), **environment()})
    return result


def run_seed(config: ConfoundedConfig, number: int, judge: Judge) -> list[dict[str, Any]]:
    """Run every arm of a seed; those whose figures are there are not run again."""
    folder = config.work / f"seed-{number}"
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / "arms" / name / "figures.json" for name in config.arms}
    if not all(path.exists() for path in paths.values()):
        scenes = open_scenes(config, number)
        seed = _with_banks(
            config, Seed(config.long_tail(), scenes.tail, folder, number, {}), scenes
        )
        for name, path in paths.items():
            if not path.exists():
                write_json(path, without_nan(_figures(config, seed, scenes, name, judge)))
    return [json.loads(path.read_text()) for path in paths.values()]


def _with_banks(config: ConfoundedConfig, seed: Seed, scenes: Confounded) -> Seed:
    """Train the baseline, and build the banks that the arms need, or continue them."""
    needed = dict.fromkeys(ARMS[name].images for name in config.arms)
    wanted = [name for name in needed if name not in ("", "own", "real", TIED)]
    network = train_arm(seed, "none", ARMS["none"])
    confusion = confusion_of(network, seed.tail, seed.config)
    banks = build_banks(wanted, seed.config, seed.tail, seed.folder, seed.number, confusion)
    if TIED in needed:
        pool = replace(seed.tail.pool, names=tied_names(scenes.own))
        tail, folder = replace(seed.tail, pool=pool), seed.folder / "tied"
        folder.mkdir(exist_ok=True)
        built = build_banks(["txt2img"], seed.config, tail, folder, seed.number, confusion)
        banks[TIED] = built["txt2img"]
    return replace(seed, banks=banks)


def _figures(
    config: ConfoundedConfig, seed: Seed, scenes: Confounded, name: str, judge: Judge
) -> dict[str, Any]:
    """Train an arm, and return its figures; which test images it got right is kept beside them."""
    arm = ARMS[name]
    network = train_arm(seed, name, arm)
    counts, rule = seed.tail.counts, seed.config.group_rule
    tests = {}
    for kind, data in scenes.tests.items():
        images = RealImages(data, np.arange(len(data)), plain(seed.config))
        probabilities, labels = predict(network, images)
        right = probabilities.argmax(1) == labels
        np.save(seed.folder / "arms" / name / f"right-{kind}.npy", right)
        scores = group_scores(probabilities, labels, counts, rule)
        tests[kind] = {key: value for key, value in scores.items() if key != "per_class"}
    precision, filled = about_bank(seed, arm)
    shares = None
    if arm.images in seed.banks:
        bank = Bank.open(seed.banks[arm.images], keep=None)
        shares = background_shares(judge.network, bank, config, seed.tail.pool.classes, scenes.own)
    return {
        "arm": name,
        "mode": arm.mode,
        "seed": seed.number,
        "few_classes": [seed.tail.pool.classes[label] for label in seed.tail.few],
        "oracle": precision,
        "backgrounds": shares,
        "filled": filled,
        "tests": tests,
    }
