"""Shards of a few scenes on a real tiny pipeline, and what they must cost."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor

from index.generate import BuildContext, ShardResult, run_shard
from index.plan import Plan

RATIOS = (0.3, 0.5, 0.8)
# Network calls on the schedule's even grids. Ten steps begin at 999, 899, …: r = .3 runs 3 of
# them, .5 runs 5, .8 runs 8. Four begin at 999, 749, 500, 250: r = .3 runs 1, .5 runs 2, .8 runs 3.
FULL = {0.3: 3, 0.5: 5, 0.8: 8}
PREVIEW = 1 + 2 + 3
GUIDED = 2


def run(context: BuildContext, plan: Plan, **changes: Any) -> ShardResult:
    """Run all pairs with some settings changed, and keep all sweeps."""
    changed = replace(context, config=replace(context.config, **changes))
    return run_shard(changed, plan, range(len(plan)))


def stored_image(row: dict[str, Any]) -> Tensor:
    """Decode a row's image, ``(3, H, W)`` int32."""
    with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
        pixels: Tensor = pil_to_tensor(image)
    return pixels.int()


def is_from_the_full_sweep(row: dict[str, Any], position: int, full: ShardResult) -> bool:
    """Tell whether a row's image is the full sweep's image of that noise ratio."""
    place = 1 + RATIOS.index(row["noise_ratio"])
    difference = stored_image(row) - full.sweeps[position][1][place].int()
    return int(difference.abs().max()) <= 1
