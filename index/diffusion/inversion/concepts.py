"""Textual inversion (Gal et al., arXiv 2208.01618): learn a token for what some images show.

Only the new tokens' embeddings are trained, everything else stays as it is. Many concepts share
each call of the network: a row belongs to one concept, only that concept's token gets its gradient,
and its images, noise and timesteps come from its own seed. AdamW works element by element, so a
concept is learned as if it were alone.
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

from genie_transforms import FolderInUseError, UserError
from index.diffusion import IMAGE_ROWS, Family, ModelError
from index.diffusion.sampling import derived_seed

from .config import Inversion
from .tokens import Learned, key_of, text_encoders, token_of, tokens_of, write_token
from .training import ConceptLatents, train_tokens

logger = logging.getLogger("genie.invert")


CHECKPOINT = ".unfinished.safetensors"
"""File beside the tokens from which an interrupted training continues."""


@dataclass(frozen=True)
class Concept:
    """What one token stands for.

    Attributes:
        name: Of the file and, by `tokens.token_of`, of the token.
        images: What shows it, ``(K, 3, H, W)`` uint8 at the working resolution.
        initializer: Words whose tokens' mean embedding the new one begins as.
    """

    name: str
    images: Tensor
    initializer: str


def invert(
    family: Family, concepts: Sequence[Concept], inversion: Inversion, folder: Path
) -> list[Path]:
    """Learn a token for each concept, or continue where an earlier run stopped.

    Args:
        family: The model. Its weights are frozen and do not change.
        concepts: What to learn.
        inversion: How they are learned.
        folder: Receives `<name>.safetensors` of each concept.

    Returns:
        The files, in order.

    Raises:
        FolderInUseError: A file there was learned in another way or from other images.
        ModelError: The model cannot be taught a token.
        RuntimeError: The loss is no longer finite.
        UserError: A concept has no images or no words to begin with, or two share a token.
    """
    scheduler = _training_scheduler(family)
    _check(family, concepts)
    keys = _keys(family, concepts, inversion)
    paths = {name: folder / f"{name}.safetensors" for name in keys}
    for name, path in paths.items():
        if path.exists() and key_of(path) != keys[name]:
            raise FolderInUseError(
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
        latents = [_encode(family, c, keys[c.name], inversion.seed) for c in chunk]
        learned = train_tokens(family, scheduler, latents, inversion, folder / CHECKPOINT)
        for row, concept in enumerate(chunk):
            embedding = {part: value[row] for part, value in learned.items()}
            write_token(paths[concept.name], token_of(concept.name), embedding, keys[concept.name])
        (folder / CHECKPOINT).unlink(missing_ok=True)
    return list(paths.values())


def _check(family: Family, concepts: Sequence[Concept]) -> None:
    """Refuse concepts that cannot be learned, before the first one takes its hours."""
    tokens_of([concept.name for concept in concepts])
    for concept in concepts:
        _initial(family, concept)
        if not len(concept.images):
            raise UserError(f"concept {concept.name!r} has no images")


def _training_scheduler(family: Family) -> DDPMScheduler:
    """Return the noise schedule that a model was trained with."""
    text_encoders(family)  # refuses models without tokens, flow models among them
    scheduler = DDPMScheduler.from_config(family.scheduler.config)
    if scheduler.config.prediction_type not in ("epsilon", "v_prediction"):
        raise ModelError(
            f"{family.name} predicts {scheduler.config.prediction_type}: textual inversion knows "
            "epsilon and v_prediction"
        )
    return scheduler


def _initial(family: Family, concept: Concept) -> Learned:
    """Average the embeddings of a concept's words in each text encoder, ``(width,)`` float32."""
    initial = {}
    for name, (tokenizer, encoder) in text_encoders(family).items():
        ids = tokenizer(concept.initializer, add_special_tokens=False)["input_ids"]
        if not ids:
            raise UserError(f"concept {concept.name!r} begins with no word of the model")
        initial[name] = encoder.get_input_embeddings().weight.detach()[ids].float().mean(0)
    return initial


def _pixels_digest(concept: Concept) -> str:
    content = json.dumps(list(concept.images.shape)).encode() + concept.images.numpy().tobytes()
    return hashlib.sha256(content).hexdigest()


def _keys(family: Family, concepts: Sequence[Concept], inversion: Inversion) -> dict[str, str]:
    """Hash all that decides each concept's token, by name."""
    # Without "model", the path or hub id: the same weights give the same tokens wherever they lie.
    weights = {name: part for name, part in family.fingerprint().items() if name != "model"}
    model = json.dumps(weights, sort_keys=True)
    keys = {}
    for concept in concepts:
        how = [inversion.iterations, inversion.learning_rate, inversion.images_per_step]
        about = [model, *how, inversion.prompt, inversion.seed, concept.initializer]
        content = json.dumps([*about, _pixels_digest(concept)])
        keys[concept.name] = hashlib.sha256(content.encode()).hexdigest()
    return keys


@torch.no_grad()
def _encode(family: Family, concept: Concept, key: str, seed: int) -> ConceptLatents:
    """Encode a concept's images and derive its own seed."""
    latents = [family.encode_images(part) for part in torch.split(concept.images, IMAGE_ROWS)]
    return ConceptLatents(
        token=token_of(concept.name),
        latents=torch.cat(latents),
        initial=_initial(family, concept),
        seed=derived_seed(seed, _pixels_digest(concept)),
        key=key,
    )
