"""What a training writes: weights, and figures on images that it was not trained on."""

from __future__ import annotations

import json
import platform
import shlex
import sys
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from torch import Tensor, nn

from .config import StageConfig
from .models import SmallResNet, count_parameters, save_vocabulary


@torch.no_grad()
def figures(
    pipeline: StableDiffusionPipeline, oracle: SmallResNet, held_out: Tensor, labels: Tensor
) -> dict[str, float]:
    """Measure on held-out images: reconstruction in dB, the oracle's accuracy before and after.

    Args:
        pipeline: Its autoencoder is measured.
        oracle: Trained on real images.
        held_out: ``(M, 3, R, R)`` uint8.
        labels: ``(M,)`` int64.
    """
    pixels = held_out.float() / 255
    decoded = torch.cat(
        [
            pipeline.vae.decode(pipeline.vae.encode(b * 2 - 1).latent_dist.mode()).sample
            for b in torch.split(pixels, 100)
        ]
    )
    error = ((decoded.clamp(-1, 1) + 1) / 2 - pixels).square().mean((1, 2, 3))
    real, coded = (
        torch.cat([oracle(b).argmax(1) for b in torch.split(x, 100)]).eq(labels).float().mean()
        for x in (pixels, decoded.clamp(-1, 1) / 2 + 0.5)
    )
    return {
        "vae_psnr_db": round(-10 * error.log10().mean().item(), 2),
        "oracle_held_out_accuracy": round(real.item(), 4),
        "oracle_reconstructed_accuracy": round(coded.item(), 4),
    }


def save(model: nn.Module, path: Path) -> None:
    """Write a model's weights in half precision; counters stay integers."""
    state = {k: v.half() if v.is_floating_point() else v for k, v in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, path)


def write_trained(
    config: StageConfig,
    pipeline: StableDiffusionPipeline,
    oracle: SmallResNet,
    measured: dict[str, float],
    about: Mapping[str, Any] | None = None,
    **others: nn.Module,
) -> None:
    """Write `pipeline/`, `oracle.safetensors` and `train.json`, and print the latter.

    Args:
        config: The training.
        pipeline: Written in half precision, and left so.
        oracle: Written in half precision.
        measured: The figures.
        about: What else the report says, by name, such as of the images.
        others: Further models whose parameters are counted, by name.
    """
    models = {**pipeline.components, "oracle": oracle, **others}
    report = {
        "command": _command(),
        "config": {k: v for k, v in asdict(config).items() if not isinstance(v, Path)},
        **(about or {}),
        "figures": measured,
        "parameters": {
            name: count_parameters(model)
            for name, model in models.items()
            if isinstance(model, nn.Module)
        },
        "seconds": {
            path.stem: round(torch.load(path, weights_only=True)["seconds"])
            for path in sorted(config.work.glob("*.pt"))
        },
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "versions": {name: version(name) for name in ("torch", "diffusers", "transformers")},
    }
    # Half precision halves what is shipped; `load_family` reads it into the precision asked for.
    pipeline.to(dtype=torch.float16).save_pretrained(config.out / "pipeline")
    save_vocabulary(pipeline.tokenizer, config.out / "pipeline" / "tokenizer")
    save(oracle, config.out / "oracle.safetensors")
    (config.out / "train.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


def _command() -> str | None:
    """Return the command that was run, as one would type it; None of a program of one's own."""
    # As `python -m` knows it: demo and benchmarks both end here.
    spec = sys.modules["__main__"].__spec__
    if spec is None:
        return None
    return shlex.join(["python", "-m", spec.name.removesuffix(".__main__"), *sys.argv[1:]])
