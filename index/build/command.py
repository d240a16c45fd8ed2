"""The command line `python -m index.build`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

from genie_transforms import StorageError, UserError
from index.command import run_command
from index.config import BuildConfig
from index.stopping import Stopped

from .presets import PRESETS

logger = logging.getLogger("genie.build")

GROUPS = {
    "essential": (
        *("source", "model", "backbone", "out", "method", "prompt", "per_class", "device"),
        *("dry_run",),
    ),
    "source": (*("image_root", "on_bad_image", "class_names", "prompts", "captions", "captioner"),),
    "model": ("revision", "variant", "dtype", "lora", "scheduler", "safety_checker"),
    "method": (
        *("noise_ratio", "noise_ratios", "rule", "ada", "ada_steps", "ada_guidance"),
        *("noise", "num_inference_steps", "guidance_scale", "guidance_interval"),
        *("negative_prompt", "prompt_templates", "agree", "inversions", "resolution", "seed"),
    ),
    "plan": ("pairs", "confusion", "max_pairs", "only_classes", "max_class_size", "variations"),
    "cost": (
        *("cache", "batch_size", "pairs_per_shard", "stale_distance", "refresh_stale"),
        *("retry_failed",),
    ),
    "machine": ("workers", "channels_last", "compile", "vae_slicing", "vae_tiling", "offload"),
    "output": (
        *("staging", "store_resolution", "image_format", "keep_sweep", "preview"),
        *("index_factory",),
    ),
}
"""How `--help` groups the settings; the first group is what people need first."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    run_command(_build, BuildConfig, "index.build", arguments, groups=GROUPS, presets=PRESETS)


def _build(config: BuildConfig) -> None:
    """Build, print the summary, and end with exit status 1 if a pair failed.

    Raises:
        StorageError: A file cannot be written.
        Stopped: By a signal.
        UserError: The demo's backbone is asked for other images.
    """
    if config.backbone == "demo" and not config.is_demo:
        # It would decide r*, on_target and what the default filter keeps.
        raise UserError(
            "--backbone demo knows nothing but the demo's shapes of 64 pixels: leave --backbone "
            "out for torchvision:resnet50, or give one that knows such images; see --help"
        )
    # These take seconds, which --help should not.
    from genie_transforms.format import Manifest
    from index.store import finished_shards

    from .builder import report_build
    from .demo_images import leave_images

    try:
        print(report_build(config))
        if config.is_demo and not config.dry_run:
            print(leave_images(config))
    except StorageError as error:
        raise StorageError(f"{error}; once that is mended, the same command goes on") from error
    except Stopped as stop:
        raise Stopped(
            stop.number,
            f"{len(finished_shards(config.folder))} shards of {config.folder} are finished, and "
            "the same command goes on from there",
        ) from None
    failed = 0 if config.dry_run else Manifest.read(config.folder).counts["failed"]
    if failed:
        logger.error(
            "%d pairs failed: %s say which and why; --retry-failed tries further seeds",
            failed, config.folder / "stats" / "*.json",
        )  # fmt: skip
        sys.exit(1)
