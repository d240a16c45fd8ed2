"""Textual inversion (Gal et al., arXiv 2208.01618): learn a token for what some images show.

Only the new tokens' embeddings are trained, all else stays as it is. Many concepts share each call
of the network: a row belongs to one concept, only that concept's token gets its gradient, and its
images, noise and timesteps come from its own seed. AdamW works element by element, so a concept is
learned as if it were alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from diffusers import DDPMScheduler
from torch import Tensor, nn

from index.diffusion import IMAGE_ROWS, Family, ModelError
from index.diffusion.sampling import derived_seed

from .tokens import Learned, key_of, text_encoders, token_of, tokens_of, write_token
from .training import ConceptLatents, Inversion, train_tokens

logger = logging.getLogger("genie.invert")


_CHECKPOINT = ".unfinished.safetensors"


@dataclass(frozen=True)
class Concept:
    """What one token has to stand for.

    Attributes:
        name: Names the file and, by `tokens.token_of`, the token.
        images: Show it, ``(K, 3, H, W)`` uint8 at the working resolution.
        initializer: Words whose tokens' mean embedding the new one begins as.
    """

    name: str
    images: Tensor
    initializer: str


def invert(
    family: Family, concepts: Sequence[Concept], inversion: Inversion, folder: Path
) -> list[Path]:
    """Learn a token for each concept, or go on where an earlier run stopped.

    Args:
        family: The model. Its weights are frozen and do not change.
        concepts: What to learn.
        inversion: How.
        folder: Receives `<name>.safetensors` of each concept.

    Returns:
        The files, in order.

    Raises:
        FileExistsError: A file there was learned in another way or from other images.
        ModelError: The model cannot be taught a token.
        RuntimeError: The loss is no longer finite.
        ValueError: A concept has no images or no words to begin with, or two share a token.
    """
    scheduler = _training_scheduler(family)
    tokens_of([concept.name for concept in concepts])
    for concept in concepts:
        _initial(family, concept)
        if not len(concept.images):
            raise ValueError(f"concept {concept.name!r} has no images")
    weights = {name: part for name, part in family.fingerprint().items() if name != "model"}
    model = json.dumps(weights, sort_keys=True)  # wherever the model lies
    keys = {concept.name: _key(model, concept, inversion) for concept in concepts}
    paths = {name: folder / f"{name}.safetensors" for name in keys}
    for name, path in paths.items():
        if path.exists() and key_of(path) != keys[name]:
            raise FileExistsError(
                f"{path} was learned from other images, by another model or in another way: "
                "remove it, or give another folder"
            )
    for component in family.pipeline.components.values():
        if isinstance(component, nn.Module):
            component.requires_grad_(False)
    missing = [concept for concept in concepts if not paths[concept.name].exists()]
    size = inversion.batch_size // inversion.images_per_step
    for start in range(0, len(missing), size):
        chunk = missing[start : start + size]
        logger.info("tokens %d to %d of %d", start + 1, start + len(chunk), len(missing))
        lessons = [_lesson(family, c, keys[c.name], inversion.seed) for c in chunk]
        learned = train_tokens(family, scheduler, lessons, inversion, folder / _CHECKPOINT)
        for place, concept in enumerate(chunk):
            own = {part: value[place] for part, value in learned.items()}
            write_token(paths[concept.name], token_of(concept.name), own, keys[concept.name])
        (folder / _CHECKPOINT).unlink(missing_ok=True)
    return list(paths.values())


def _training_scheduler(family: Family) -> DDPMScheduler:
    """Give the noise schedule that a model was trained with."""
    text_encoders(family)  # refuses models without tokens, flow models among them
    scheduler = DDPMScheduler.from_config(family.scheduler.config)
    if scheduler.config.prediction_type not in ("epsilon", "v_prediction"):
        raise ModelError(
            f"{family.name} predicts {scheduler.config.prediction_type}: textual inversion knows "
            "epsilon and v_prediction"
        )
    return scheduler


def _initial(family: Family, concept: Concept) -> Learned:
    """Give the mean embedding of a concept's words in each text encoder, ``(width,)`` float32."""
    initial = {}
    for name, (tokenizer, encoder) in text_encoders(family).items():
        ids = tokenizer(concept.initializer, add_special_tokens=False)["input_ids"]
        if not ids:
            raise ValueError(f"concept {concept.name!r} begins with no word of the model")
        initial[name] = encoder.get_input_embeddings().weight.detach()[ids].float().mean(0)
    return initial


def _pixels_digest(concept: Concept) -> str:
    content = json.dumps(list(concept.images.shape)).encode() + concept.images.numpy().tobytes()
    return hashlib.sha256(content).hexdigest()


def _key(model: str, concept: Concept, inversion: Inversion) -> str:
    """Name all that decides a concept's token."""
    how = [inversion.iterations, inversion.learning_rate, inversion.images_per_step]
    about = [model, *how, inversion.prompt, inversion.seed, concept.initializer]
    return hashlib.sha256(json.dumps([*about, _pixels_digest(concept)]).encode()).hexdigest()


@torch.no_grad()
def _lesson(family: Family, concept: Concept, key: str, seed: int) -> ConceptLatents:
    """Encode a concept's images and derive its own seed."""
    latents = [family.encode_images(part) for part in torch.split(concept.images, IMAGE_ROWS)]
    return ConceptLatents(
        token=token_of(concept.name),
        latents=torch.cat(latents),
        initial=_initial(family, concept),
        seed=derived_seed(seed, _pixels_digest(concept)),
        key=key,
    )
