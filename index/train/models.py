"""Architectures of small models: Stable Diffusion's own classes, made small, and a ResNet-10."""

from __future__ import annotations

import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, UNet2DConditionModel
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

MAX_TOKENS = 24
"""Length of prompts, with the marks of their start and end."""

VAE_CHANNELS = {2: (16, 32), 4: (16, 32, 64)}
"""Channels of each level of the autoencoder, by the factor from latents to images."""

_BOS, _EOS = "<|startoftext|>", "<|endoftext|>"


def make_tokenizer(words: list[str]) -> CLIPTokenizer:
    """Make a CLIP tokenizer that knows each of `words` as one token and spells out the rest.

    Args:
        words: Lower-case words.
    """
    letters = "abcdefghijklmnopqrstuvwxyz0123456789.,'-"
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[str] = []
    for word in sorted(set(words)):
        parts = [*word[:-1], f"{word[-1]}</w>"]
        while len(parts) > 1:
            # The last two letters first: only this word ends so, and no other word is disturbed.
            merge = f"{parts[-2]} {parts[-1]}"
            parts[-2:] = [parts[-2] + parts[-1]]
            if merge not in merges:
                merges.append(merge)
                tokens.append(parts[-1])
    vocab = {token: index for index, token in enumerate([*tokens, _BOS, _EOS])}
    # By way of files, which every version of transformers reads; their constructors differ.
    with TemporaryDirectory() as folder:
        (Path(folder) / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
        lines = "\n".join(["#version: 0.2", *merges, ""])
        (Path(folder) / "merges.txt").write_text(lines, encoding="utf-8")
        return CLIPTokenizer.from_pretrained(folder, model_max_length=MAX_TOKENS)


def save_vocabulary(tokenizer: CLIPTokenizer, folder: Path) -> None:
    """Write the files that every version of transformers reads in place of those of version 5.

    Args:
        tokenizer: The tokenizer.
        folder: Where its `save_pretrained` has written.
    """
    of_version_5 = folder / "tokenizer.json"
    if of_version_5.exists():  # also where an earlier run has left a vocabulary
        tokenizer.backend_tokenizer.model.save(str(folder))
        of_version_5.unlink()


def make_text_encoder(tokenizer: CLIPTokenizer, width: int = 64) -> CLIPTextModel:
    """Make a two-layer CLIP text tower."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def make_vae(channels: tuple[int, ...] = (16, 32, 64), sample_size: int = 64) -> AutoencoderKL:
    """Make an autoencoder to latents of 4 channels, for three levels a quarter of the image's size.

    Args:
        channels: Of each level; each but the last halves height and width.
        sample_size: Height and width of images.
    """
    return AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=8,
        mid_block_add_attention=False,
        sample_size=sample_size,
    )


def make_unet(
    channels: tuple[int, ...] = (32, 64, 128), width: int = 64, sample_size: int = 16
) -> UNet2DConditionModel:
    """Make a denoiser with cross-attention on all levels but the finest.

    Args:
        channels: Of each level.
        width: Dimensions of the text encoder's states.
        sample_size: Height and width of latents.
    """
    crossed = len(channels) - 1
    return UNet2DConditionModel(
        sample_size=sample_size,
        in_channels=4,
        out_channels=4,
        block_out_channels=channels,
        down_block_types=("DownBlock2D", *("CrossAttnDownBlock2D",) * crossed),
        up_block_types=(*("CrossAttnUpBlock2D",) * crossed, "UpBlock2D"),
        layers_per_block=1,
        cross_attention_dim=width,
        attention_head_dim=8,
        norm_num_groups=8,
    )


def shifted_betas(shift: float = 2.0, num_timesteps: int = 1000) -> Tensor:
    """Compute Stable Diffusion's schedule with its log-SNR raised by `shift` until late.

    The same noise destroys far more of a 16 x 16 latent than of a 64 x 64 one, so with the
    original schedule the class of a demo scene switches before r = 0.3. Raising the log-SNR moves
    the switch into the paper's grid; the rise fades with (t / T)^8, so that r = 1 remains nearly
    pure noise.

    Args:
        shift: Rise of the log-SNR, in nats of a power ratio.
        num_timesteps: Length of the schedule.

    Returns:
        ``(num_timesteps,)`` float32, in (0, 1).
    """
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, num_timesteps, dtype=torch.float64) ** 2
    log_snr = torch.logit((1 - betas).cumprod(0))
    time = torch.arange(1, num_timesteps + 1, dtype=torch.float64) / num_timesteps
    alphas_cumprod = torch.sigmoid(log_snr + shift * (1 - time**8))
    previous = torch.cat([torch.ones(1, dtype=torch.float64), alphas_cumprod[:-1]])
    return (1 - alphas_cumprod / previous).float()


def make_scheduler(shift: float = 2.0) -> DPMSolverMultistepScheduler:
    """Make the paper's sampler, DPM-Solver++ of order 2, on `shifted_betas`."""
    return DPMSolverMultistepScheduler(
        # As a list, because diffusers has no schedule of this formula; rounded, because the list
        # goes into a JSON file.
        trained_betas=[round(beta, 8) for beta in shifted_betas(shift).tolist()],
        prediction_type="v_prediction",
        algorithm_type="dpmsolver++",
        solver_order=2,
        timestep_spacing="linspace",
        steps_offset=1,
    )


class SmallResNet(nn.Module):
    """A ResNet-10 of torchvision's blocks for small images.

    Args:
        width: Channels of the first stage; the features have 8 x `width` dimensions.
        num_classes: Size of the linear head; 0 for none.
    """

    def __init__(self, width: int, num_classes: int = 0) -> None:
        super().__init__()
        self.num_features = 8 * width
        stem: list[nn.Module] = [
            nn.Conv2d(3, width, 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        stages = [self._stage(width * 2 ** max(k - 1, 0), width * 2**k) for k in range(4)]
        self.features = nn.Sequential(*stem, *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(self.num_features, num_classes) if num_classes else nn.Identity()

    @staticmethod
    def _stage(inplanes: int, planes: int) -> BasicBlock:
        if inplanes == planes:
            return BasicBlock(inplanes, planes)
        shortcut = nn.Sequential(
            nn.Conv2d(inplanes, planes, 1, stride=2, bias=False), nn.BatchNorm2d(planes)
        )
        return BasicBlock(inplanes, planes, stride=2, downsample=shortcut)

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``(N, 3, H, W)`` in [0, 1] to features or logits ``(N, D)``."""
        out: Tensor = self.head(self.features(images * 4 - 2))
        return out


def count_parameters(module: nn.Module) -> int:
    """Count a module's parameters."""
    return sum(math.prod(parameter.shape) for parameter in module.parameters())
