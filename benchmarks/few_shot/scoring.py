"""Draw episodes, learn from what an arm adds to each, and score the head on its queries."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from benchmarks.episodes import (
    Drawing,
    Episode,
    Integers,
    LabelledFeatures,
    Pool,
    accuracy,
    draw,
    read_episodes,
    write_episodes,
)
from index.diffusion.sampling import derived_seed

from .arms import support_features
from .authors import learned_features
from .config import FewShotConfig


def read_or_draw(config: FewShotConfig, pool: Pool, k_shot: int) -> list[Episode]:
    """Read the episodes of one number of shots, or draw and write them."""
    drawing = drawing_of(config, k_shot)
    about = {**asdict(drawing), "labels": pool.labels.tolist(), "num_support": pool.num_support}
    count = drawing.num_episodes
    name = f"{config.n_way}-way-{k_shot}-shot-{count}-seed-{config.seed}.json"
    path = config.work / "episodes" / name
    if not path.exists():
        write_episodes(path, draw_from(pool.labels, pool.num_support, drawing), about)
    return read_episodes(path, about)


def drawing_of(config: FewShotConfig, k_shot: int) -> Drawing:
    """Return how the episodes of one number of shots are drawn, those of each split anew."""
    number, seed, split = config.num_episodes, config.seed, config.data.class_split
    # With one seed for all splits, chance would hit the same places of their pools.
    seed = seed if split is None else derived_seed(seed, "class split", split)
    return Drawing(number, config.n_way, k_shot, config.n_query, seed)


def draw_from(labels: Integers, num_support: int, drawing: Drawing) -> list[Episode]:
    """Draw episodes from a pool whose first images are for support, and the others queries.

    Args:
        labels: Class of each image of the pool, ``(P,)`` int64.
        num_support: S.
        drawing: How many, and of what size.
    """
    support, query = np.split(np.arange(len(labels)), [num_support])
    return draw(labels, drawing, support_pool=support, query_pool=query)


LearnFrom = Callable[[Episode, int], tuple[LabelledFeatures, dict[str, float]]]
"""Returns what a head learns from in an episode, with a seed, and the facts of what was added."""


def run_arm(
    name: str,
    pool: Pool,
    episodes: list[Episode],
    head: str,
    seed: int,
    protocol: str = "paper",
) -> dict[str, Any]:
    """Run one arm of the table on all episodes; see `run_episodes`."""
    features = learned_features if protocol == "authors" else support_features
    learn_from = partial(features, name, pool)
    return run_episodes(name, learn_from, pool, episodes, head, seed)


class Embedded(Protocol):
    """What has the embeddings of real images, ``(P, D)`` float32, as a `Pool` has."""

    @property
    def embeddings(self) -> npt.NDArray[np.float32]:
        """The embeddings."""


def run_episodes(
    name: str, learn_from: LearnFrom, pool: Embedded, episodes: list[Episode], head: str, seed: int
) -> dict[str, Any]:
    """Learn and score in all episodes.

    Args:
        name: Shown by the progress bar.
        learn_from: What the head learns from in an episode.
        pool: Has the queries' embeddings.
        episodes: The episodes.
        head: One of `benchmarks.episodes.heads.HEADS`.
        seed: Each episode has its own seed, derived from this one and its number.

    Returns:
        `accuracies` in [0, 1], None where the head did not converge, which `failed` lists;
        `facts` of the added images, by name, of each episode; and `seconds`.
    """
    start = time.perf_counter()
    accuracies: list[float | None] = []
    facts: dict[str, list[float]] = {}
    failed: list[dict[str, Any]] = []
    for number, episode in enumerate(tqdm(episodes, desc=name, unit="episode", disable=None)):
        support, known = learn_from(episode, derived_seed(seed, number))
        for key, value in known.items():
            facts.setdefault(key, []).append(value)
        queries = pool.embeddings[episode.query_rows]
        with warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                accuracies.append(accuracy(head, support, queries, episode.query_labels))
            except ConvergenceWarning as warning:
                accuracies.append(None)
                failed.append({"episode": number, "reason": str(warning).splitlines()[0]})
    seconds = round(time.perf_counter() - start, 2)
    return {"accuracies": accuracies, "facts": facts, "failed": failed, "seconds": seconds}
