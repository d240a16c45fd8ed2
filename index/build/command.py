"""The command line `python -m index.build`."""

from __future__ import annotations

from collections.abc import Sequence

from genie_transforms import UserError
from index.command import run_command
from index.config import BuildConfig

GROUPS = {
    "essential": (
        *("source", "model", "backbone", "out", "method", "prompt", "per_class", "device"),
        *("dry_run",),
    ),
    "source": ("image_root", "class_names", "captions", "captioner"),
    "model": ("revision", "variant", "dtype", "lora", "scheduler", "safety_checker"),
    "method": (
        *("noise_ratio", "noise_ratios", "rule", "ada", "ada_steps", "noise"),
        *("num_inference_steps", "guidance_scale", "negative_prompt", "agree", "inversions"),
        *("resolution", "seed"),
    ),
    "plan": ("pairs", "confusion", "max_pairs", "only_classes", "max_class_size", "variations"),
    "cost": ("cache", "batch_size", "pairs_per_shard", "stale_distance", "refresh_stale"),
    "machine": ("channels_last", "compile", "vae_slicing", "vae_tiling", "offload"),
    "output": ("store_resolution", "image_format", "keep_sweep", "preview", "index_factory"),
}
"""How `--help` groups the settings; the first group is what people need first."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_build, BuildConfig, "index.build", arguments, groups=GROUPS)


def _build(config: BuildConfig) -> None:
    if config.backbone == "demo" and not config.is_demo:
        # It would decide r*, on_target and what the default filter keeps.
        raise UserError(
            "--backbone demo knows nothing but the demo's shapes of 64 pixels: leave --backbone "
            "out for torchvision:resnet50, or give one that knows such images; see --help"
        )
    # These take seconds, which --help should not.
    from .builder import report_build
    from .demo_images import leave_images

    print(report_build(config))
    if config.is_demo and not config.dry_run:
        print(leave_images(config))
