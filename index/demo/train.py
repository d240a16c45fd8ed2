"""Train everything that the demo embeds: `python -m index.demo.train`.

Stages, in order: autoencoder, denoiser with its text encoder, oracle (all classes, for measuring
only), backbone (base classes only). Each resumes from its last checkpoint.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import torch
import tyro
from diffusers import AutoencoderKL, StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from .fit import fit
from .models import (
    SmallResNet,
    count_parameters,
    make_scheduler,
    make_text_encoder,
    make_tokenizer,
    make_unet,
    make_vae,
)
from .scenes import BASE_CLASSES, CLASSES, COLORS, TEXTURES, Scenes

HERE = Path(__file__).parent


@dataclass(frozen=True)
class TrainConfig:
    """Training of the demo's models.

    Attributes:
        out: Folder that receives `pipeline/`, `encoder.safetensors`, `oracle.safetensors` and
            `train.json`.
        work: Folder of checkpoints; delete it to start afresh.
        scenes: Training scenes in all.
        vae_steps: Optimiser steps of the autoencoder.
        decoder_steps: Further steps of its decoder alone, on the modes of the posterior.
        unet_steps: Optimiser steps of the denoiser.
        shapes_steps: Further steps at the noise levels where shapes are decided, log-SNR -5 to 2.
        encoder_steps: Optimiser steps of the backbone.
        oracle_steps: Optimiser steps of the oracle.
        seed: Seed of scenes, weights and batches.
    """

    out: Path = HERE
    work: Path = Path("demo-training")
    scenes: int = 42_000
    vae_steps: int = 1800
    decoder_steps: int = 1500
    unet_steps: int = 6000
    shapes_steps: int = 5000
    encoder_steps: int = 1000
    oracle_steps: int = 1500
    seed: int = 0


def draw(rng: torch.Generator, size: int, upper: int) -> Tensor:
    """Draw `size` row numbers below `upper`."""
    return torch.randint(upper, (size,), generator=rng)


def train_vae(config: TrainConfig, pixels: Tensor) -> AutoencoderKL:
    """Train the autoencoder on pixels ``(N, 3, 64, 64)`` uint8."""
    vae = make_vae()

    def loss(rng: torch.Generator) -> Tensor:
        images = pixels[draw(rng, 32, len(pixels))].float() / 127.5 - 1
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(images).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=rng)
            decoded = vae.decode(posterior.mean + posterior.std * noise).sample
        divergence: Tensor = posterior.kl().mean() / 1024
        return _difference(decoded.float(), images) + 2e-3 * divergence

    fit(
        "vae",
        nn.ModuleDict({"vae": vae}),
        loss,
        num_steps=config.vae_steps,
        learning_rate=3e-3,
        folder=config.work,
        seed=config.seed,
    )

    def sharper(rng: torch.Generator) -> Tensor:
        images = pixels[draw(rng, 32, len(pixels))].float() / 127.5 - 1
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                latents = vae.encode(images).latent_dist.mode()
            decoded = vae.decode(latents).sample
        return _difference(decoded.float(), images)

    # The builder encodes with the posterior's mode: let the decoder learn what that gives.
    fit(
        "decoder",
        nn.ModuleDict({"decoder": vae.decoder, "post_quant_conv": vae.post_quant_conv}),
        sharper,
        num_steps=config.decoder_steps,
        learning_rate=2e-3,
        folder=config.work,
        seed=config.seed + 4,
    )
    return vae


def _difference(decoded: Tensor, images: Tensor) -> Tensor:
    """Compare images: absolute, squared, and at the edges."""
    error = decoded - images
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + error.square().mean() + edges


@torch.no_grad()
def encode_all(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """Encode pixels ``(N, 3, 64, 64)`` uint8 to posterior modes ``(N, 4, 16, 16)``, unscaled."""
    batches = tqdm(torch.split(pixels, 256), desc="latents", mininterval=5)
    return torch.cat([vae.encode(b.float() / 127.5 - 1).latent_dist.mode() for b in batches])


def train_pipeline(config: TrainConfig, scenes: Scenes, pixels: Tensor) -> StableDiffusionPipeline:
    """Train autoencoder, text encoder and denoiser, and assemble the pipeline."""
    vae = train_vae(config, pixels)
    latents = encode_all(vae, pixels)
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 5))
    latents *= vae.config.scaling_factor

    words = ["a", "photo", "of", "on", "type", "shape", *CLASSES, *COLORS, *TEXTURES, ".", ","]
    tokenizer = make_tokenizer(words)
    text_encoder, unet, scheduler = make_text_encoder(tokenizer), make_unet(), make_scheduler()
    plain = [f"A photo of a {CLASSES[label]}" for label in scenes.targets]
    captions = [scenes.caption(index) for index in range(len(scenes))]
    tokens = tokenizer(
        [*plain, *captions, ""], padding="max_length", truncation=True, return_tensors="pt"
    ).input_ids
    snr = scheduler.alphas_cumprod / (1 - scheduler.alphas_cumprod)
    modules = nn.ModuleDict({"unet": unet, "text_encoder": text_encoder})

    def loss(rng: torch.Generator, draw_times: Callable[[torch.Generator], Tensor]) -> Tensor:
        rows = draw(rng, 64, len(latents))
        kind = torch.rand(64, generator=rng)
        prompts = rows + (kind < 0.33) * len(latents)
        prompts[kind > 0.9] = len(tokens) - 1  # the empty prompt, for guidance
        times = draw_times(rng)
        noise = torch.randn(64, *latents.shape[1:], generator=rng)
        clean = latents[rows]
        alpha = scheduler.alphas_cumprod[times].sqrt()[:, None, None, None]
        sigma = (1 - alpha**2).sqrt()
        context = text_encoder(tokens[prompts]).last_hidden_state
        predicted = unet(alpha * clean + sigma * noise, times, context).sample
        error: Tensor = (predicted - (alpha * noise - sigma * clean)).square().mean((1, 2, 3))
        weighted: Tensor = (weights[times] * error).mean()
        return weighted

    weights = snr.clamp(max=5) / (snr + 1)  # min-SNR weighting of v-prediction
    fit(
        "unet",
        modules,
        lambda rng: loss(rng, lambda rng: draw(rng, 64, 1000)),
        num_steps=config.unet_steps,
        learning_rate=1.5e-3,
        folder=config.work,
        seed=config.seed + 1,
        ema_decay=0.999,
    )
    # Shapes are decided where few timesteps lie and the weights above are small: dwell there.
    weights = torch.ones_like(snr)
    levels = snr.log().flip(0).contiguous()
    fit(
        "shapes",
        modules,
        lambda rng: loss(
            rng, lambda rng: 999 - torch.searchsorted(levels, 7 * torch.rand(64, generator=rng) - 5)
        ),
        num_steps=config.shapes_steps,
        learning_rate=1.5e-3,
        folder=config.work,
        seed=config.seed + 5,
        ema_decay=0.999,
    )
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


def train_encoder(config: TrainConfig, pixels: Tensor, labels: Tensor) -> SmallResNet:
    """Train the backbone on pixels ``(N, 3, 64, 64)`` uint8 of base classes; drop its head."""
    model = SmallResNet(width=32, num_classes=len(BASE_CLASSES))
    train_classifier("encoder", model, config, pixels, labels, config.encoder_steps)
    model.head = nn.Identity()
    return model


def train_oracle(config: TrainConfig, pixels: Tensor, labels: Tensor) -> SmallResNet:
    """Train the classifier that measures, on pixels ``(N, 3, 64, 64)`` uint8 of all classes."""
    model = SmallResNet(width=24, num_classes=len(CLASSES))
    train_classifier("oracle", model, config, pixels, labels, config.oracle_steps)
    return model


def train_classifier(
    name: str,
    model: SmallResNet,
    config: TrainConfig,
    pixels: Tensor,
    labels: Tensor,
    num_steps: int,
) -> None:
    """Train a classifier in place, on pixels ``(N, 3, 64, 64)`` uint8 with a little noise."""

    def loss(rng: torch.Generator) -> Tensor:
        rows = draw(rng, 64, len(pixels))
        images = pixels[rows].float() / 255
        images = images + 0.03 * torch.randn(images.shape, generator=rng)
        return F.cross_entropy(model(images), labels[rows], label_smoothing=0.05)

    fit(
        name,
        nn.ModuleDict({name: model}),
        loss,
        num_steps=num_steps,
        learning_rate=3e-3,
        folder=config.work,
        seed=config.seed + (3 if name == "oracle" else 2),
    )


@torch.no_grad()
def figures(pipeline: StableDiffusionPipeline, oracle: SmallResNet) -> dict[str, float]:
    """Measure on held-out scenes: reconstruction in dB, the oracle's accuracy."""
    held_out = Scenes(num_per_class=100, seed=2**20)
    pixels = held_out.pixels(slice(None)).float() / 255
    decoded = torch.cat(
        [
            pipeline.vae.decode(pipeline.vae.encode(b * 2 - 1).latent_dist.mode()).sample
            for b in torch.split(pixels, 100)
        ]
    )
    error = ((decoded.clamp(-1, 1) + 1) / 2 - pixels).square().mean((1, 2, 3))
    predicted = torch.cat([oracle(b).argmax(1) for b in torch.split(pixels, 100)])
    right = (predicted == torch.tensor(held_out.targets)).float().mean()
    return {
        "vae_psnr_db": round(-10 * error.log10().mean().item(), 2),
        "oracle_held_out_accuracy": round(right.item(), 4),
    }


def save(model: nn.Module, path: Path) -> None:
    """Write a model's weights in half precision; counters stay integers."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, path)


def main(config: TrainConfig) -> None:
    """Train what is missing and write the demo's folder."""
    torch.manual_seed(config.seed)
    config.work.mkdir(parents=True, exist_ok=True)
    scenes = Scenes(num_per_class=config.scenes // len(CLASSES), seed=config.seed)
    blocks = [slice(k, k + 2000) for k in range(0, len(scenes), 2000)]
    pixels = torch.cat([scenes.pixels(b) for b in tqdm(blocks, desc="scenes", mininterval=5)])
    labels = torch.tensor(scenes.targets)

    pipeline = train_pipeline(config, scenes, pixels)
    oracle = train_oracle(config, pixels, labels)
    base = labels < len(BASE_CLASSES)
    encoder = train_encoder(config, pixels[base], labels[base])

    report = {
        "command": "python -m index.demo.train",
        "config": {k: v for k, v in asdict(config).items() if not isinstance(v, Path)},
        "figures": figures(pipeline, oracle),
        "parameters": {
            name: count_parameters(model)
            for name, model in {**pipeline.components, "encoder": encoder, "oracle": oracle}.items()
            if isinstance(model, nn.Module)
        },
        "seconds": {
            path.stem: round(torch.load(path, weights_only=True)["seconds"])
            for path in sorted(config.work.glob("*.pt"))
        },
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "versions": {name: version(name) for name in ("torch", "diffusers", "transformers")},
    }
    pipeline.to(dtype=torch.float16).save_pretrained(config.out / "pipeline")
    save(encoder, config.out / "encoder.safetensors")
    save(oracle, config.out / "oracle.safetensors")
    (config.out / "train.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main(tyro.cli(TrainConfig))
