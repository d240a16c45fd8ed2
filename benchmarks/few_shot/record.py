"""What a run keeps beside its table, so that runs of several splits and generators can be pooled.

The share of queries that each episode got right stands in the JSON as counts, and which images an
episode has follows from how it was drawn, which is checked by a digest.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.episodes import INVERTED, Drawing, Episode, Pool, training_of
from benchmarks.measure import Floats
from genie_transforms import UserError
from genie_transforms.format import Manifest

from .config import FewShotConfig
from .scoring import drawing_of, read_or_draw

_FAILED = -1


def as_counts(accuracies: Floats, num_queries: int) -> str:
    """Return how many queries each episode got right, int16 in base 64; -1 where it failed.

    Args:
        accuracies: ``(E,)`` in [0, 1], NaN where an episode failed.
        num_queries: Of an episode.
    """
    counts = np.where(np.isfinite(accuracies), np.rint(accuracies * num_queries), _FAILED)
    return base64.b64encode(counts.astype("<i2").tobytes()).decode()


def from_counts(counts: str, num_queries: int) -> Floats:
    """Return the accuracy of each episode, ``(E,)``; NaN where it failed.

    Raises:
        UserError: These are no counts of so many queries.
    """
    try:
        found: npt.NDArray[np.int16] = np.frombuffer(base64.b64decode(counts), dtype="<i2")
    except ValueError as error:
        raise UserError(f"{counts[:20]!r} are no counts of right queries") from error
    if not len(found) or found.min() < _FAILED or found.max() > num_queries:
        raise UserError(f"{counts[:20]!r} are no counts of {num_queries} right queries")
    return np.where(found == _FAILED, np.nan, found / num_queries)


def digest_of_episodes(episodes: Sequence[Episode]) -> str:
    """Return what tells whether the same episodes were drawn elsewhere."""
    drawn = json.dumps([asdict(episode) for episode in episodes])
    return hashlib.sha256(drawn.encode()).hexdigest()[:16]


def record_of(config: FewShotConfig, pool: Pool) -> dict[str, Any]:
    """Return what pooling needs to know of a run, ready for JSON.

    Args:
        config: The run.
        pool: Its images.

    Returns:
        `settings`, equal in all runs that may be pooled; `class_split`; `generator`, its name, a
        digest of its weights and how it was trained; `encoder`, a digest of its weights and the
        classes it has seen, None if it does not say; `images`, a digest of each class's; and by
        number of shots `drawings`, how episodes were drawn, with a digest of them.
    """
    drawings = {}
    for k_shot in config.k_shot:
        digest = digest_of_episodes(read_or_draw(config, pool, k_shot))
        drawings[str(k_shot)] = {**asdict(drawing_of(config, k_shot)), "sha256": digest}
    training = training_of(config.data.backbone)
    return {
        "settings": _settings(config, pool, training.recipe if training else None),
        "class_split": config.data.class_split,
        "generator": _generator(config),
        "encoder": {
            "classes": training.classes if training else None,
            "sha256": _digest({**pool.backbone.fingerprint(), "name": ""}),
        },
        "images": {
            name: _digest_of_images(pool, label) for label, name in enumerate(pool.class_names)
        },
        "drawings": drawings,
    }


def drawing_from(kept: dict[str, Any]) -> Drawing:
    """Return how episodes were drawn, from an entry of `drawings`."""
    return Drawing(**{name: value for name, value in kept.items() if name != "sha256"})


def _settings(config: FewShotConfig, pool: Pool, encoder: dict[str, Any] | None) -> dict[str, Any]:
    """Return what decides the figures, but for split and generator; no paths."""
    inverts = bool(set(config.wanted) & set(INVERTED))
    return {
        "dataset": config.data.name,
        "arms": config.wanted,
        "protocol": config.protocol,
        "head": config.head,
        "n_way": config.n_way,
        "n_query": config.n_query,
        "k_shot": list(config.k_shot),
        "episodes": config.num_episodes,
        "seed": config.seed,
        "per_class": pool.config.per_class,
        "queries_per_class": pool.config.queries_per_class,
        "variations": pool.config.variations,
        "num_inference_steps": pool.config.num_inference_steps,
        "noise_ratios": list(pool.config.noise_ratios),
        "inversion_episodes": config.inversion_episodes if inverts else 0,
        "inversion_iterations": config.inversion_run.inversion.iterations if inverts else 0,
        "encoder": encoder,
    }


def _generator(config: FewShotConfig) -> dict[str, Any]:
    """Return the name of a generator's folder, and a digest of all that decides its images."""
    model = Manifest.read(config.work / "sweep").fingerprint["model"]
    about: dict[str, Any] = {"name": "demo", "sha256": _digest({**model, "model": ""})}
    if config.data.trained:
        trained = json.loads((config.data.trained / "train.json").read_text(encoding="utf-8"))
        about |= {"name": config.data.trained.name, "training": trained["config"]}
    return about


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _digest_of_images(pool: Pool, label: int) -> str:
    own = pool.images[np.flatnonzero(pool.labels == label)]
    return hashlib.sha256(own.numpy().tobytes()).hexdigest()[:16]
