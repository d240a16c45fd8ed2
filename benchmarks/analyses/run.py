"""The paper's analyses, from the pool of the few-shot table: `python -m benchmarks.analyses`.

Accuracy and the oracle's against r (table 5); which backbone chooses r* (table A2); GeNIe-Ada
against as many Txt2Img images as its compute buys (table A7); what a negative costs (table A4);
how many negatives help; and r* from previews. Episodes are those of `benchmarks.few_shot`, so all
comparisons are paired.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.episodes import (
    FIXED,
    POOL_NOISE_RATIOS,
    Episode,
    LabelledFeatures,
    Pool,
    Repeats,
    embedded_by,
    make_pool,
    make_repeats,
    network_rows_of,
)
from benchmarks.few_shot import (
    ARMS,
    BASELINE,
    Arm,
    adaptive,
    fixed,
    read_or_draw,
    repeated,
    run_episodes,
    summarize_arm,
    with_support,
)
from benchmarks.measure import environment
from genie_transforms.format import Manifest, write_json
from index.config import PAPER_NOISE_RATIOS

from .config import AnalysesConfig
from .previews import from_preview
from .report import TABLES, as_table, plot

PAPER_COMPUTE_RATIOS = (0.6, 0.7, 0.8)
"""The noise ratios of the paper's study of compute (sections A.7 and A.11)."""


@dataclass(frozen=True)
class Runs:
    """Runs arms on the episodes of one number of shots.

    Attributes:
        config: The analyses.
        pool: Real and generated images.
        episodes: The episodes.
    """

    config: AnalysesConfig
    pool: Pool
    episodes: list[Episode]

    def __call__(self, arms: Mapping[str, Arm], baseline: str) -> list[dict[str, Any]]:
        """Run arms on the same episodes, and summarize them against one of them."""
        scored = {name: self._score(name, arm) for name, arm in arms.items()}
        numbers = {k: np.array(v["accuracies"], dtype=np.float64) for k, v in scored.items()}
        k_shot = self.episodes[0].k_shot
        return [
            {
                **summarize_arm(
                    name, k_shot, numbers[name], numbers[baseline], v["facts"], v["failed"]
                ),
                "baseline": baseline,
            }
            for name, v in scored.items()
        ]

    def _score(self, name: str, arm: Arm) -> dict[str, Any]:
        def learn_from(episode: Episode, seed: int) -> tuple[LabelledFeatures, dict[str, float]]:
            added = arm(self.pool, episode, seed)
            per_class = len(added.features) / episode.n_way
            return with_support(self.pool, episode, added), {**added.facts, "per_class": per_class}

        head, seed = self.config.head, self.config.seed
        return run_episodes(name, learn_from, self.pool, self.episodes, head, seed)


def against_noise_ratio(runs: Runs) -> list[dict[str, Any]]:
    """Compare GeNIe at every r, and GeNIe-Ada, with Txt2Img (paper, table 5)."""
    arms = {f"r = {ratio:g}": fixed(ratio) for ratio in POOL_NOISE_RATIOS if ratio < 1}
    return runs({**arms, BASELINE: fixed(1.0), "genie-ada": ARMS["genie-ada"]}, BASELINE)


def by_selector(runs: Runs) -> list[dict[str, Any]]:
    """Let other backbones choose r*; features and head stay (paper, table A2)."""
    pool, own = runs.pool, runs.pool.backbone.name
    arms = {"genie": fixed(FIXED), "genie-random": ARMS["genie-random"]}
    for spec in dict.fromkeys((own, *runs.config.selectors)):
        selector = embedded_by(pool, spec, pool.config.work)
        arms[spec.rpartition(":")[2]] = adaptive("paper", PAPER_NOISE_RATIOS, selector)
    return runs(arms, own)


def by_preview(runs: Runs) -> list[dict[str, Any]]:
    """Choose r* from a preview, as `--ada preview` does, against the whole sweep."""
    arms = {"genie-ada": ARMS["genie-ada"], BASELINE: fixed(1.0)}
    for steps in runs.config.previews:
        arms[f"preview {steps}"] = from_preview(runs.pool, steps)
    return runs(arms, "genie-ada")


def at_equal_compute(runs: Runs, txt2img: Repeats) -> list[dict[str, Any]]:
    """Compare GeNIe-Ada with several times as many Txt2Img images (paper, table A7)."""
    grids = (PAPER_COMPUTE_RATIOS, PAPER_NOISE_RATIOS)
    arms = {_grid_name(grid): adaptive("paper", grid) for grid in grids}
    arms["genie"] = fixed(FIXED)
    once = (runs.episodes[0].n_way - 1) * runs.episodes[0].k_shot
    for times in range(1, txt2img.generated.hits.shape[2] + 1):
        arms[f"txt2img x {times}"] = repeated(txt2img, times * once)
    return runs(arms, _grid_name(PAPER_COMPUTE_RATIOS))


def by_number(runs: Runs, repeats: Mapping[str, Repeats]) -> list[dict[str, Any]]:
    """Add 1, 2, 4, … images to each class, up to all there are; Txt2Img is the baseline."""
    first = runs.episodes[0]
    once = (first.n_way - 1) * first.k_shot
    most = once * min(made.generated.hits.shape[2] for made in repeats.values())
    entries: list[dict[str, Any]] = []
    for number in sorted({*(2**power for power in range(most.bit_length())), once, most}):
        arms = {name: repeated(made, number) for name, made in repeats.items()}
        entries += runs(arms, BASELINE)
    return entries


def costs(pool: Pool, repeats: Mapping[str, Repeats]) -> list[dict[str, Any]]:
    """Return what an image costs, in rows of the denoiser, with Txt2Img as 1 (paper, table A4).

    Raises:
        ValueError: The sweep's bank counted other rows than follow from the schedule.
    """
    steps = pool.config.num_inference_steps
    rows = {ratio: network_rows_of(ratio, steps) for ratio in pool.config.noise_ratios}
    pairs = pool.num_support * (len(pool.class_names) - 1)
    counted, expected = pool.network_rows["sweep"], pairs * sum(rows.values())
    reused = Manifest.read(pool.config.work / "sweep").counts["reused"]  # not run, so not counted
    if counted != expected and not reused:
        raise ValueError(f"the sweep sent {counted} rows, its schedule gives {expected}")
    named = {("txt2img" if ratio == 1 else f"r = {ratio:g}"): rows[ratio] for ratio in rows}
    for grid in (PAPER_COMPUTE_RATIOS, PAPER_NOISE_RATIOS):
        named[_grid_name(grid)] = sum(rows[ratio] for ratio in grid)
    banks = {1.0: "txt2img", FIXED: f"r = {FIXED:g}"}
    own = {banks[made.noise_ratio]: made.counted for made in repeats.values()}
    return [
        {
            "arm": name,
            "network_rows": count,
            "to_txt2img": round(count / rows[1.0], 3),
            "counted_in_its_own_bank": own.get(name),
        }
        for name, count in named.items()
    ]


def _grid_name(grid: tuple[float, ...]) -> str:
    return "ada over " + ", ".join(f"{ratio:g}" for ratio in grid)


def analyse(config: AnalysesConfig, pool: Pool) -> dict[str, list[dict[str, Any]]]:
    """Run the analyses; return the entries of each table of `TABLES`."""
    repeats: dict[str, Repeats] = {}
    if config.more:
        repeats[BASELINE] = make_repeats(pool, "txt2img", config.more)
        repeats["genie"] = make_repeats(pool, "genie", config.more)
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    for k_shot in config.k_shot:
        runs = Runs(config, pool, read_or_draw(config.few_shot(), pool, k_shot))
        found["noise_ratio"] += against_noise_ratio(runs)
        found["selector"] += by_selector(runs)
        found["preview"] += by_preview(runs)
        if repeats:
            found["equal_compute"] += at_equal_compute(runs, repeats[BASELINE])
            found["number"] += by_number(runs, repeats)
    found["cost"] = costs(pool, repeats)
    return found


def main(config: AnalysesConfig) -> dict[str, Any]:
    """Make or read the pool, run the analyses, print and write."""
    pool = make_pool(config.few_shot().pool())
    found = analyse(config, pool)
    for name, entries in found.items():
        print(f"\n{as_table(name, entries)}")
    about = {"head": config.head, "digest": pool.digest, "classes": list(pool.class_names)}
    report = {**found, **about}
    if config.json:
        write_json(config.json, {**report, **environment()})
    if config.plot:
        plot(found, config.plot)
    return report
