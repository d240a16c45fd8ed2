"""GeNIe-Ada with r* from a preview: what `--ada preview` chooses, in the few-shot episodes."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from benchmarks.episodes import (
    Episode,
    Pool,
    cached,
    common_build,
    few_shot_set,
    read_sweep,
    rows_of,
)
from benchmarks.few_shot import GRID, Added, Arm, adaptive
from index.build import build
from index.config import BuildConfig


def previewed(pool: Pool, ada_steps: int) -> Pool:
    """Give the same pool as a preview shows it: embeddings of sweeps with few solver steps.

    Noise is that of the pool's own sweep, as in a build. There are previews of the noise ratios
    in `GRID` only; the embeddings of others are not numbers.

    Args:
        pool: Real and swept pictures.
        ada_steps: Solver steps of a preview from r = 1.

    Raises:
        ValueError: A pair gave no picture, or a noise ratio runs none of the steps.
    """
    work = pool.config.work
    bank = build(
        BuildConfig(
            out=work / f"preview-{ada_steps}",
            noise_ratios=GRID,
            keep_sweep=True,
            **{**common_build(pool.config), "num_inference_steps": ada_steps},
        )
    )
    images = read_sweep(bank, few_shot_set(pool.config))
    key = hashlib.sha256(images.numpy().tobytes()).hexdigest() + pool.digest

    def embedded() -> dict[str, np.ndarray]:
        return {"embeddings": pool.backbone(images.flatten(0, 2)).reshape(*images.shape[:3], -1)}

    seen = cached(work / f"preview-{ada_steps}-seen.npz", key, embedded)
    embeddings = np.full_like(pool.swept.embeddings, np.nan)
    embeddings[:, :, [pool.place(ratio) for ratio in GRID]] = seen["embeddings"]
    return replace(pool, swept=replace(pool.swept, embeddings=embeddings))


def from_preview(pool: Pool, ada_steps: int) -> Arm:
    """Make an arm that chooses r* from previews and adds the pictures of the whole denoising.

    Its `network_rows` are those of the preview and of the one picture made in full.
    """
    choose = adaptive("paper", GRID, previewed(pool, ada_steps))
    preview = sum(rows_of(ratio, ada_steps) for ratio in GRID)

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        added = choose(pool, episode, seed)
        # On a grid of even steps, the rows of a picture are in proportion to r.
        full = added.facts["noise_ratio"] * rows_of(1.0, pool.config.num_inference_steps)
        return replace(added, facts={**added.facts, "network_rows": preview + full})

    return arm
