"""Pipelines of published architectures with random weights: they cost what the real ones cost.

The numbers are those of the configurations that the models are published with. Prompts are of a
small vocabulary, padded to the models' own length; Stable Diffusion 3 comes without T5, as it may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    PNDMScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from index.train import make_tokenizer

Settings = Mapping[str, Any]

_MAX_TOKENS = 77
_BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}

CLIP_L: Settings = {
    "hidden_size": 768,
    "intermediate_size": 3072,
    "num_hidden_layers": 12,
    "num_attention_heads": 12,
    "hidden_act": "quick_gelu",
    "projection_dim": 768,
}
CLIP_BIG_G: Settings = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "hidden_act": "gelu",
    "projection_dim": 1280,
}
VAE: Settings = {
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
    "scaling_factor": 0.18215,
}
UNET_SD15: Settings = {
    "sample_size": 64,
    "block_out_channels": (320, 640, 1280, 1280),
    "down_block_types": (*["CrossAttnDownBlock2D"] * 3, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", *["CrossAttnUpBlock2D"] * 3),
    "layers_per_block": 2,
    "cross_attention_dim": 768,
    "attention_head_dim": 8,
}
UNET_SDXL: Settings = {
    "sample_size": 128,
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "layers_per_block": 2,
    "cross_attention_dim": 2048,
    "attention_head_dim": (5, 10, 20),
    "transformer_layers_per_block": (1, 2, 10),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 6 * 256 + 1280,
}
TRANSFORMER_SD3: Settings = {
    "sample_size": 128,
    "patch_size": 2,
    "in_channels": 16,
    "out_channels": 16,
    "num_layers": 24,
    "attention_head_dim": 64,
    "num_attention_heads": 24,
    "joint_attention_dim": 4096,
    "caption_projection_dim": 1536,
    "pooled_projection_dim": 768 + 1280,
    "pos_embed_max_size": 192,
}

_TINY_CLIP = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "projection_dim": 16,
}
_TINY_VAE = {"block_out_channels": (8, 8), "layers_per_block": 1, "norm_num_groups": 8}
_TINY: Mapping[str, Settings] = {
    "sd15": {
        "sample_size": 8,
        "block_out_channels": (8, 8, 16, 16),
        "cross_attention_dim": 16,
        "attention_head_dim": 2,
        "norm_num_groups": 8,
    },
    "sdxl": {
        "sample_size": 8,
        "block_out_channels": (8, 16, 16),
        "cross_attention_dim": 32,
        "attention_head_dim": (2, 2, 4),
        "transformer_layers_per_block": (1, 1, 2),
        "addition_time_embed_dim": 4,
        "projection_class_embeddings_input_dim": 6 * 4 + 16,
        "norm_num_groups": 8,
    },
    "sd3": {
        "sample_size": 8,
        "num_layers": 2,
        "attention_head_dim": 8,
        "num_attention_heads": 2,
        "joint_attention_dim": 32,
        "caption_projection_dim": 16,
        "pooled_projection_dim": 32,
        "pos_embed_max_size": 8,
    },
}


def make_pipeline(
    architecture: str, *, tiny: bool = False, device: str = "cpu", seed: int = 0
) -> Any:
    """Make a pipeline with random weights, in float32.

    Args:
        architecture: sd15, sdxl or sd3.
        tiny: With the same parts, made small.
        device: Where the weights are drawn; a processor takes a minute for the large ones.
        seed: Of the weights.

    Raises:
        KeyError: There is no such architecture.
    """
    make = {"sd15": _sd15, "sdxl": _sdxl, "sd3": _sd3}[architecture]
    with torch.random.fork_rng(devices=[]):
        tokenizer = make_tokenizer(["a", "photo", "of", "circle", "square", "star", "cross"])
        tokenizer.model_max_length = _MAX_TOKENS
        torch.manual_seed(seed)
        with torch.device(device):
            return make(tokenizer, tiny)


def _sd15(tokenizer: CLIPTokenizer, tiny: bool) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae=_vae(VAE, tiny),
        text_encoder=CLIPTextModel(_text(tokenizer, CLIP_L, tiny)),
        tokenizer=tokenizer,
        unet=UNet2DConditionModel(**_sized(UNET_SD15, "sd15", tiny)),
        scheduler=PNDMScheduler(**_BETAS, steps_offset=1, skip_prk_steps=True),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl(tokenizer: CLIPTokenizer, tiny: bool) -> StableDiffusionXLPipeline:
    vae = {**VAE, "sample_size": 1024, "scaling_factor": 0.13025}
    return StableDiffusionXLPipeline(
        vae=_vae(vae, tiny),
        text_encoder=CLIPTextModel(_text(tokenizer, CLIP_L, tiny)),
        text_encoder_2=CLIPTextModelWithProjection(_text(tokenizer, CLIP_BIG_G, tiny)),
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        unet=UNet2DConditionModel(**_sized(UNET_SDXL, "sdxl", tiny)),
        scheduler=EulerDiscreteScheduler(**_BETAS, timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )


def _sd3(tokenizer: CLIPTokenizer, tiny: bool) -> StableDiffusion3Pipeline:
    vae = {
        **VAE,
        "latent_channels": 16,
        "sample_size": 1024,
        "scaling_factor": 1.5305,
        "shift_factor": 0.0609,
        "use_quant_conv": False,
        "use_post_quant_conv": False,
    }
    return StableDiffusion3Pipeline(
        vae=_vae(vae, tiny),
        text_encoder=CLIPTextModelWithProjection(_text(tokenizer, CLIP_L, tiny)),
        text_encoder_2=CLIPTextModelWithProjection(_text(tokenizer, CLIP_BIG_G, tiny)),
        text_encoder_3=None,
        tokenizer=tokenizer,
        tokenizer_2=tokenizer,
        tokenizer_3=None,
        transformer=SD3Transformer2DModel(**_sized(TRANSFORMER_SD3, "sd3", tiny)),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
    )


def _sized(settings: Settings, architecture: str, tiny: bool) -> dict[str, Any]:
    return {**settings, **(_TINY[architecture] if tiny else {})}


def _text(tokenizer: CLIPTokenizer, settings: Settings, tiny: bool) -> CLIPTextConfig:
    return CLIPTextConfig(
        **{**settings, **(_TINY_CLIP if tiny else {})},
        vocab_size=49_408,
        max_position_embeddings=_MAX_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )


def _vae(settings: Settings, tiny: bool) -> AutoencoderKL:
    sized = {**settings, **(_TINY_VAE if tiny else {})}
    levels = len(sized["block_out_channels"])
    return AutoencoderKL(
        **sized,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
    )
