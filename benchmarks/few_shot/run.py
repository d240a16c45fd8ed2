"""The paper's few-shot evaluation, every arm on the same episodes: `python -m benchmarks.few_shot`.

N-way K-shot on the demo's novel classes, or another dataset's, which the backbone has never seen:
features are frozen, and a linear head learns from each episode's support and what an arm adds to
it. Everything generated comes from one pool that is made once, so `interval` is over episodes of
this pool; `interval_images` is what it would be over pools, with their images drawn again (see
`over_images`). `benchmarks.few_shot.splits` pools runs of several splits of the classes and
generators. Stop it whenever you like: the same command continues.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.episodes import (
    INVERTED,
    Episode,
    Pool,
    add_inverted_images,
    few_shot_set,
    make_pool,
    with_repeats,
)
from benchmarks.measure import Floats, environment
from genie_transforms import UserError
from genie_transforms.format import write_json

from .config import BASELINE, TWICE, FewShotConfig
from .over_images import interval_over_images
from .record import as_counts, record_of
from .report import plot, rounded, summarize_arm, table
from .scoring import read_or_draw, run_arm

SCORING_VERSION = 1
"""Raise it when arms, heads or selection score otherwise, so that kept accuracies are run again."""


def _read_or_run(
    config: FewShotConfig, pool: Pool, episodes: list[Episode], k_shot: int, name: str
) -> dict[str, Any]:
    """Read what an arm scored, or run it; what another pool or protocol scored is run again."""
    drawn = [asdict(episode) for episode in episodes]
    about = [pool.digest, config.head, config.seed, drawn, SCORING_VERSION]
    key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
    protocol = "-authors" if config.protocol == "authors" else ""
    folder = config.work / "accuracies" / f"{config.head}{protocol}"
    path = folder / f"{k_shot}-shot" / f"{name}.json"
    if path.exists():
        kept: dict[str, Any] = json.loads(path.read_text())
        if kept.pop("key") == key:
            return kept
    scored = run_arm(name, pool, episodes, config.head, config.seed, config.protocol)
    write_json(path, {"key": key, **scored})
    print(f"{k_shot}-shot {name}: {len(episodes)} episodes in {scored['seconds']} s", flush=True)
    return scored


def _score_arms(config: FewShotConfig, pool: Pool, k_shot: int) -> dict[str, dict[str, Any]]:
    """Score every arm on the episodes of one number of shots, by name."""
    episodes = read_or_draw(config, pool, k_shot)
    first, scored = episodes[: config.inversion_episodes], {}
    if set(config.wanted) & set(INVERTED):
        with_inversions = add_inverted_images(pool, first, config.inversion_run)
    for name in config.wanted:
        if name in INVERTED:
            scored[name] = _read_or_run(config, with_inversions, first, k_shot, name)
        else:
            other = with_repeats(pool) if name == TWICE else pool
            scored[name] = _read_or_run(config, other, episodes, k_shot, name)
    return scored


def _entries(
    config: FewShotConfig, pool: Pool, scored: dict[str, dict[str, Any]], k_shot: int
) -> list[dict[str, Any]]:
    """Summarize every arm against the baseline on the same episodes."""
    episodes = read_or_draw(config, pool, k_shot)
    accuracies = {k: np.array(v["accuracies"], dtype=np.float64) for k, v in scored.items()}
    entries = []
    for name, run in scored.items():
        own = accuracies[name]
        baseline = accuracies[BASELINE][: len(own)]  # arms with inversion run on the first ones
        entry = summarize_arm(name, k_shot, own, baseline, run["facts"], run["failed"])
        entry |= _over_images(own, baseline, episodes[: len(own)], pool)
        entry["right"] = as_counts(own, len(episodes[0].query_labels))
        if name in INVERTED:
            entry["iterations"] = config.inversion_run.inversion.iterations
        entries.append(entry)
    return entries


def _over_images(
    own: Floats, baseline: Floats, episodes: list[Episode], pool: Pool
) -> dict[str, Any]:
    """Return the intervals that the pool's images leave, in percent; None where not known."""
    return {
        name: rounded(100 * interval_over_images(values, episodes, pool.labels, pool.num_support))
        for name, values in (
            ("interval_images", own),
            ("difference_interval_images", own - baseline),
        )
    }


def _check_classes(config: FewShotConfig) -> None:
    """Print the novel classes of a drawn split; refuse more ways than there are classes.

    Raises:
        UserError: There are fewer classes than an episode has.
    """
    names = few_shot_set(config.pool()).class_names
    if config.data.class_split is not None:
        print(f"split {config.data.class_split} of the classes: novel {', '.join(names)}")
    if config.n_way > len(names):
        raise UserError(f"n_way must be at most {len(names)}, the novel classes: {config.n_way}")


def main(config: FewShotConfig) -> dict[str, Any]:
    """Make the pool, run every arm, print and write."""
    _check_classes(config)
    pool = make_pool(config.pool())
    seconds = {"pool": round(sum(pool.seconds.values()), 1)}
    entries: list[dict[str, Any]] = []
    for k_shot in config.k_shot:
        scored = _score_arms(config, pool, k_shot)
        entries += _entries(config, pool, scored, k_shot)
        seconds[f"{k_shot}-shot"] = round(sum(run["seconds"] for run in scored.values()), 1)
        print(f"\n{table(entries, k_shot)}\n")
    print("seconds: " + ", ".join(f"{part} {value:g}" for part, value in seconds.items()))
    about = asdict(pool.config)
    del about["work"], about["data"]  # folders of a machine say nothing about the result
    about |= {"network_rows": dict(pool.network_rows), "seconds": dict(pool.seconds)}
    report: dict[str, Any] = {
        "arms": entries,
        "baseline": BASELINE,
        "dataset": config.data.name,
        "classes": list(pool.class_names),
        "protocol": config.protocol,
        "head": config.head,
        "n_way": config.n_way,
        "n_query": config.n_query,
        "pool": about,
        "seconds": seconds,
        "run": record_of(config, pool),
    }
    if config.json:
        write_json(config.json, {**report, **environment()})
    if config.plot:
        plot(entries, config.plot)
    return report
