"""The paper's few-shot evaluation, every arm on the same episodes: `python -m benchmarks.few_shot`.

N-way K-shot on the demo's novel classes, or another dataset's, which the backbone has never seen:
features are frozen, and a linear head learns from each episode's support and what an arm adds to
it. Everything generated comes from one pool that is made once (see `pool.py`), so the intervals are
over episodes of this pool. Stop it whenever you like: the same command continues.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import tyro
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from index.diffusion.noise import derived_seed
from index.whole import write_json

from .arms import BASELINE, support_features
from .environment import environment
from .episodes import Drawing, Episode, draw, read_episodes, write_episodes
from .few_shot_config import FewShotConfig
from .few_shot_report import plot, summed_up, table
from .heads import LabelledFeatures, accuracy
from .inverted import teach
from .pairs import INVERTED
from .pool import Pool, make_pool


def drawn_once(config: FewShotConfig, pool: Pool, k_shot: int) -> list[Episode]:
    """Read the episodes of one number of shots, or draw and write them."""
    number = 20 if config.quick else config.episodes
    drawing = Drawing(number, config.n_way, k_shot, config.n_query, config.seed)
    about = {**asdict(drawing), "labels": pool.labels.tolist(), "num_support": pool.num_support}
    name = f"{config.n_way}-way-{k_shot}-shot-{number}-seed-{config.seed}.json"
    path = config.work / "episodes" / name
    if not path.exists():
        support, query = np.split(np.arange(len(pool.labels)), [pool.num_support])
        episodes = draw(pool.labels, drawing, support_pool=support, query_pool=query)
        write_episodes(path, episodes, about)
    return read_episodes(path, about)


PROTOCOL_VERSION = 1
"""Raise it when arms, heads or selection score otherwise, so that kept accuracies are run again."""

Learned = Callable[[Episode, int], tuple[LabelledFeatures, dict[str, float]]]
"""Gives what a head learns from in an episode, with a seed, and the facts of what was added."""


def run_arm(name: str, pool: Pool, episodes: list[Episode], head: str, seed: int) -> dict[str, Any]:
    """Run one arm of the table on all episodes; see `run_episodes`."""
    learned = partial(support_features, name, pool)
    return run_episodes(name, learned, pool, episodes, head, seed)


def run_episodes(
    name: str, learned: Learned, pool: Pool, episodes: list[Episode], head: str, seed: int
) -> dict[str, Any]:
    """Learn and score in all episodes.

    Returns:
        `accuracies` in [0, 1], None where the head did not converge, which `failed` lists;
        `facts` of the added images, by name, of each episode; and `seconds`.
    """
    start = time.perf_counter()
    accuracies: list[float | None] = []
    facts: dict[str, list[float]] = {}
    failed: list[dict[str, Any]] = []
    for number, episode in enumerate(tqdm(episodes, desc=name, unit="episode", disable=None)):
        support, known = learned(episode, derived_seed(seed, number))
        for key, value in known.items():
            facts.setdefault(key, []).append(value)
        queries = pool.embeddings[episode.query_rows]
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                accuracies.append(accuracy(head, support, queries, episode.query_labels))
            except ConvergenceWarning as warning:
                accuracies.append(None)
                failed.append({"episode": number, "reason": str(warning).splitlines()[0]})
    seconds = round(time.perf_counter() - start, 2)
    return {"accuracies": accuracies, "facts": facts, "failed": failed, "seconds": seconds}


def _arm_once(
    config: FewShotConfig, pool: Pool, episodes: list[Episode], k_shot: int, name: str
) -> dict[str, Any]:
    """Read what an arm scored, or run it; what another pool or protocol scored is run again."""
    drawn = [asdict(episode) for episode in episodes]
    about = [pool.digest, config.head, config.seed, drawn, PROTOCOL_VERSION]
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    path = config.work / "accuracies" / config.head / f"{k_shot}-shot" / f"{name}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept.pop("key") == key:
            return kept
    scored = run_arm(name, pool, episodes, config.head, config.seed)
    write_json(path, {"key": key, **scored})
    print(f"{k_shot}-shot {name}: {len(episodes)} episodes in {scored['seconds']} s", flush=True)
    return scored


def main(config: FewShotConfig) -> dict[str, Any]:
    """Make the pool, run every arm, print and write."""
    pool = make_pool(config.pool())
    seconds = {"pool": round(sum(pool.seconds.values()), 1)}
    entries: list[dict[str, Any]] = []
    for k_shot in config.k_shot:
        episodes = drawn_once(config, pool, k_shot)
        taught = pool
        if any(name in INVERTED for name in config.wanted):
            taught = teach(pool, episodes[: config.inversion_episodes], config.taught)
        scored = {}
        for name in config.wanted:
            if name in INVERTED:
                own = episodes[: config.inversion_episodes]
                scored[name] = _arm_once(config, taught, own, k_shot, name)
            else:
                scored[name] = _arm_once(config, pool, episodes, k_shot, name)
        numbers = {k: np.array(v["accuracies"], dtype=np.float64) for k, v in scored.items()}
        entries += [
            summed_up(
                name,
                k_shot,
                numbers[name],
                numbers[BASELINE][: len(numbers[name])],
                v["facts"],
                v["failed"],
            )
            for name, v in scored.items()
        ]
        for entry in entries:
            if entry["arm"] in INVERTED:
                entry["iterations"] = config.taught.inversion.iterations
        seconds[f"{k_shot}-shot"] = round(sum(v["seconds"] for v in scored.values()), 1)
        print(f"\n{table(entries, k_shot)}\n")
    print("seconds: " + ", ".join(f"{part} {value:g}" for part, value in seconds.items()))
    made = {key: value for key, value in asdict(pool.config).items() if key not in ("work", "data")}
    made |= {"network_rows": dict(pool.network_rows), "seconds": dict(pool.seconds)}
    report: dict[str, Any] = {
        "arms": entries,
        "baseline": BASELINE,
        "dataset": config.data.name,
        "classes": list(pool.class_names),
        "head": config.head,
        "n_way": config.n_way,
        "n_query": config.n_query,
        "pool": made,
        "seconds": seconds,
    }
    if config.json:
        write_json(config.json, {**report, **environment()})
    if config.plot:
        plot(entries, config.plot)
    return report


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main(tyro.cli(FewShotConfig, prog="python -m benchmarks.few_shot"))
