"""Train the embeddings of new tokens, of many concepts in each call of the network."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from diffusers import DDPMScheduler
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from genie_transforms.format import atomic_path
from index.diffusion import Family
from index.diffusion.sampling import derived_seed

from .config import Inversion
from .tokens import Learned, add_tokens, key_of, remove_tokens, text_encoders

logger = logging.getLogger("genie.invert")


_MOMENTS = ("exp_avg", "exp_avg_sq")
"""AdamW's running means, as its state and the checkpoint name them."""


@dataclass(frozen=True)
class ConceptLatents:
    """A concept, ready to be learned: its images as latents.

    Attributes:
        token: The new token.
        latents: Of its images, ``(K, C, h, w)`` float32.
        initial: What the token begins as, ``(width,)`` float32 in each text encoder.
        seed: Seed of its images, noise and timesteps.
        key: Hash of all that decides the result.
    """

    token: str
    latents: Tensor
    initial: Learned
    seed: int
    key: str


def train_tokens(
    family: Family,
    scheduler: DDPMScheduler,
    concepts: Sequence[ConceptLatents],
    inversion: Inversion,
    checkpoint: Path,
) -> dict[str, nn.Parameter]:
    """Train the tokens of some concepts together, all in each step.

    Args:
        family: The model, its weights frozen.
        scheduler: Its noise schedule.
        concepts: What to learn.
        inversion: How they are learned.
        checkpoint: File that is continued from, if it is of the same concepts.

    Returns:
        ``(len(concepts), width)`` float32 for each text encoder.

    Raises:
        UserError: A prompt is longer than the model reads.
        RuntimeError: The loss is no longer finite.
    """
    learned = {
        name: nn.Parameter(torch.stack([concept.initial[name] for concept in concepts]))
        for name in concepts[0].initial
    }
    optimizer = torch.optim.AdamW(learned.values(), lr=inversion.learning_rate)
    key = "".join(concept.key for concept in concepts)
    step = _resume(checkpoint, key, learned, optimizer)
    tokens = [concept.token for concept in concepts]
    bar = tqdm(total=inversion.iterations, initial=step, desc="tokens", unit="step", disable=None)
    with bar, _replaced(family, tokens, learned):
        # Behind the cut the encoder would not see the token, which would learn nothing.
        family.check_prompts(_prompts(concepts, inversion))
        while step < inversion.iterations:
            losses = _losses(family, scheduler, concepts, inversion, step)
            # Summed over concepts: the gradient of none depends on how many there are.
            loss = losses.sum() / inversion.images_per_step
            if not torch.isfinite(loss):
                row = int((~losses.isfinite()).nonzero()[0])
                token = tokens[row // inversion.images_per_step]
                raise RuntimeError(f"{token}: the loss is not finite at step {step}")
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            step += 1
            bar.update()
            bar.set_postfix(loss=f"{loss.item() / len(concepts):.4f}", refresh=False)
            if step % inversion.checkpoint_every == 0 and step < inversion.iterations:
                _save(checkpoint, key, learned, optimizer, step)
    return learned


def _prompts(concepts: Sequence[ConceptLatents], inversion: Inversion) -> list[str]:
    return [inversion.prompt.replace("{target}", concept.token) for concept in concepts]


def _losses(
    family: Family,
    scheduler: DDPMScheduler,
    concepts: Sequence[ConceptLatents],
    inversion: Inversion,
    step: int,
) -> Tensor:
    """Compute the loss of each row of a step: `images_per_step` of each concept, in order."""
    drawn = [
        _draw(concept.latents, derived_seed(concept.seed, step), inversion.images_per_step)
        for concept in concepts
    ]
    clean, noise, times = (torch.cat(part) for part in zip(*drawn, strict=True))
    owners = torch.arange(len(concepts)).repeat_interleave(inversion.images_per_step)
    # Encoded again at every step: the gradient reaches the tokens through the text encoder.
    encoded = family.encode_prompts(_prompts(concepts, inversion))
    conditioning = {name: value[owners] for name, value in encoded.items()}
    return denoising_loss(family, scheduler, clean, noise, times, conditioning)


def denoising_loss(
    family: Family,
    scheduler: DDPMScheduler,
    latents: Tensor,
    noise: Tensor,
    timesteps: Tensor,
    conditioning: Mapping[str, Tensor],
) -> Tensor:
    """Compute the training objective of a diffusion model.

    Args:
        family: The model.
        scheduler: Its noise schedule.
        latents: Clean, ``(B, C, h, w)`` float32.
        noise: As `latents`.
        timesteps: ``(B,)`` int64 in [0, 1000).
        conditioning: Of B rows.

    Returns:
        Mean squared error of each row, ``(B,)`` float32.
    """
    velocity = scheduler.config.prediction_type == "v_prediction"
    wanted = scheduler.get_velocity(latents, noise, timesteps) if velocity else noise
    # This `add_noise` may be trusted: a scheduler of training has no grid to look timesteps up in.
    noised = scheduler.add_noise(latents, noise, timesteps)
    predicted = family.predict(noised, timesteps.float(), dict(conditioning))
    return F.mse_loss(predicted, wanted, reduction="none").mean((1, 2, 3))


def _draw(latents: Tensor, seed: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Draw images of a concept, noise and timesteps, on the CPU so that all devices agree."""
    rng = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(latents), (count,), generator=rng)
    times = torch.randint(1000, (count,), generator=rng)
    noise = torch.randn((count, *latents.shape[1:]), generator=rng)
    return latents[rows.to(latents.device)], noise.to(latents.device), times.to(latents.device)


@contextmanager
def _replaced(
    family: Family, tokens: Sequence[str], learned: Mapping[str, nn.Parameter]
) -> Iterator[None]:
    """Let the model's text encoders see `learned` where its prompts have `tokens`."""
    # The rows that are added to the tables only reserve the tokens' numbers. What is trained takes
    # their place in the output, so that the tables stay frozen and AdamW, whose weight decay would
    # shrink every row that it is given, sees the new tokens alone.
    rows = range(len(tokens))
    add_tokens(family, {tokens[k]: {n: v[k] for n, v in learned.items()} for k in rows})
    hooks = []
    for name, (tokenizer, encoder) in text_encoders(family).items():
        table = encoder.get_input_embeddings().requires_grad_(False)
        row_of = torch.full((len(table.weight),), -1)  # by number of the token; -1: not learned
        row_of[tokenizer.convert_tokens_to_ids(list(tokens))] = torch.arange(len(tokens))
        row_of = row_of.to(table.weight.device)
        hooks.append(table.register_forward_hook(partial(_substitute, row_of, learned[name])))
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
        remove_tokens(family, tokens)


def _substitute(
    row_of: Tensor, learned: Tensor, module: nn.Module, ids: tuple[Tensor], output: Tensor
) -> Tensor:
    rows = row_of[ids[0]]
    substitutes = learned[rows.clamp(min=0)].to(output.dtype)
    return torch.where((rows >= 0)[..., None], substitutes, output)


def _save(
    path: Path,
    key: str,
    learned: Mapping[str, nn.Parameter],
    optimizer: torch.optim.Optimizer,
    step: int,
) -> None:
    state = {name: value.detach() for name, value in learned.items()}
    for name, value in learned.items():
        state |= {f"{name}.{moment}": optimizer.state[value][moment] for moment in _MOMENTS}
    with atomic_path(path) as temporary:
        save_file(state, temporary, metadata={"key": key, "step": str(step)})


def _resume(
    path: Path, key: str, learned: Mapping[str, nn.Parameter], optimizer: torch.optim.Optimizer
) -> int:
    """Read a checkpoint of the same concepts into place, and return its step; 0 without one."""
    if not path.exists() or key_of(path) != key:
        return 0
    with safe_open(path, "pt") as file:
        step = int(file.metadata()["step"])
    state = load_file(path)
    for name, value in learned.items():
        value.data.copy_(state[name])
        moments: dict[str, Any] = {m: state[f"{name}.{m}"].to(value.device) for m in _MOMENTS}
        optimizer.state[value] = {"step": torch.tensor(float(step)), **moments}
    logger.info("continue at step %d", step)
    return step
