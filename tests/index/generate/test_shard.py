"""One shard on a real tiny pipeline: bad output is retried, then recorded, never stored."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from genie_transforms import UserError
from index.build.prepare import embed_sources, resolve
from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.diffusion.families import load_family
from index.diffusion.family import Family
from index.diffusion.weights import ModelError
from index.embed.backbone import load_backbone
from index.generate.context import BuildContext
from index.generate.shard import run_shard
from index.plan.pairs import make_plan
from index.plan.plan import Plan
from index.sources.dataset import source_of

SIDE = 16


@pytest.fixture
def context(stable_diffusion_folder: Path) -> BuildContext:
    scenes = Scenes(2, classes=("star", "ring"), seed=1)
    source = source_of(scenes)
    backbone = load_backbone("demo")
    family = load_family(str(stable_diffusion_folder))
    config = BuildConfig(num_inference_steps=4, noise_ratios=(0.5, 0.75), resolution=SIDE)
    config = resolve(config, family)
    index = embed_sources(source, backbone, SIDE)
    return BuildContext(config, source, family, backbone, index, [("a star",), ("a ring",)])


@pytest.fixture
def plan(context: BuildContext) -> Plan:
    return make_plan(context.source.labels, 2)


def _spoil(family: Family, monkeypatch: pytest.MonkeyPatch, calls: int) -> list[int]:
    """Make the decoder fail on the first image of its first `calls` calls."""
    decode, decoded = family.decode, [0]

    def faulty(latents: Tensor) -> Tensor:
        images: Tensor = decode(latents).clone()
        if decoded[0] < calls:
            images[0] = torch.nan
        decoded[0] += 1
        return images

    monkeypatch.setattr(family, "decode", faulty)
    return decoded


def test_a_failed_image_is_made_again_with_another_seed(
    context: BuildContext, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = run_shard(context, plan)
    _spoil(context.family, monkeypatch, calls=1)
    mended = run_shard(context, plan)
    assert len(mended.rows) == len(plan)
    assert not mended.failures
    assert mended.network_rows == good.network_rows + 2 * (2 + 3)  # one pair again, with guidance
    assert mended.rows[0]["seed"] != good.rows[0]["seed"]
    assert [r["seed"] for r in mended.rows[1:]] == [r["seed"] for r in good.rows[1:]]


def test_what_never_works_is_recorded_and_not_stored(
    context: BuildContext, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil(context.family, monkeypatch, calls=1000)
    result = run_shard(context, plan)
    (failure,) = [one for one in result.failures if (one["source"], one["target"]) == (0, 1)]
    assert (failure["reason"], failure["attempts"]) == ("not finite", 3)
    assert failure["reasons"] == ["not finite"] * 3
    assert len(result.rows) + len(result.failures) == len(plan)
    assert result.stats()["failures"] == result.failures


def test_an_image_that_changed_since_it_was_embedded_is_noticed(
    context: BuildContext, plan: Plan
) -> None:
    other = source_of(Scenes(2, classes=("star", "ring"), seed=2))
    with pytest.raises(UserError, match="0 has changed since it was embedded: run the same"):
        run_shard(replace(context, source=other), plan)


def test_a_source_on_the_targets_centroid_fails_alone(context: BuildContext, plan: Plan) -> None:
    classes = context.index.classes
    classes.sums[1] = classes.counts[1] * context.index.embedding(0).astype(np.float64)
    result = run_shard(context, plan)
    assert [(f["source"], f["target"]) for f in result.failures] == [(0, 1)]
    assert "centroid" in result.failures[0]["reason"]
    assert len(result.rows) == len(plan) - 1


def test_rows_do_not_depend_on_what_is_in_the_shard(context: BuildContext, plan: Plan) -> None:
    together = run_shard(context, plan).rows
    alone = [run_shard(context, plan.take([k])) for k in range(len(plan))]
    for row, one in zip(together, alone, strict=True):
        other: dict[str, Any] = one.rows[0]
        assert (row["noise_ratio"], row["seed"]) == (other["noise_ratio"], other["seed"])
        np.testing.assert_allclose(row["projections"], other["projections"], atol=1e-2)


def test_quality_columns_are_cosines(context: BuildContext, plan: Plan) -> None:
    row, images = run_shard(context, plan, keep_sweeps_of=[0]).sweeps[0]
    assert images.shape == (3, 3, SIDE, SIDE)
    chosen = row["noise_ratios"].index(row["noise_ratio"])
    z = context.backbone(images[1 + chosen][None])[0]
    centroid = context.index.centroid(row["label"])
    cosine = z @ centroid / np.linalg.norm(centroid)
    assert row["target_similarity"] == pytest.approx(cosine, abs=1e-5)
    other = context.index.centroid(1 - row["label"])
    margin = cosine - z @ other / np.linalg.norm(other)
    assert row["margin"] == pytest.approx(margin, abs=1e-5)
    assert row["source_similarity"] == pytest.approx(context.index.embedding(0) @ z, abs=1e-5)
    assert row["on_target"] == (row["nearest_class"] == row["label"])


def test_embeddings_stand_beside_their_rows(context: BuildContext, plan: Plan) -> None:
    result = run_shard(context, plan, keep_sweeps_of=[1])
    assert result.positions == list(range(len(plan)))
    row, images = result.sweeps[1]
    embedded = context.backbone(images[1:])
    np.testing.assert_allclose(result.embeddings[1][:-1], embedded, atol=1e-5)
    chosen = row["noise_ratios"].index(row["noise_ratio"])
    np.testing.assert_array_equal(result.embeddings[1][-1], result.embeddings[1][chosen])


def test_calls_that_do_not_fit_into_memory_are_halved_and_stay_so(
    context: BuildContext, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = run_shard(context, plan)
    predict, rows = context.family.predict, []

    def small(latents: Tensor, *others: Any) -> Tensor:
        rows.append(len(latents))
        if len(latents) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")
        return predict(latents, *others)

    monkeypatch.setattr(context.family, "predict", small)
    result = run_shard(context, plan)
    assert result.failures == []
    assert [row["noise_ratio"] for row in result.rows] == [row["noise_ratio"] for row in whole.rows]
    assert sum(count > 3 for count in rows) < 8  # of 64, 32, 16, 8 and 4 rows at most
    rows.clear()
    run_shard(context, plan)
    assert max(rows) <= 3


def test_a_model_that_does_not_fit_at_all_is_said_to_be_so(
    context: BuildContext, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*arguments: Any) -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 MiB.")

    monkeypatch.setattr(context.family, "predict", never)
    with pytest.raises(ModelError, match="not even one row fits into the memory of cpu"):
        run_shard(context, plan)
