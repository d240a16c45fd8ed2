"""What does a hard negative cost, and what do cheaper recipes lose? `python -m benchmarks.price`.

Every support image is turned into every other class by each recipe, by the builder of banks. Its
cost is the number of rows that go through the denoiser, guidance counted: for each pair, and for
each pair in which an oracle, trained on real images only, sees the target. Episodes are those of
`benchmarks.few_shot`. All differences are paired to the paper's recipe: of pairs over their source
images, whose pairs are alike, of episodes over these; intervals are 95 % bootstrap intervals.
Episodes share the images of one small pool, so their intervals say nothing of other images.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.episodes import Episode, LabelledFeatures, Pool, PoolConfig, few_shot_set
from benchmarks.few_shot import read_or_draw, run_episodes, with_support
from benchmarks.measure import environment, mean_and_interval, paired_difference, without_nan
from genie_transforms.format import write_json

from .banks import Made, make, pool_of
from .config import PAPER, RECIPES, PriceConfig
from .plot import plot

Floats = npt.NDArray[np.float64]


def figure(values: Floats, paper: Floats) -> dict[str, Any]:
    """Return mean, interval, and the paired difference to the paper's recipe, with its interval.

    Args:
        values: One value for each source image or episode.
        paper: The same of the paper's recipe.
    """
    mean, interval = mean_and_interval(values)
    difference, (low, high) = paired_difference(values, paper)
    return {
        "mean": round(mean, 4),
        "interval": round(interval, 4),
        "difference": round(difference, 4),
        "difference_interval": [round(low, 4), round(high, 4)],
    }


def few_shot(config: PriceConfig, pool: Pool, made: Made, k_shot: int) -> Floats:
    """Return the accuracy in each episode of one number of shots, ``(E,)``."""

    def learn_from(episode: Episode, seed: int) -> tuple[LabelledFeatures, dict[str, float]]:
        return with_support(pool, episode, made.added(pool, episode, seed)), {}

    few = config.few_shot()
    episodes = read_or_draw(few, pool, k_shot)
    scored = run_episodes(f"{k_shot} shot", learn_from, pool, episodes, few.head, few.seed)
    return np.array(scored["accuracies"], dtype=np.float64)


def pool_config(config: PriceConfig) -> PoolConfig:
    """Return which images are turned into which."""
    few = config.few_shot().pool()
    return PoolConfig(
        work=config.work,
        per_class=config.per_class,
        queries_per_class=few.queries_per_class,
        num_inference_steps=few.num_inference_steps,
        data=config.data,
    )


def measured(config: PriceConfig, pool: PoolConfig, name: str) -> dict[str, Any]:
    """Make the pairs of a recipe and judge them: `made`, and figures for each source or episode."""
    made = make(name, pool)
    real = pool_of(pool, made)
    scores = {f"few_shot_{k}": few_shot(config, real, made, k) for k in config.k_shot}
    return {
        "made": made,
        "oracle_accuracy": made.hits.mean(1),
        "background_psnr_db": made.psnr.mean(1),
        **scores,
    }


def row(name: str, dataset: str, of: dict[str, Any], paper: dict[str, Any]) -> dict[str, Any]:
    """Summarize a recipe, ready for JSON."""
    made: Made = of["made"]
    pairs, hits = made.hits.size, made.hits.sum()
    compared = {key: figure(of[key], paper[key]) for key in of if key != "made"}
    # A figure without masks, or of one episode, has no interval, and says nothing.
    worse = [k for k, v in compared.items() if v["difference_interval"][1] < 0]
    return {
        "recipe": name,
        "dataset": dataset,
        "settings": dict(RECIPES[name]),
        "pairs": pairs,
        "rows_per_pair": round(made.network_rows / pairs, 2),
        "rows_per_true_negative": round(made.network_rows / hits, 2) if hits else None,
        "mean_noise_ratio": round(made.mean_noise_ratio, 4),
        **compared,
        "worse_than_paper": worse,
    }


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    figures = [key for key, value in rows[0].items() if isinstance(value, dict) and "mean" in value]
    head = f"{'recipe':48}{'rows':>7}{'true':>8}"
    print(head + "".join(f"{name.replace('_', ' ')[:18]:>20}" for name in figures))
    for entry in rows:
        true = entry["rows_per_true_negative"]
        cells = [f"{entry[k]['mean']:10.3f}{entry[k]['difference']:+10.3f}" for k in figures]
        line = f"{entry['recipe']:48}{entry['rows_per_pair']:7.1f}"
        print(line + ("       –" if true is None else f"{true:8.1f}") + "".join(cells))


def main(config: PriceConfig) -> list[dict[str, Any]]:
    """Make, measure, print and write."""
    pool = pool_config(config)
    few_shot_set(pool).write_support(pool.work / "support")
    measure = partial(measured, config, pool)
    paper, rows = measure(PAPER), []
    for name in config.wanted:
        of = paper if name == PAPER else measure(name)
        rows.append(row(name, config.data.name, of, paper))
    show(rows)
    if config.json:
        report = {"recipes": rows, "episodes": config.episodes, "per_class": config.per_class}
        write_json(config.json, without_nan({**report, **environment()}))
    if config.plot:
        plot(rows, config.plot)
    return rows
