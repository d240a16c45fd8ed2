"""Fixtures for all tests: a fixed seed, and real diffusers pipelines small enough for a laptop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import (
    EulerAncestralDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    PNDMScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModelWithProjection, CLIPTokenizer

from index.train.models import make_text_encoder, make_tokenizer, make_unet, make_vae

WORDS = ["a", "photo", "of", "type", "bird", "dog", "car", "boat"]
BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--all-crash-points",
        action="store_true",
        help="end a build at every call that changes files, and not at some (minutes)",
    )


def pytest_configure(config: pytest.Config) -> None:
    # diffusers 0.42 hands tensors to np.array in set_timesteps, which numpy 2 complains about.
    config.addinivalue_line(
        "filterwarnings", "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
    )


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    """Refuse a test that leaves another number of threads behind.

    Sums are split among threads. Whatever is compared afterwards, byte for byte, with what a
    process of its own made would differ in last digits.
    """
    before = torch.get_num_threads()
    yield
    after = torch.get_num_threads()
    torch.set_num_threads(before)
    assert after == before, f"the test leaves {after} threads of {before}"


def _projected(tokenizer: CLIPTokenizer) -> CLIPTextModelWithProjection:
    """Make a CLIP text tower that also pools the prompt, as the larger pipelines need."""
    config = dict(make_text_encoder(tokenizer, width=16).config.to_dict(), projection_dim=16)
    return CLIPTextModelWithProjection(CLIPTextConfig(**config))


def save_stable_diffusion(folder: Path, **scheduler: Any) -> Path:
    """Save a Stable Diffusion with random weights: 16 x 16 pixels, latents 4 x 8 x 8."""
    torch.manual_seed(1)
    tokenizer = make_tokenizer(WORDS)
    unet = make_unet((8, 16), width=16)
    unet.register_to_config(sample_size=8)
    # What Stable Diffusion 1.5 ships with, which cannot be joined in mid-grid.
    shipped = {"steps_offset": 1, "skip_prk_steps": True, "set_alpha_to_one": False}
    StableDiffusionPipeline(
        vae=make_vae((8, 8)),
        text_encoder=make_text_encoder(tokenizer, width=16),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=PNDMScheduler(**BETAS, **shipped, **scheduler),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def stable_diffusion_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 1.x pipeline: predicts the noise."""
    return save_stable_diffusion(tmp_path_factory.mktemp("stable-diffusion"))


@pytest.fixture(scope="session")
def velocity_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 2.x pipeline: predicts the velocity."""
    folder = tmp_path_factory.mktemp("stable-diffusion-2")
    return save_stable_diffusion(folder, prediction_type="v_prediction")


def _stable_diffusion_xl(folder: Path, scheduler: Any) -> Path:
    """Save a Stable Diffusion XL with random weights: 16 x 16 pixels, latents 4 x 8 x 8."""
    torch.manual_seed(2)
    tokenizer = make_tokenizer(WORDS)
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(8, 16),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=8,
        addition_embed_type="text_time",
        addition_time_embed_dim=4,
        projection_class_embeddings_input_dim=6 * 4 + 16,
    )
    StableDiffusionXLPipeline(
        vae=make_vae((8, 8)),
        text_encoder=make_text_encoder(tokenizer, width=16),
        text_encoder_2=_projected(tokenizer),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=unet,
        scheduler=scheduler,
        add_watermarker=False,
    ).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sdxl_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion XL pipeline."""
    shipped = EulerAncestralDiscreteScheduler(**BETAS, timestep_spacing="leading", steps_offset=1)
    return _stable_diffusion_xl(tmp_path_factory.mktemp("sdxl"), shipped)


@pytest.fixture(scope="session")
def turbo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SDXL-Turbo pipeline: its scheduler tells."""
    shipped = EulerAncestralDiscreteScheduler(**BETAS, timestep_spacing="trailing")
    return _stable_diffusion_xl(tmp_path_factory.mktemp("sdxl-fast"), shipped)


@pytest.fixture(scope="session")
def sd3_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Stable Diffusion 3 pipeline without T5: 16 x 16 pixels, latents 4 x 8 x 8."""
    folder = tmp_path_factory.mktemp("sd3")
    torch.manual_seed(3)
    tokenizer = make_tokenizer(WORDS)
    transformer = SD3Transformer2DModel(
        sample_size=8,
        patch_size=2,
        in_channels=4,
        out_channels=4,
        num_layers=2,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=32,
        caption_projection_dim=16,
        pooled_projection_dim=32,
        pos_embed_max_size=8,
    )
    # Fresh weights all but ignore the prompt; a test could not tell guidance from its absence.
    for parameter in transformer.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)
    vae = make_vae((8, 8))
    vae.register_to_config(shift_factor=0.0609)
    StableDiffusion3Pipeline(
        vae=vae,
        text_encoder=_projected(tokenizer),
        text_encoder_2=_projected(tokenizer),
        text_encoder_3=None,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        tokenizer_3=None,
        transformer=transformer,
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    ).save_pretrained(folder)
    return folder
