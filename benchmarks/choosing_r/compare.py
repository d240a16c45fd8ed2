"""Let ways to choose r compete in the same episodes, and look at what each chose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from tqdm import tqdm

from benchmarks.episodes import Episode, Integers, Pool, accuracy, cross_class_pairs
from benchmarks.few_shot import Added, with_support
from index.diffusion.sampling import derived_seed

from .rules import SelectionSetting

Embeddings = npt.NDArray[np.float32]


def run(
    compared: Sequence[SelectionSetting],
    eyes: Mapping[str, Pool],
    pool: Pool,
    episodes: Sequence[Episode],
) -> dict[str, Any]:
    """Let every way choose in every episode.

    Args:
        compared: The ways.
        eyes: The pool as each backbone sees it, by name.
        pool: As the head sees it.
        episodes: Their support and query rows.

    Returns:
        By name, of each way, episode by episode: `accuracy` in [0, 1]; means over the pictures
        `oracle_accuracy`, `background_psnr_db` (None without masks), `hardness_support` and
        `hardness_real`, the probability of the source's class after the support or after many
        real images; `places`, those chosen; and `first`, those that the oracle accepts first, or
        the number of places.
    """
    real = _trained(pool.embeddings, pool.labels)
    found: dict[str, Any] = {"ways": [{} for _ in compared], "first": []}
    for episode in tqdm(episodes, unit="episode", disable=None):
        pairs, rows = cross_class_pairs(episode), episode.support_rows
        swept = pool.swept.embeddings[pairs.sources, pairs.classes]
        known = _trained(pool.embeddings[rows], episode.support_labels)
        origins = pool.labels[pairs.sources]
        in_episode = np.array([episode.classes.index(c) for c in origins.tolist()])
        hardness = {
            "hardness_support": _probability(known, swept, in_episode),
            "hardness_real": _probability(real, swept, origins),
        }
        hits = pool.swept.hits[pairs.sources, pairs.classes]
        never = hits.shape[1]
        found["first"].append(np.where(hits.any(1), hits.argmax(1), never).tolist())
        seen: dict[bytes, float] = {}
        seed = derived_seed(0, *rows.tolist())
        for way, kept in zip(compared, found["ways"], strict=True):
            places = way.choose(eyes[way.eyes], episode, seed)
            where = pairs.sources, pairs.classes, places
            key = places.tobytes()
            if key not in seen:
                added = Added(pool.swept.embeddings[where], np.eye(episode.n_way)[pairs.targets])
                learned = with_support(pool, episode, added)
                # The solution lies in the span of what it learns from: fewer dimensions, the same.
                span = np.linalg.qr(learned.features.T.astype(np.float64))[0]
                learned = replace(learned, features=learned.features @ span)
                queries = pool.embeddings[episode.query_rows] @ span
                seen[key] = accuracy("logistic", learned, queries, episode.query_labels)
            psnr = pool.swept.psnr[where].mean()
            facts: dict[str, Any] = {
                name: float(p[np.arange(len(p)), places].mean()) for name, p in hardness.items()
            }
            facts |= {
                "accuracy": seen[key],
                "oracle_accuracy": float(pool.swept.hits[where].mean()),
                "background_psnr_db": float(psnr) if np.isfinite(psnr) else None,
                "places": places.tolist(),
            }
            for name, value in facts.items():
                kept.setdefault(name, []).append(value)
    return found


def _trained(features: Embeddings, labels: Integers) -> LogisticRegression:
    return LogisticRegression(C=1.0, max_iter=1000).fit(features.astype(np.float64), labels)


def _probability(
    head: LogisticRegression, swept: Embeddings, classes: Integers
) -> npt.NDArray[np.float64]:
    """Give the probability of a class for each picture of a sweep, ``(G, M)``."""
    flat = head.predict_proba(swept.reshape(-1, swept.shape[-1]).astype(np.float64))
    of_class: npt.NDArray[np.float64] = flat.reshape(*swept.shape[:2], -1)[
        np.arange(len(swept)), :, classes
    ]
    return of_class
