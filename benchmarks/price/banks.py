"""The pairs of one recipe, as a bank; what they cost, and what they show."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.episodes import (
    Episode,
    EvaluatedImages,
    Pool,
    PoolConfig,
    cached,
    common_build,
    cross_class_pairs,
    decoded_rows,
    evaluate_images,
    few_shot_set,
    read_pairs,
)
from benchmarks.few_shot import Added
from genie_transforms.format import Manifest
from index.build import build
from index.config import BuildConfig
from index.embed import load_backbone

from .config import RECIPES


@dataclass(frozen=True)
class Made:
    """Every support image towards every other class, by one recipe.

    Attributes:
        seen: Axes ``(S, C, 1)``; what lies on a source's own class means nothing.
        others: Where the target is another class than the source's, ``(S, C)`` bool.
        network_rows: Rows through the denoiser, guidance counted.
        mean_noise_ratio: Mean r of the negatives.
    """

    seen: EvaluatedImages
    others: npt.NDArray[np.bool_]
    network_rows: int
    mean_noise_ratio: float

    @property
    def hits(self) -> npt.NDArray[np.float64]:
        """Whether the oracle sees the target, ``(S, C - 1)``."""
        return self._of_others(self.seen.hits)

    @property
    def psnr(self) -> npt.NDArray[np.float64]:
        """PSNR of the background against the source's, dB, ``(S, C - 1)``; NaN without masks."""
        return self._of_others(self.seen.psnr)

    def _of_others(self, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        flat: npt.NDArray[np.float64] = values[..., 0][self.others].astype(np.float64)
        return flat.reshape(len(values), -1)

    def added(self, _: Pool, episode: Episode, __: int) -> Added:
        """Return what an episode gets: its support images, turned into its other classes."""
        pairs = cross_class_pairs(episode)
        episode.check_sources(pairs.sources)
        features = self.seen.embeddings[pairs.sources, pairs.classes, 0]
        return Added(features, np.eye(episode.n_way)[pairs.targets])


def make(name: str, config: PoolConfig) -> Made:
    """Make the pairs of a recipe; what is there already is read.

    Raises:
        ValueError: A pair gave no image.
    """
    data, backbone = few_shot_set(config), load_backbone(config.data.backbone)
    out = config.work / re.sub(r"\W+", "-", name)
    settings = {**common_build(config), "preview": 0, **RECIPES[name]}
    bank = build(BuildConfig(out=out, **settings))
    images = read_pairs(bank, data.support_ids, len(data.class_names), 1)
    key = hashlib.sha256(images.numpy().tobytes()).hexdigest() + str(backbone.fingerprint())
    path = config.work / f"{out.name}-seen.npz"
    arrays = cached(path, key, partial(evaluate_images, images, data, backbone))
    own = data.labels[: data.num_support]
    ratios = [row["noise_ratio"] for row in decoded_rows(bank, ["noise_ratio"])]
    return Made(
        seen=EvaluatedImages(images, **arrays),
        others=own[:, None] != np.arange(len(data.class_names)),
        network_rows=Manifest.read(bank).counts["network_rows"],
        mean_noise_ratio=float(np.mean(ratios)),
    )


def pool_of(config: PoolConfig, made: Made) -> Pool:
    """Return the real images, with what one recipe made of them."""
    data, backbone = few_shot_set(config), load_backbone(config.data.backbone)
    return Pool(
        config=config,
        class_names=data.class_names,
        labels=data.labels,
        images=data.images,
        embeddings=backbone(data.images),
        swept=made.seen,
        same_class={},
        backbone=backbone,
        network_rows={},
        seconds={},
        digest="",
    )
