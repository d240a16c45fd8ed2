"""Learned tokens of a seed's Few classes, for prompts of a generator that never saw them."""

from __future__ import annotations

from pathlib import Path

import torch

from index.demo import PIPELINE
from index.diffusion import WeightsConfig
from index.diffusion.inversion import Concept, Inversion, invert
from index.sources import fit_to

from .config import LongTailConfig
from .data import LongTail

TOKENS = "tokens"
"""Folder of a seed's tokens, one file for each Few class."""


def learn_tokens(config: LongTailConfig, tail: LongTail, folder: Path, seed: int) -> list[Path]:
    """Learn a token for each Few class from the seed's own images of it, or continue.

    Textual inversion with the paper's settings (A.6), but for `inversion_iterations`; the model's
    weights stay as they are.

    Args:
        config: The experiment.
        tail: The training set.
        folder: Of the seed; receives `TOKENS`.
        seed: Of the order of images, and of the noise.

    Returns:
        The file of each Few class, in order.

    Raises:
        FolderInUseError: The folder holds a token that was learned in another way.
        ModelError: The model takes no tokens.
        UserError: Two classes would share a token, or one has no images.
    """
    # In float32 whatever precision the banks are made in: gradients go through the text encoder.
    weights = WeightsConfig(model=config.model_of(seed), device=config.device)
    family = weights.open_family(PIPELINE)
    concepts = []
    for label in tail.few.tolist():
        rows = tail.rows[tail.labels == label].tolist()
        images = [fit_to(tail.pool[row][0], family.resolution) for row in rows]
        name, words = tail.pool.classes[label], tail.pool.names[label].display
        concepts.append(Concept(name, torch.stack(images), words))
    iterations = config.inversion_iterations or Inversion.iterations
    return invert(family, concepts, Inversion(iterations=iterations, seed=seed), folder / TOKENS)
