"""A build without a model: the whole conductor, real files, and rows that cost nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler
from PIL import Image
from torch import Tensor

from genie_transforms import source_digest
from index.build import builder, report_build, shards
from index.build.open import Opened
from index.build.prompts import make_build_prompts
from index.config import BuildConfig
from index.diffusion.family import Family
from index.embed import Backbone
from index.generate import BuildContext, ShardResult
from index.plan import Plan
from index.sources import open_source
from tests.banks import negative_colour, png

SIDE = 8


class FakeFamily:
    """As much of a diffusion model as a build asks for before it generates."""

    resolution = SIDE
    default_num_inference_steps = 4
    default_guidance_scale = 1.0
    max_tokens = 77
    check_prompts = Family.check_prompts

    def __init__(self) -> None:
        self.scheduler = DPMSolverMultistepScheduler()

    def num_tokens(self, text: str) -> int:
        return len(text.split())

    def latent_shape(self, images: Tensor) -> tuple[int, int, int]:
        return (4, 1, 1)

    def fingerprint(self) -> dict[str, Any]:
        config = {k: v for k, v in dict(self.scheduler.config).items() if k[0] != "_"}
        return {"family": "fake", "scheduler": {"class": type(self.scheduler).__name__, **config}}


class Colours(Backbone):
    """Embeds an image by its mean colour; counts what it is asked."""

    name, dimension = "colours", 3

    def __init__(self) -> None:
        self.num_images = 0

    def features(self, images: Tensor) -> Tensor:
        self.num_images += len(images)
        return images.float().mean((2, 3)) + 1

    def fingerprint(self) -> dict[str, Any]:
        return {"name": self.name}


def write_photos(root: Path, per_class: int = 2) -> Path:
    """Write images of two classes, each of one colour."""
    for label, name in enumerate(("cat", "dog")):
        for number in range(per_class):
            colour = (40 + 90 * label, 20 + 30 * number, 200 - 60 * label)
            (root / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (SIDE, SIDE), colour).save(root / name / f"{number}.png")
    return root


def config_of(source: Path, out: Path, **changes: Any) -> BuildConfig:
    settings = {"method": "genie", "pairs_per_shard": 2, "preview": 0, "device": "cpu"}
    return BuildConfig(source=str(source), out=out, **{**settings, **changes})


def open_fake(given: BuildConfig, dataset: Any = None) -> Opened:
    """What `open_build` returns, without opening a model."""
    config = replace(given, backbone="colours")
    source = open_source(config.source)
    prompts = make_build_prompts(config, source)
    family: Any = FakeFamily()
    return Opened(given, config, source, prompts, None, Colours(), family)


def run_fake_shard(
    context: BuildContext,
    plan: Plan,
    keep_sweeps_of: Sequence[int] = (),
    first_seeds: Mapping[int, int] | None = None,
) -> ShardResult:
    """Rows that follow from the pair alone; the colour says which one it is."""
    result = ShardResult(network_rows=len(plan), ada={})
    result.seconds["network"] = 0.0
    for position, (source, target) in enumerate(zip(plan.sources, plan.targets, strict=True)):
        digest = source_digest(context.source.image(int(source)))
        seed = int(hashlib.sha256(f"{digest} {target}".encode()).hexdigest()[:6], 16)
        colour = negative_colour(seed)
        image = Image.new("RGB", (SIDE, SIDE), colour)
        pixels = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)[None]
        vector = context.backbone(pixels)[0]
        result.rows.append(
            {
                "image": {"bytes": png(image), "path": None},
                "label": int(target),
                "source_label": int(context.source.labels[source]),
                "source_id": str(context.source.ids[source]),
                "source_digest": digest,
                "noise_ratio": 0.8,
                "noise_ratios": [0.8],
                "projections": [0.5],
                "prompt": context.prompt(int(source), int(target), 0),
                "seed": seed,
                "method": "genie",
                "target_similarity": 0.5,
                "margin": 0.1,
                "nearest_class": int(target),
                "source_similarity": 0.5,
                "on_target": True,
                "duplicate": False,
                "near_duplicate": False,
                "blank": False,
                "stale": False,
            }
        )
        result.positions.append(position)
        result.embeddings.append(np.stack([vector, vector]))
    return result


def install(patch: Any = setattr, run_shard: Any = run_fake_shard) -> None:
    """Let `report_build` use the fakes; `patch` is such as `monkeypatch.setattr`."""
    patch(builder, "open_build", open_fake)
    patch(shards, "run_shard", run_shard)


def fake_build(config: BuildConfig) -> str:
    return report_build(config)


def files_of(out: Path) -> dict[str, bytes]:
    """All files of a bank but the statistics, in which durations stand."""
    return {
        path.relative_to(out).as_posix(): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.parent.name != "stats"
    }
