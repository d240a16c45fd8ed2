"""Training of a small Stable Diffusion pipeline: autoencoder, then denoiser and text encoder."""

from __future__ import annotations

from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from genie_transforms import UserError

from .autoencoder import encode_all, train_vae
from .claim import about_training, claim_folder
from .config import StageConfig
from .denoiser import train_denoiser
from .models import make_scheduler, make_text_encoder, make_tokenizer, make_unet
from .training_set import TrainingSet


def train_pipeline(
    config: StageConfig, data: TrainingSet, shift: float = 2.0
) -> StableDiffusionPipeline:
    """Train autoencoder, text encoder and denoiser, and assemble the pipeline.

    Args:
        config: Steps, seed and folder of checkpoints.
        data: Images, classes, captions.
        shift: Of the noise schedule, see `models.shifted_betas`.

    Raises:
        FolderInUseError: The checkpoints are of other settings, or other images.
        UserError: Two classes have the same tokens.
    """
    tokenizer = make_tokenizer(data.vocabulary)
    _check_told_apart(tokenizer, data)
    claim_folder(config.work, about_training(config, data, shift))
    vae = train_vae(config, data.pixels)
    latents = encode_all(vae, data.pixels)
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    latents *= vae.config.scaling_factor

    text_encoder, unet = make_text_encoder(tokenizer), make_unet(sample_size=latents.shape[-1])
    scheduler = make_scheduler(shift)
    tokens = tokenizer(
        [*data.prompts, ""], padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    train_denoiser(config, unet, text_encoder, scheduler, latents, data.labels, tokens)
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _check_told_apart(tokenizer: CLIPTokenizer, data: TrainingSet) -> None:
    """Refuse class names that are one prompt to a tokenizer that knows Latin letters and digits."""
    first: dict[tuple[int, ...], str] = {}
    for label in sorted(set(data.labels.tolist())):
        name = data.class_names[label]
        tokens = tuple(tokenizer(name, truncation=True).input_ids)
        if tokens in first:
            raise UserError(
                f"classes {first[tokens]!r} and {name!r} would have one prompt: call them by "
                "different words of the letters a … z and digits"
            )
        first[tokens] = name
