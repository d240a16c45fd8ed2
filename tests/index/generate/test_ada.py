"""Ways to r* on a real tiny pipeline: what they consider, what they cost, what they keep."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from index.build.estimate import network_rows_per_pair
from index.build.prepare import resolve
from index.config import BuildConfig
from index.generate import BuildContext, ShardResult
from index.plan import Plan

from .runs import FULL, GUIDED, PREVIEW, RATIOS, is_from_the_full_sweep, run, stored_image


def test_a_preview_keeps_the_full_image_of_the_r_star_it_found(
    full: ShardResult, preview: ShardResult, plan: Plan
) -> None:
    assert preview.positions == list(range(len(plan)))
    for position, row in enumerate(preview.rows):
        assert is_from_the_full_sweep(row, position, full)
        assert row["seed"] == full.rows[position]["seed"]
        assert row["noise_ratios"] == list(RATIOS)
        jumps = np.abs(np.diff(row["projections"]))
        assert row["noise_ratio"] == RATIOS[1 + int(jumps.argmax())]
        assert row["projections"] != full.rows[position]["projections"]  # of fewer steps


def test_a_preview_costs_few_steps_and_one_full_run(preview: ShardResult, plan: Plan) -> None:
    calls = sum(PREVIEW + FULL[row["noise_ratio"]] for row in preview.rows)
    assert preview.network_rows == GUIDED * calls
    assert preview.ada["previewed"] == len(plan)
    assert preview.stats()["ada"] == preview.ada


def test_the_estimate_of_a_preview_is_an_upper_bound(context: BuildContext) -> None:
    assert network_rows_per_pair(context.config, context.family) == GUIDED * (3 + 5 + 8)
    cheap = replace(context.config, ada="preview")
    assert network_rows_per_pair(cheap, context.family) == GUIDED * (PREVIEW + 8)


def test_embeddings_are_of_the_preview_and_then_of_the_kept_image(
    context: BuildContext, preview: ShardResult
) -> None:
    row, block = preview.rows[3], preview.embeddings[3]
    assert block.shape == (len(RATIOS) + 1, context.backbone.dimension)
    kept = context.backbone(stored_image(row)[None].to(torch.uint8))[0]
    np.testing.assert_allclose(block[-1], kept, atol=1e-5)
    target, source = context.index.centroid(row["label"]), context.index.embedding(3)
    line = target - source
    d = (block[:-1] - source) @ line / (line @ line)
    np.testing.assert_allclose(row["projections"], d, atol=1e-5)


def test_a_preview_that_failed_is_kept_with_the_seed_that_worked(
    context: BuildContext, plan: Plan, preview: ShardResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, calls = context.family.decode, [0]

    def faulty(latents: Tensor) -> Tensor:
        images: Tensor = decode(latents).clone()
        if calls[0] == 0:
            images[0] = torch.nan
        calls[0] += 1
        return images

    monkeypatch.setattr(context.family, "decode", faulty)
    again = run(context, plan, ada="preview")
    assert not again.failures
    assert again.rows[0]["seed"] != preview.rows[0]["seed"]
    assert [r["seed"] for r in again.rows[1:]] == [r["seed"] for r in preview.rows[1:]]
    chosen = GUIDED * (FULL[again.rows[0]["noise_ratio"]] - FULL[preview.rows[0]["noise_ratio"]])
    assert again.network_rows == preview.network_rows + GUIDED * PREVIEW + chosen


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ada_steps": 10}, "a preview of ada_steps 10 saves nothing with num_inference_steps 10"),
        ({"ada_steps": 1}, "ada_steps 1 is too few: noise_ratio 0.3 runs none of the 1 steps"),
    ],
)
def test_previews_that_make_no_sense_are_refused(
    context: BuildContext, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        resolve(replace(context.config, ada="preview", **change), context.family)


def test_settings_that_exclude_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="keep_sweep needs the whole sweep, so --ada full, not pr"):
        BuildConfig(ada="preview", keep_sweep=True)
    with pytest.raises(ValueError, match=r"ada_steps must lie in \[1, 1000\], got 0"):
        BuildConfig(ada_steps=0)
    with pytest.raises(ValueError, match="resolve the config first"):
        _ = BuildConfig().steps


def test_the_recipe_holds_what_changes_pixels_or_r_star() -> None:
    recipe = BuildConfig(ada="preview", compile=True).recipe()
    assert (recipe["ada"], recipe["ada_steps"], recipe["compile"]) == ("preview", 3, True)
    assert {"channels_last", "vae_tiling", "safety_checker", "dtype"} <= recipe.keys()
    assert not {"vae_slicing", "offload", "batch_size"} & recipe.keys()


def test_batch_size_0_is_found(context: BuildContext) -> None:
    assert resolve(replace(context.config, batch_size=0), context.family).batch_size == 64
