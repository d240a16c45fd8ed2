"""The paper's fine-grained evaluation on your data: `python -m benchmarks.fine_grained`.

Episodes of 20 classes with one support image each from the training split; a linear SVM on frozen
features learns from it and from 19 generated images of each class, and is scored on the test
split (paper, sections 4.2 and A.8). Every episode has its own banks, so it costs 380 sweeps.
With `--dataset mini-imagenet --support-split test --n-way 5 --n-query 16 --head logistic` it is
the few-shot evaluation of table 1. Stop it whenever you like: the same command continues.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from benchmarks.datasets import LabelledSet, open_dataset
from benchmarks.episodes import Drawing, Episode, Integers, draw, read_episodes, write_episodes
from benchmarks.few_shot import BASELINE, run_arm, summarize_arm
from benchmarks.measure import environment
from genie_transforms import UserError
from genie_transforms.format import write_json
from index.diffusion.sampling import derived_seed
from index.embed import CachedBackbone, load_backbone
from index.sources import ClassName, read_class_names

from .banks import EpisodeBanks
from .config import SAME_CLASS_ARMS, FineGrainedConfig
from .report import table


def open_both(config: FineGrainedConfig) -> tuple[LabelledSet, Integers, Integers]:
    """Open both splits as one set; return it, the rows of support and of query.

    If both are the same images, so are the rows: an episode's query is then drawn from what is
    not its support.

    Raises:
        MissingFileError: The dataset is not there.
        UserError: The splits have other classes, or no class name of the file fits.
    """
    parts = (config.support_split, config.query_split)
    train, test = (open_dataset(config.dataset, config.root, part) for part in parts)
    if train.classes != test.classes:
        raise UserError(
            f"the splits {parts[0]} and {parts[1]} of {config.dataset} have other classes, such as "
            f"{sorted(set(train.classes) ^ set(test.classes))[:3]}: give the same split as "
            "support_split and query_split"
        )
    names = train.names
    if config.class_names is not None:
        names = read_class_names(config.class_names, train.classes)
    if config.superclass:
        names = [ClassName(name.display, config.superclass) for name in names]
    rows = np.arange(len(train) + len(test))
    # A folder without splits has the same files for every split.
    if parts[0] == parts[1] or (config.dataset == "folder" and train.images == test.images):
        return replace(train, names=names), rows[: len(train)], rows[: len(train)]
    targets, images = [*train.targets, *test.targets], [*train.images, *test.images]
    both = LabelledSet(train.classes, targets, images, names)
    return both, rows[: len(train)], rows[len(train) :]


def read_or_draw(
    config: FineGrainedConfig, data: LabelledSet, support: Integers, query: Integers
) -> list[Episode]:
    """Read the episodes, or draw and write them; their classes are in order."""
    drawing = Drawing(config.episodes, config.n_way, config.k_shot, config.n_query, config.seed)
    labels = hashlib.sha256(json.dumps([data.classes, data.targets]).encode()).hexdigest()
    about = {**asdict(drawing), "dataset": config.dataset, "labels_sha256": labels}
    path = config.work / "episodes.json"
    if not path.exists():
        drawn = draw(data.labels, drawing, support_pool=support, query_pool=query)
        write_episodes(path, [in_order(episode) for episode in drawn], about)
    return read_episodes(path, about)


def in_order(episode: Episode) -> Episode:
    """Sort an episode's classes, and the support images of each, as folders are sorted."""
    order = np.argsort(episode.classes).tolist()
    return Episode(
        tuple(episode.classes[k] for k in order),
        tuple(tuple(sorted(episode.support[k])) for k in order),
        tuple(episode.query[k] for k in order),
    )


def run_episode(
    config: FineGrainedConfig, banks: EpisodeBanks, number: int, episode: Episode
) -> dict[str, Any]:
    """Read what the arms scored in an episode, or make its banks and run them."""
    recipe = banks.build.recipe()
    about = [asdict(episode), recipe, banks.backbone.fingerprint(), config.head, config.wanted]
    key = hashlib.sha256(json.dumps([*about, config.seed]).encode()).hexdigest()
    path = config.work / "accuracies" / f"{number:03d}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept.pop("key") == key:
            return kept
    pool, local = banks.pool(number, episode, banks.embedded(episode.query_rows))
    seed = derived_seed(config.seed, number)
    scored = {arm: run_arm(arm, pool, [local], config.head, seed) for arm in config.wanted}
    found = {
        arm: {
            "accuracy": run["accuracies"][0],
            "noise_ratio": run["facts"].get("noise_ratio", [None])[0],
            "failed": [{**entry, "episode": number} for entry in run["failed"]],
        }
        for arm, run in scored.items()
    }
    write_json(path, {"key": key, **found})
    return found


def main(config: FineGrainedConfig) -> dict[str, Any]:
    """Run every episode, print and write."""
    data, support, query = open_both(config)
    episodes = read_or_draw(config, data, support, query)
    backbone = load_backbone(config.backbone, device=config.device)
    cached = CachedBackbone(backbone, config.work / "embeddings")
    same_class = tuple(name for name in SAME_CLASS_ARMS if name in config.wanted)
    banks = EpisodeBanks(config.work / "banks", data, cached, config.build(data.names), same_class)
    runs = []
    for number, episode in enumerate(episodes):
        runs.append(run_episode(config, banks, number, episode))
        print(f"episode {number + 1} of {len(episodes)}", flush=True)
    entries = []
    for arm in config.wanted:
        baseline, scores = (
            np.array([run[name]["accuracy"] for run in runs], dtype=np.float64)
            for name in (BASELINE, arm)
        )
        ratios = [run[arm]["noise_ratio"] for run in runs]
        facts = {} if None in ratios else {"noise_ratio": ratios}
        failed = [failure for run in runs for failure in run[arm]["failed"]]
        entries.append(summarize_arm(arm, config.k_shot, scores, baseline, facts, failed))
    print(f"\n{table(entries, config.dataset, config.n_way, config.k_shot)}")
    settings = {key: str(value) for key, value in asdict(config).items()}
    report: dict[str, Any] = {"arms": entries, "prompt": banks.build.prompt, "settings": settings}
    if config.json:
        write_json(config.json, {**report, **environment()})
    return report
