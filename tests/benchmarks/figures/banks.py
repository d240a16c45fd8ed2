"""Swept banks that are made by hand, of arrays alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.figures.config import FiguresConfig
from benchmarks.figures.material import Material, SweptBank
from index.sources.source import Source

RATIOS = (0.5, 0.6, 0.7)


def material(**settings: Any) -> Material:
    """Three classes of four images near the axes; each image is led to every other class.

    At r = .5 a pair is still its source, at .6 halfway, and at .7 it is the target's centroid.
    """
    labels = np.arange(3).repeat(4)
    points = np.eye(3)[labels] + 0.02 * np.random.default_rng(0).normal(size=(12, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    centroids = np.stack([points[labels == label].mean(0) for label in range(3)])
    pairs = [(row, target) for row in range(12) for target in range(3) if target != labels[row]]
    sources, targets = np.array(pairs).T
    middle = (points[sources] + centroids[targets]) / 2
    bank = SweptBank(
        class_names=["a", "b", "c"],
        noise_ratios=RATIOS,
        sources=sources,
        targets=targets,
        seeds=np.arange(len(pairs)),
        projections=np.tile([0.0, 0.4, 1.0], (len(pairs), 1)),
        embeddings=np.stack([points[sources], middle, centroids[targets]], 1),
        source_labels=labels,
        source_embeddings=points,
        centroids=centroids,
        images=Source([], ["a", "b", "c"], labels, [], "hand"),
        source_ids=[str(source) for source in sources],
        sweeps=pa.chunked_array([], pa.binary()),
    )
    config = {"episodes": 3, "n_way": 2, "k_shot": 2, **settings}
    return Material(FiguresConfig(bank=Path("there"), **config), bank)
