"""What one mode of GeNIe-Ada made of some pairs: noise ratios, the oracle's verdict, the cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from index.config import BuildConfig
from index.demo import oracle_names
from index.diffusion import with_timesteps
from index.diffusion.sampling import first_index
from index.embed import Embeddings
from index.generate import BuildContext, ShardResult, quality_columns, run_shard, select
from index.plan import Plan


@dataclass(frozen=True)
class Outcome:
    """What one mode made of P pairs.

    Attributes:
        noise_ratios: r*, ``(P,)`` float64; NaN where the pair failed.
        hits: The oracle predicts the target, ``(P,)`` bool.
        accepted: On target and no duplicate, ``(P,)`` bool.
        network_rows: Rows through the denoiser.
        counts: Number of r*, by how they were found.
    """

    noise_ratios: np.ndarray
    hits: np.ndarray
    accepted: np.ndarray
    network_rows: float
    counts: dict[str, int]

    @property
    def cost(self) -> float:
        """Rows for each accepted negative; infinite if there is none."""
        return self.network_rows / self.accepted.sum() if self.accepted.any() else float("inf")


def run(context: BuildContext, plan: Plan, **changes: Any) -> tuple[Outcome, ShardResult]:
    """Generate all pairs with some settings changed; the result holds all their sweeps."""
    build = BuildConfig(**{**vars(context.config), **changes})
    changed = replace(context, config=build)
    result = run_shard(changed, plan, range(len(plan)))
    ratios = [row["noise_ratio"] for row in result.rows]
    embeddings = [block[-1] for block in result.embeddings]
    return judge(changed, plan, result, ratios, embeddings), result


def judge(
    context: BuildContext,
    plan: Plan,
    result: ShardResult,
    ratios: Sequence[float],
    embeddings: Sequence[Embeddings],
) -> Outcome:
    """Judge one image of each pair of a shard.

    Args:
        context: What made the shard.
        plan: Its pairs.
        result: Its rows and sweeps.
        ratios: Which image is judged: its noise ratio, for each row.
        embeddings: Of these images, ``(D,)`` for each row.
    """
    chosen = np.full(len(plan), np.nan)
    hits, accepted = np.zeros(len(plan), dtype=bool), np.zeros(len(plan), dtype=bool)
    swept = [result.sweeps[position][1] for position in result.positions]
    # Each sweep opens with the source's image.
    places = [1 + context.config.sweep_ratios.index(ratio) for ratio in ratios]
    names = oracle_names(
        torch.stack([strip[place] for strip, place in zip(swept, places, strict=True)])
    )
    rows = zip(result.positions, ratios, embeddings, names, strict=True)
    for position, ratio, embedding, name in rows:
        source, target = int(plan.sources[position]), int(plan.targets[position])
        columns = quality_columns(context, source, target, embedding)
        chosen[position] = ratio
        hits[position] = name == context.source.class_names[target]
        accepted[position] = columns["on_target"] and not columns["duplicate"]
    return Outcome(chosen, hits, accepted, result.network_rows, result.ada)


def coarse_to_fine(context: BuildContext, plan: Plan, result: ShardResult) -> Outcome:
    """Sweep every second noise ratio, then the one inside the largest jump.

    Args:
        context: What made the full sweep, over an odd number of noise ratios.
        plan: Its pairs.
        result: The full sweep.
    """
    grid = context.config.noise_ratios
    timesteps = with_timesteps(context.family.scheduler, context.config.steps).timesteps
    calls = [len(timesteps) - first_index(timesteps, ratio) for ratio in grid]
    ratios, embeddings, total = [], [], 0
    for row, block in zip(result.rows, result.embeddings, strict=True):
        d = np.array(row["projections"])
        right = 2 * int(select(d[::2], context.config.rule))
        chosen = right - 2 + int(select(d[right - 2 : right + 1], context.config.rule))
        ratios.append(grid[chosen])
        embeddings.append(block[chosen])
        total += sum(calls[::2]) + calls[right - 1]
    outcome = judge(context, plan, result, ratios, embeddings)
    rows = total * (2 if context.config.guidance > 1 else 1)
    return replace(outcome, network_rows=rows, counts={})
