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
    network_rows_of,
    read_sweep,
)
from benchmarks.few_shot import Added, Arm, adaptive
from index.build import build
from index.config import PAPER_NOISE_RATIOS, BuildConfig


def previewed(pool: Pool, ada_steps: int) -> Pool:
    """Return the same pool with embeddings of previews: sweeps with few solver steps.

    Noise is that of the pool's own sweep, as in a build. There are previews of the paper's noise
    ratios only; the embeddings of others are NaN.

    Args:
        pool: Real and swept images.
        ada_steps: Solver steps of a preview from r = 1.

    Raises:
        ValueError: A pair gave no image, or a noise ratio runs none of the steps.
    """
    work = pool.config.work
    bank = build(
        BuildConfig(
            out=work / f"preview-{ada_steps}",
            noise_ratios=PAPER_NOISE_RATIOS,
            keep_sweep=True,
            **{**common_build(pool.config), "num_inference_steps": ada_steps},
        )
    )
    support_ids = few_shot_set(pool.config).support_ids
    images = read_sweep(bank, support_ids, len(pool.class_names))
    key = hashlib.sha256(images.numpy().tobytes()).hexdigest() + pool.digest

    def embedded() -> dict[str, np.ndarray]:
        return {"embeddings": pool.backbone(images.flatten(0, 2)).reshape(*images.shape[:3], -1)}

    evaluated = cached(work / f"preview-{ada_steps}-seen.npz", key, embedded)
    embeddings = np.full_like(pool.swept.embeddings, np.nan)
    embeddings[:, :, [pool.place(ratio) for ratio in PAPER_NOISE_RATIOS]] = evaluated["embeddings"]
    return replace(pool, swept=replace(pool.swept, embeddings=embeddings))


def from_preview(pool: Pool, ada_steps: int) -> Arm:
    """Return an arm that chooses r* from previews and adds the images of the whole denoising.

    Its `network_rows` are those of the preview and of the one image made in full.
    """
    choose = adaptive("paper", PAPER_NOISE_RATIOS, previewed(pool, ada_steps))
    preview = sum(network_rows_of(ratio, ada_steps) for ratio in PAPER_NOISE_RATIOS)

    def arm(pool: Pool, episode: Episode, seed: int) -> Added:
        added = choose(pool, episode, seed)
        # On a grid of even steps, the rows of an image are in proportion to r.
        full = added.facts["noise_ratio"] * network_rows_of(1.0, pool.config.num_inference_steps)
        return replace(added, facts={**added.facts, "network_rows": preview + full})

    return arm
