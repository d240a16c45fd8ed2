"""Choose r by every setting in the same episodes, and score what each chose."""

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


def score_settings(
    compared: Sequence[SelectionSetting],
    selectors: Mapping[str, Pool],
    pool: Pool,
    episodes: Sequence[Episode],
) -> dict[str, Any]:
    """Let every setting choose in every episode, and score its choices.

    Args:
        compared: The settings.
        selectors: The pool as each backbone embeds it, by name.
        pool: As the head sees it.
        episodes: Their support and query rows.

    Returns:
        `ways`, for each setting what `EpisodeScores.score` returns, as lists over episodes; and
        `first`, episode by episode the places that the oracle accepts first.
    """
    real = _trained(pool.embeddings, pool.labels)
    found: dict[str, Any] = {"ways": [{} for _ in compared], "first": []}
    for episode in tqdm(episodes, unit="episode", disable=None):
        scores = EpisodeScores(pool, episode, real)
        found["first"].append(scores.first_accepted())
        seed = derived_seed(0, *episode.support_rows.tolist())
        for setting, kept in zip(compared, found["ways"], strict=True):
            places = setting.choose(selectors[setting.selector], episode, seed)
            for name, value in scores.score(places).items():
                kept.setdefault(name, []).append(value)
    return found


class EpisodeScores:
    """Scores choices of r for the G pairs of one episode (see `cross_class_pairs`)."""

    def __init__(self, pool: Pool, episode: Episode, real: LogisticRegression) -> None:
        """Train the classifier of the support, and judge all swept images.

        Args:
            pool: As the head sees it.
            episode: Its support and query rows.
            real: A classifier of many real images.
        """
        self._pool, self._episode = pool, episode
        self._pairs = cross_class_pairs(episode)
        swept = pool.swept.embeddings[self._pairs.sources, self._pairs.classes]
        known = _trained(pool.embeddings[episode.support_rows], episode.support_labels)
        origins = pool.labels[self._pairs.sources]
        in_episode = np.array([episode.classes.index(label) for label in origins.tolist()])
        self._hardness = {
            "hardness_support": _probability(known, swept, in_episode),
            "hardness_real": _probability(real, swept, origins),
        }
        self._accuracies: dict[bytes, float] = {}

    def first_accepted(self) -> list[int]:
        """Return the place that the oracle accepts first, of each pair; M, if it accepts none."""
        hits = self._pool.swept.hits[self._pairs.sources, self._pairs.classes]
        first: list[int] = np.where(hits.any(1), hits.argmax(1), hits.shape[1]).tolist()
        return first

    def score(self, places: Integers) -> dict[str, Any]:
        """Score the images at some places of the sweep, ``(G,)`` int64.

        Returns:
            `accuracy` of the head in [0, 1]; means over the images: `oracle_accuracy`,
            `background_psnr_db` (None without masks), `hardness_support` and `hardness_real`, the
            probability of the source's class after the support or after many real images; and
            `places`.
        """
        chosen = self._pairs.sources, self._pairs.classes, places
        psnr = self._pool.swept.psnr[chosen].mean()
        return {
            **{
                name: float(probability[np.arange(len(places)), places].mean())
                for name, probability in self._hardness.items()
            },
            "accuracy": self._accuracy(places),
            "oracle_accuracy": float(self._pool.swept.hits[chosen].mean()),
            "background_psnr_db": float(psnr) if np.isfinite(psnr) else None,
            "places": places.tolist(),
        }

    def _accuracy(self, places: Integers) -> float:
        """Train the head with the chosen images added; rules that agree share one training."""
        key = places.tobytes()
        if key not in self._accuracies:
            pool, episode = self._pool, self._episode
            negatives = pool.swept.embeddings[self._pairs.sources, self._pairs.classes, places]
            added = Added(negatives, np.eye(episode.n_way)[self._pairs.targets])
            learned = with_support(pool, episode, added)
            # The solution lies in the span of the training features, so projecting on it changes
            # no prediction, and leaves far fewer dimensions.
            span = np.linalg.qr(learned.features.T.astype(np.float64))[0]
            learned = replace(learned, features=learned.features @ span)
            queries = pool.embeddings[episode.query_rows] @ span
            self._accuracies[key] = accuracy("logistic", learned, queries, episode.query_labels)
        return self._accuracies[key]


def _trained(features: Embeddings, labels: Integers) -> LogisticRegression:
    return LogisticRegression(C=1.0, max_iter=1000).fit(features.astype(np.float64), labels)


def _probability(
    head: LogisticRegression, swept: Embeddings, classes: Integers
) -> npt.NDArray[np.float64]:
    """Return the probability of a class for each image of a sweep, ``(G, M)``."""
    flat = head.predict_proba(swept.reshape(-1, swept.shape[-1]).astype(np.float64))
    of_class: npt.NDArray[np.float64] = flat.reshape(*swept.shape[:2], -1)[
        np.arange(len(swept)), :, classes
    ]
    return of_class
