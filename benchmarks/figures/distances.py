"""Whether augmentations lie nearer to the test images than the training images do (figure A3)."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from benchmarks.episodes import Episode
from genie_transforms import UserError

from .material import Floats, Material, SweptBank, spread
from .probabilities import augmentations, episodes_of
from .sheets import CHOSEN, SOURCE, Drawn, density

_PERPLEXITY = 20


def distances(material: Material) -> Drawn:
    """Draw distances from test to training images and to augmentations, and a map of one episode.

    Distances are Euclidean, between embeddings of unit norm. All pairs, as in the paper, say how
    far the sets are apart; the nearest one of each test image says whether any is a copy of it.
    """
    bank = material.bank
    episodes = [one for one in episodes_of(material) if len(augmentations(bank, one))]
    if not episodes:
        raise UserError("no episode has a pair: the bank pairs too few classes")
    found = np.array([episode_distances(bank, episode) for episode in episodes])  # (E, 2, 2)
    figure = Figure(figsize=(10.5, 3.2), layout="constrained")
    everything, nearest, both = figure.subplots(1, 3, width_ratios=[1, 1, 1.1])
    panels = ((everything, "mean of all pairs"), (nearest, "mean of the nearest"))
    for place, (axes, name) in enumerate(panels):
        values = found[:, place]
        margin = 0.1 * np.ptp(values) + 1e-3
        points = np.linspace(values.min() - margin, values.max() + margin, 200)
        density(axes, values[:, 0], points, SOURCE, "train to test")
        density(axes, values[:, 1], points, CHOSEN, "augmented to test")
        axes.set(xlabel=f"distance, {name}", yticks=[])
    everything.set_ylabel("density over episodes")
    everything.legend(fontsize=8)
    method = _draw_map(both, bank, episodes[0], material.config.seed)
    means = found.mean(0)
    numbers: dict[str, Any] = {
        "episodes": len(episodes),
        "map": method,
        "all_pairs": {"train": float(means[0, 0]), "augmented": float(means[0, 1])},
        "nearest": {"train": float(means[1, 0]), "augmented": float(means[1, 1])},
        "augmented_is_farther": (found[..., 1] > found[..., 0]).mean(0).tolist(),
    }
    return Drawn(figure, numbers)


def chosen_embeddings(bank: SweptBank, episode: Episode) -> Floats:
    """Return the embeddings of an episode's augmentations at r*, ``(G, D)``."""
    pairs = augmentations(bank, episode)
    found: Floats = bank.embeddings[pairs, bank.chosen[pairs]]
    return found


def episode_distances(bank: SweptBank, episode: Episode) -> Floats:
    """Measure how far an episode's test images are from its training images and augmentations.

    Returns:
        ``(2, 2)`` float64: the mean of all pairs, and of the nearest one of each test image; by
        column for training images and at most as many augmentations.
    """
    test = bank.source_embeddings[episode.query_rows]
    train, augmented = (
        bank.source_embeddings[episode.support_rows],
        chosen_embeddings(bank, episode),
    )
    # Of a larger set the nearest one is nearer.
    augmented = augmented[spread(len(augmented), len(train))]
    apart = [np.linalg.norm(test[:, None] - others, axis=-1) for others in (train, augmented)]
    return np.array([[d.mean() for d in apart], [d.min(1).mean() for d in apart]])


def _draw_map(axes: Any, bank: SweptBank, episode: Episode, seed: int) -> str:
    sets = {
        "train": (bank.source_embeddings[episode.support_rows], "s", SOURCE),
        "test": (bank.source_embeddings[episode.query_rows], "o", "0.5"),
        "augmented": (chosen_embeddings(bank, episode), "^", CHOSEN),
    }
    method, flat = flat_map(np.concatenate([points for points, _, _ in sets.values()]), seed)
    start = 0
    for name, (points, marker, colour) in sets.items():
        own = flat[start : start + len(points)]
        axes.scatter(*own.T, marker=marker, color=colour, s=14, alpha=0.8, linewidth=0, label=name)
        start += len(points)
    axes.set(xticks=[], yticks=[])
    axes.set_title(f"one episode, {method}", fontsize=8)
    axes.legend(fontsize=7)
    return method


def flat_map(points: Floats, seed: int) -> tuple[str, Floats]:
    """Map points ``(N, D)`` to the plane by UMAP where it is installed, else by t-SNE.

    Returns:
        The name of the method, and ``(N, 2)`` float64.
    """
    perplexity = min(_PERPLEXITY, (len(points) - 1) // 3)
    if importlib.util.find_spec("umap") is None:
        tsne = TSNE(perplexity=perplexity, random_state=seed, init="pca")
        return "t-SNE", tsne.fit_transform(points).astype(np.float64)
    from umap import UMAP  # optional, and loads slowly

    neighbours = min(15, len(points) - 1)
    reducer = UMAP(n_neighbors=neighbours, random_state=seed, n_jobs=1)
    return "UMAP", np.asarray(reducer.fit_transform(points), dtype=np.float64)
