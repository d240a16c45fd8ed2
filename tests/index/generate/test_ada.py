"""Three ways to r*, on a real tiny pipeline: what they look at, what they cost, what they keep."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor

from index.build.estimate import network_rows_per_pair
from index.build.prepare import embed_sources, resolve
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.diffusion.families import load_family
from index.embed.backbone import load_backbone
from index.generate import RStarCache, neighbours
from index.generate.context import BuildContext
from index.generate.shard import ShardResult, run_shard
from index.plan.pairs import make_plan
from index.plan.plan import Plan
from index.sources.source import Source

RATIOS = (0.3, 0.5, 0.8)
# Network calls on the schedule's even grids. Ten steps begin at 999, 899, …: r = .3 runs 3 of
# them, .5 runs 5, .8 runs 8. Four begin at 999, 749, 500, 250: r = .3 runs 1, .5 runs 2, .8 runs 3.
FULL = {0.3: 3, 0.5: 5, 0.8: 8}
PREVIEW = 1 + 2 + 3
GUIDED = 2


@pytest.fixture(scope="module")
def context(stable_diffusion_folder: Path) -> BuildContext:
    """Eight scenes of each of two classes."""
    scenes = Scenes(8, classes=("star", "ring"), seed=1)
    source = Source(scenes, [str(row) for row in range(16)], "scenes")
    family = load_family(str(stable_diffusion_folder))
    config = BuildConfig(num_inference_steps=10, noise_ratios=RATIOS, ada_steps=4, resolution=16)
    config = resolve(config, family)
    backbone = load_backbone("demo")
    index = embed_sources(source, backbone, 16)
    return BuildContext(config, source, family, backbone, index, ["a star", "a ring"])


@pytest.fixture(scope="module")
def plan(context: BuildContext) -> Plan:
    """Every image to the other class: eight pairs a target."""
    return make_plan(context.source.labels, 2)


def _run(context: BuildContext, plan: Plan, **changes: Any) -> ShardResult:
    changed = replace(context, config=replace(context.config, **changes))
    return run_shard(changed, plan, range(len(plan)))


@pytest.fixture(scope="module")
def full(context: BuildContext, plan: Plan) -> ShardResult:
    return _run(context, plan)


@pytest.fixture(scope="module")
def preview(context: BuildContext, plan: Plan) -> ShardResult:
    return _run(context, plan, ada="preview")


def _stored(row: dict[str, Any]) -> Tensor:
    with Image.open(io.BytesIO(row["image"]["bytes"])) as picture:
        pixels: Tensor = pil_to_tensor(picture)
    return pixels.int()


def _is_from_the_full_sweep(row: dict[str, Any], position: int, full: ShardResult) -> bool:
    place = 1 + RATIOS.index(row["noise_ratio"])
    difference = _stored(row) - full.sweeps[position][1][place].int()
    return int(difference.abs().max()) <= 1


def test_a_preview_keeps_the_full_picture_of_the_r_star_it_found(
    full: ShardResult, preview: ShardResult, plan: Plan
) -> None:
    assert preview.positions == list(range(len(plan)))
    for position, row in enumerate(preview.rows):
        assert _is_from_the_full_sweep(row, position, full)
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


def test_embeddings_are_of_the_previews_and_then_of_the_kept_picture(
    context: BuildContext, preview: ShardResult
) -> None:
    row, block = preview.rows[3], preview.embeddings[3]
    assert block.shape == (len(RATIOS) + 1, context.backbone.dimension)
    kept = context.backbone(_stored(row)[None].to(torch.uint8))[0]
    np.testing.assert_allclose(block[-1], kept, atol=1e-5)
    target, source = context.index.centroid(row["label"]), context.index.embedding(3)
    line = target - source
    d = (block[:-1] - source) @ line / (line @ line)
    np.testing.assert_allclose(row["projections"], d, atol=1e-5)


def test_a_preview_that_failed_is_kept_with_the_seed_that_worked(
    context: BuildContext, plan: Plan, preview: ShardResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    decode, made = context.family.decode, [0]

    def faulty(latents: Tensor) -> Tensor:
        images: Tensor = decode(latents).clone()
        if made[0] == 0:
            images[0] = torch.nan
        made[0] += 1
        return images

    monkeypatch.setattr(context.family, "decode", faulty)
    again = _run(context, plan, ada="preview")
    assert not again.failures
    assert again.rows[0]["seed"] != preview.rows[0]["seed"]
    assert [r["seed"] for r in again.rows[1:]] == [r["seed"] for r in preview.rows[1:]]
    chosen = GUIDED * (FULL[again.rows[0]["noise_ratio"]] - FULL[preview.rows[0]["noise_ratio"]])
    assert again.network_rows == preview.network_rows + GUIDED * PREVIEW + chosen


def _votes(context: BuildContext, target: str, ratios: list[float]) -> BuildContext:
    """Let some images of the other class be known to need these r* for a target."""
    index = context.index
    names = context.source.class_names
    rows = np.flatnonzero(context.source.labels != names.index(target))
    known = RStarCache()
    for row, ratio in zip(rows.tolist(), ratios, strict=False):
        known.record(index.digests[row], target, ratio)
    return replace(context, r_stars=known)


@pytest.fixture
def to_ring(context: BuildContext, plan: Plan) -> Plan:
    """The eight pairs of one target."""
    ring = context.source.class_names.index("ring")
    return plan.take(np.flatnonzero(plan.targets == ring).tolist())


def test_neighbours_that_agree_replace_the_preview(
    context: BuildContext,
    plan: Plan,
    to_ring: Plan,
    full: ShardResult,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(neighbours, "VERIFIED_OF", 10**12)  # none
    asked = _votes(context, "ring", [0.5] * 5)
    result = _run(asked, to_ring, ada="neighbours")
    assert [row["noise_ratio"] for row in result.rows] == [0.5] * 8
    assert [row["noise_ratios"] for row in result.rows] == [[0.5]] * 8
    assert result.network_rows == 8 * GUIDED * FULL[0.5]
    assert result.ada["predicted"] == 8
    positions = np.flatnonzero(plan.targets == to_ring.targets[0]).tolist()
    for position, row, block in zip(positions, result.rows, result.embeddings, strict=True):
        assert _is_from_the_full_sweep(row, position, full)
        assert len(block) == 2
        np.testing.assert_array_equal(block[0], block[1])


def test_neighbours_that_disagree_are_not_asked_again(context: BuildContext, to_ring: Plan) -> None:
    asked = _votes(context, "ring", [0.3, 0.3, 0.5, 0.5, 0.8])
    result = _run(asked, to_ring, ada="neighbours")
    looked = _run(context, to_ring, ada="preview")
    assert result.ada["predicted"] == 0
    assert result.network_rows == looked.network_rows
    assert [r["noise_ratio"] for r in result.rows] == [r["noise_ratio"] for r in looked.rows]


def test_without_known_r_stars_the_first_pairs_of_a_target_are_pilots(
    context: BuildContext, plan: Plan, preview: ShardResult
) -> None:
    result = _run(context, plan, ada="neighbours")
    for target in (0, 1):
        pilots = np.flatnonzero(plan.targets == target)[: neighbours.NEIGHBOURS].tolist()
        for position in pilots:
            assert result.rows[position]["projections"] == pytest.approx(
                preview.rows[position]["projections"], abs=1e-2
            )
    assert result.ada["previewed"] + result.ada["predicted"] == len(plan)
    assert result.ada["previewed"] >= 2 * neighbours.NEIGHBOURS


def test_votes_are_verified_and_dropped_where_they_are_wrong(
    context: BuildContext, to_ring: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "VERIFIED_OF", 2)
    looked = [row["noise_ratio"] for row in _run(context, to_ring, ada="preview").rows]
    # The paper's rule never chooses the smallest r, and r = .8 is two places away from it.
    asked = _votes(context, "ring", [0.3] * 5)
    result = _run(asked, to_ring, ada="neighbours")
    verified, right = result.ada["verified"], result.ada["verified_within_one_step"]
    assert 0 < verified < 8
    found = [row["noise_ratio"] for row in result.rows]
    if right < neighbours.AGREEMENT * verified:
        assert found == looked
    else:
        assert found.count(0.3) == result.ada["predicted"] == 8 - verified
        assert all(a == b for a, b in zip(found, looked, strict=True) if a != 0.3)


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
    with pytest.raises(ValueError, match="ada_steps must be at least 1, got 0"):
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
