"""The paper's few-shot evaluation, every arm on the same episodes: `python -m benchmarks.few_shot`.

N-way K-shot on the demo's novel classes, or another dataset's, which the backbone has never seen:
features are frozen, and a linear head learns from each episode's support and what an arm adds to
it. Everything generated comes from one pool that is made once (see `pool.py`), so the intervals are
over episodes of this pool. Stop it whenever you like: the same command continues.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.episodes import INVERTED, Episode, Pool, add_inverted_images, make_pool
from benchmarks.measure import environment
from genie_transforms.format import write_json

from .arms import BASELINE
from .config import FewShotConfig
from .report import plot, summarize_arm, table
from .scoring import drawn_once, run_arm

PROTOCOL_VERSION = 1
"""Raise it when arms, heads or selection score otherwise, so that kept accuracies are run again."""


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
            taught = add_inverted_images(
                pool, episodes[: config.inversion_episodes], config.inversion_run
            )
        scored = {}
        for name in config.wanted:
            if name in INVERTED:
                own = episodes[: config.inversion_episodes]
                scored[name] = _arm_once(config, taught, own, k_shot, name)
            else:
                scored[name] = _arm_once(config, pool, episodes, k_shot, name)
        numbers = {k: np.array(v["accuracies"], dtype=np.float64) for k, v in scored.items()}
        entries += [
            summarize_arm(
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
                entry["iterations"] = config.inversion_run.inversion.iterations
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
