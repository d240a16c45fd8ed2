"""Train everything that the demo embeds: `python -m index.demo.train`.

Stages, in order: autoencoder, denoiser with its text encoder, oracle (all classes, for measuring
only), backbone (base classes only, no labels). Each resumes from its last checkpoint.
"""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch
import tyro
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import nn
from tqdm import tqdm

from .models import SmallResNet, count_parameters
from .scenes import BASE_CLASSES, CLASSES, Scenes
from .train_config import TrainConfig
from .train_encoders import centroid_accuracy, train_encoder, train_oracle
from .train_pipeline import train_pipeline
from .unisiam import Cutouts


@torch.no_grad()
def figures(pipeline: StableDiffusionPipeline, oracle: SmallResNet) -> dict[str, float]:
    """Measure on held-out scenes: reconstruction in dB, the oracle's accuracy before and after."""
    held_out = Scenes(num_per_class=100, seed=2**20)
    pixels = held_out.pixels(slice(None)).float() / 255
    decoded = torch.cat(
        [
            pipeline.vae.decode(pipeline.vae.encode(b * 2 - 1).latent_dist.mode()).sample
            for b in torch.split(pixels, 100)
        ]
    )
    error = ((decoded.clamp(-1, 1) + 1) / 2 - pixels).square().mean((1, 2, 3))
    real, coded = (
        torch.cat([oracle(b).argmax(1) for b in torch.split(x, 100)])
        .eq(torch.tensor(held_out.targets))
        .float()
        .mean()
        .item()
        for x in (pixels, decoded.clamp(-1, 1) / 2 + 0.5)
    )
    return {
        "vae_psnr_db": round(-10 * error.log10().mean().item(), 2),
        "oracle_held_out_accuracy": round(real, 4),
        "oracle_reconstructed_accuracy": round(coded, 4),
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
    base = Scenes(num_per_class=config.objects // len(BASE_CLASSES), classes=BASE_CLASSES)
    encoder = train_encoder(config, Cutouts.of(base.params))

    report = {
        "command": "python -m index.demo.train",
        "config": {k: v for k, v in asdict(config).items() if not isinstance(v, Path)},
        "figures": figures(pipeline, oracle) | centroid_accuracy(encoder),
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
