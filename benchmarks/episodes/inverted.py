"""Arms with textual inversion: tokens learned from an episode's own support images alone.

A pool is made once for all episodes, but a token must not have seen more than its episode may. So
each (class, set of support images) gets its own token, which episodes share where they share
all of its images; and what is generated with tokens is kept by episode. Noise is that of the arms
`img2img-high` and `genie`, so that the token is all that differs from them.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torchvision.transforms.v2 import functional as VF
from tqdm import tqdm

from genie_transforms import source_digest
from index.diffusion import Family, load_family
from index.diffusion.inversion import Concept, invert, load_tokens, token_of
from index.diffusion.sampling import SweepPair, SweepSettings, pair_seed, sweep

from .config import InversionRun
from .episodes import Episode
from .images import EvaluatedImages, cached
from .pairs import Pairs, inverted_pairs
from .pool import Pool, few_shot_set
from .ratios import INVERTED


def concept_name(pool: Pool, label: int, rows: Sequence[int]) -> str:
    """Name a token by its class and the support images that it is learned from: `star-3-17`."""
    return "-".join([pool.class_names[label], *map(str, sorted(rows))])


def concepts_of(pool: Pool, episodes: Sequence[Episode]) -> list[Concept]:
    """List what must be learned, each (class, set of support images) once."""
    spoken = few_shot_set(pool.config).spoken
    words = [name.display for name in spoken] or list(pool.class_names)
    found: dict[str, Concept] = {}
    for episode in episodes:
        for label, rows in zip(episode.classes, episode.support, strict=True):
            name = concept_name(pool, label, rows)
            images = pool.images[sorted(rows)]
            found.setdefault(name, Concept(name, images, words[label]))
    return list(found.values())


def add_inverted_images(
    pool: Pool, episodes: Sequence[Episode], inversion_run: InversionRun
) -> Pool:
    """Learn the tokens of some episodes and generate with them, or read what was made before.

    Args:
        pool: Real images, and what is generated without tokens.
        episodes: Those that the arms will run on.
        inversion_run: Where tokens are kept, and how they are learned.

    Returns:
        The pool with `inverted` images of each episode, and another digest.

    Raises:
        FileExistsError: The folder holds tokens that were learned in another way.
        RuntimeError: The loss or an image is not finite.
    """
    family = load_family(few_shot_set(pool.config).pipeline)
    concepts = concepts_of(pool, episodes)
    inversion = inversion_run.inversion
    folder = inversion_run.folder / f"{inversion.iterations}-steps"
    invert(family, concepts, inversion, folder)
    tokens = load_tokens(family, folder, [concept.name for concept in concepts])
    digests = [source_digest(VF.to_pil_image(image)) for image in pool.images[: pool.num_support]]
    inverted = {}
    for episode in tqdm(episodes, desc="with tokens", unit="episode", disable=None):
        about = [asdict(episode), [tokens[name] for name in _names(pool, episode)], pool.digest]
        key = hashlib.sha256(json.dumps(about).encode()).hexdigest()
        path = folder / "episodes" / f"{key[:16]}.npz"
        arrays = cached(path, key, partial(_generate, family, pool, episode, digests))
        inverted[episode] = {
            arm: EvaluatedImages(
                torch.from_numpy(arrays[f"{arm}-images"]),
                arrays[f"{arm}-embeddings"],
                arrays[f"{arm}-hits"],
                arrays[f"{arm}-psnr"],
            )
            for arm in INVERTED
        }
    digest = hashlib.sha256(json.dumps([pool.digest, tokens]).encode()).hexdigest()
    return replace(pool, inverted=inverted, digest=digest)


def _names(pool: Pool, episode: Episode) -> list[str]:
    """Name the episode's tokens, one for each of its classes."""
    pairs = zip(episode.classes, episode.support, strict=True)
    return [concept_name(pool, label, rows) for label, rows in pairs]


def _generate(
    family: Family, pool: Pool, episode: Episode, digests: Sequence[str]
) -> dict[str, npt.NDArray[Any]]:
    """Generate and evaluate an episode's images: arrays by arm and content, ``(G, …)`` each."""
    data = few_shot_set(pool.config)
    settings = SweepSettings(num_inference_steps=pool.config.num_inference_steps)
    arrays: dict[str, npt.NDArray[Any]] = {}
    for arm, ratio in INVERTED.items():
        pairs = inverted_pairs(arm, episode)
        sweep_pairs = _sweep_pairs(pool, episode, pairs, ratio, digests)
        swept = sweep(family, pool.images, sweep_pairs, settings)
        if swept.failures:
            raise RuntimeError(f"an image of {arm} failed: {next(iter(swept.failures.values()))}")
        images = torch.cat(swept.images)
        targets = np.array(pool.class_names)[pairs.classes]
        arrays |= {
            f"{arm}-images": images.numpy(),
            f"{arm}-embeddings": pool.backbone(images),
            f"{arm}-hits": np.array(data.names_of(images)) == targets,
            f"{arm}-psnr": data.background_psnr(images[:, None], pairs.sources)[:, 0],
        }
    return arrays


def _sweep_pairs(
    pool: Pool, episode: Episode, pairs: Pairs, ratio: float, digests: Sequence[str]
) -> list[SweepPair]:
    """List what is generated; a pair that comes again is a variation, with other noise."""
    tokens = [token_of(name) for name in _names(pool, episode)]
    variations: Counter[tuple[int, int]] = Counter()
    listed = []
    for source, target in zip(pairs.sources.tolist(), pairs.targets.tolist(), strict=True):
        name, prompt = pool.class_names[episode.classes[target]], f"A photo of a {tokens[target]}"
        # The seed is that of the class's name, not of the token: the token is the only difference.
        seed = pair_seed(digests[source], name, variations[source, target], 0)
        variations[source, target] += 1
        listed.append(SweepPair(source, prompt, (ratio,), seed))
    return listed
