"""When does choosing r help, and which rule is best: `python -m benchmarks.choosing_r`.

Reads the pool of `benchmarks.few_shot` (or makes it) and lets every rule and setting choose among
the same images, in the same episodes. The pool is split into two halves with no image in common:
what is picked from many, a rule or the best fixed r, is picked on the first half and confirmed on
the second. Stop it whenever you like: the same command continues.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from benchmarks.episodes import (
    POOL_NOISE_RATIOS,
    Drawing,
    Episode,
    Pool,
    draw,
    embedded_by,
    make_pool,
)
from benchmarks.measure import environment
from genie_transforms.format import write_json
from index.diffusion.sampling import derived_seed

from .compare import score_settings
from .config import ChoosingConfig
from .report import plot, summarize_setting, table
from .rules import CANDIDATES, ORACLE, RANDOM, SelectionSetting
from .sweeps import few_rows, other_sweep

HALVES = ("selection", "confirmation")


PROTOCOL_VERSION = 1
"""Raise it when rules, heads or scores change, so that kept findings are computed again."""


_BLOCK = 40  # episodes


def rule_settings(own: str) -> list[SelectionSetting]:
    """Return every rule in Algorithm 1's setting, with the backbone `own`."""
    names = (*(f"r = {ratio:g}" for ratio in POOL_NOISE_RATIOS), RANDOM, ORACLE, *CANDIDATES)
    return [SelectionSetting(name, own) for name in names]


def all_settings(own: str, backbones: Sequence[str]) -> list[SelectionSetting]:
    """Return every rule in Algorithm 1's setting, then some of them in other settings."""
    found = rule_settings(own)
    for rule in ("paper", "crosses", "nearest"):
        found += [SelectionSetting(rule, selector) for selector in backbones]
        found += [SelectionSetting(rule, own, centroid=c) for c in ("one", "many", "generated")]
        found += [
            SelectionSetting(rule, own, centroid=c, start="class") for c in ("many", "generated")
        ]
        found += [
            SelectionSetting(rule, own, c, without_background=True) for c in ("support", "many")
        ]
        found += [
            SelectionSetting(rule, own, grid=POOL_NOISE_RATIOS),
            SelectionSetting(rule, own, "generated", grid=POOL_NOISE_RATIOS),
        ]
    return found


def half_of(pool: Pool, half: int, config: ChoosingConfig, k_shot: int) -> list[Episode]:
    """Draw episodes from one half of the pool's support and query images of each class."""
    parts = []
    for rows in np.split(np.arange(len(pool.labels)), [pool.num_support]):
        of_class = [rows[pool.labels[rows] == label] for label in range(len(pool.class_names))]
        parts.append(np.concatenate([np.array_split(own, 2)[half] for own in of_class]))
    support, query = parts
    number = 10 if config.quick else config.episodes
    n_way = min(5, len(pool.class_names))
    drawing = Drawing(number, n_way, k_shot, 16, derived_seed(config.seed, HALVES[half]))
    return draw(pool.labels, drawing, support_pool=support, query_pool=query)


def _once(
    config: ChoosingConfig,
    name: str,
    compared: Sequence[SelectionSetting],
    selectors: dict[str, Pool],
    pool: Pool,
    episodes: Sequence[Episode],
) -> dict[str, Any]:
    """Read the scores of these episodes, or compute them, block by block."""
    fingerprints = {spec: selectors[spec].backbone.fingerprint() for spec in sorted(selectors)}
    settings = [setting.as_json() for setting in compared]
    about = [pool.digest, fingerprints, settings, PROTOCOL_VERSION]
    found: dict[str, Any] = {"ways": [{} for _ in compared], "first": []}
    for start in range(0, len(episodes), _BLOCK):
        block = episodes[start : start + _BLOCK]
        described = json.dumps([*about, [asdict(episode) for episode in block]])
        key = hashlib.sha256(described.encode()).hexdigest()
        path = config.work / "choosing-r" / f"{name}-{start}.json"
        kept = json.loads(path.read_text()) if path.exists() else {}
        if kept.get("key") != key:
            kept = {"key": key, **score_settings(compared, selectors, pool, block)}
            write_json(path, kept)
        found["first"] += kept["first"]
        for everything, part in zip(found["ways"], kept["ways"], strict=True):
            for fact, values in part.items():
                everything.setdefault(fact, []).extend(values)
    return found


def _entries(
    found: dict[str, Any],
    compared: Sequence[SelectionSetting],
    pool: Pool,
    fixed: str | None,
    **about: Any,
) -> list[dict[str, Any]]:
    """Summarize all settings against Algorithm 1, a fixed r if given, and the best one here."""
    own = pool.backbone.name
    scored = {s.name_beside(own): f for s, f in zip(compared, found["ways"], strict=True)}
    means = {s.rule: np.mean(scored[s.rule]["accuracy"]) for s in compared if s.noise_ratio}
    best_here = max(means, key=means.__getitem__)
    # Picked on the same episodes, a fixed r would be flattered: the second half gets the first's.
    against = {"paper": "paper", "fixed": fixed or best_here, "hindsight": best_here}
    baselines = {key: 100 * np.array(scored[name]["accuracy"]) for key, name in against.items()}
    return [
        {
            "way": name,
            **setting.as_json(),
            **about,
            "best_fixed": against["fixed"],
            "best_fixed_here": best_here,
            "episodes": len(scored[name]["accuracy"]),
            **summarize_setting(scored[name], found["first"], pool.config.noise_ratios, baselines),
        }
        for setting, name in zip(compared, scored, strict=True)
    ]


def on_halves(config: ChoosingConfig, pool: Pool) -> list[dict[str, Any]]:
    """Score the rules on the first half, and all settings on the second."""
    own, entries = pool.backbone.name, []
    selectors = {spec: embedded_by(pool, spec, config.work) for spec in (own, *config.backbones)}
    for k_shot in config.k_shot:
        fixed = None
        for half, name in enumerate(HALVES):
            compared = all_settings(own, config.backbones) if half else rule_settings(own)
            episodes = half_of(pool, half, config, k_shot)
            found = _once(config, f"{k_shot}-shot-{name}", compared, selectors, pool, episodes)
            here = _entries(found, compared, pool, fixed, sweep="own", half=name, k_shot=k_shot)
            fixed = here[0]["best_fixed"]
            entries += here
            print(f"\n{k_shot}-shot, {name}, best fixed: {fixed}\n{table(here)}", flush=True)
    return entries


def on_other_sweeps(config: ChoosingConfig, pool: Pool) -> list[dict[str, Any]]:
    """Score the rules on the same pairs, swept as in the pool and with other settings."""
    few = few_rows(pool, config.sweep_per_class)
    queries = np.arange(pool.num_support, len(pool.labels))
    number, own = 10 if config.quick else config.episodes, pool.backbone.name
    drawing = Drawing(number, min(5, len(pool.class_names)), 1, 16, config.seed)
    episodes = draw(pool.labels, drawing, support_pool=few, query_pool=queries)
    entries, compared = [], rule_settings(own)
    for name in ("own", *config.sweeps):
        swept = pool if name == "own" else other_sweep(pool, name, config.sweep_per_class)
        found = _once(config, f"sweep-{name}", compared, {own: swept}, swept, episodes)
        here = _entries(found, compared, swept, None, sweep=name, half="few", k_shot=1)
        entries += here
        print(f"\nsweep {name}, best fixed: {here[0]['best_fixed']}\n{table(here)}", flush=True)
    return entries


def main(config: ChoosingConfig) -> dict[str, Any]:
    """Make or read the pool, run, print and write."""
    pool = make_pool(config.few_shot().pool())
    entries = on_halves(config, pool)
    if config.sweeps:
        entries += on_other_sweeps(config, pool)
    made = pool.config
    report: dict[str, Any] = {
        "ways": entries,
        "images_of_a_class": {"own": made.per_class, "other sweeps": config.sweep_per_class},
        "num_inference_steps": made.num_inference_steps,
        "noise_ratios": list(made.noise_ratios),
        "digest": pool.digest,
    }
    if config.json:
        write_json(config.json, {**report, **environment()})
    if config.plot:
        shown = [e for e in entries if e["half"] in HALVES and e["way"] == e["rule"]]
        plot(shown, config.plot)
    return report
