"""One shard on a real tiny pipeline: bad output is retried, then recorded, never stored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from index.config import BuildConfig
from index.demo.scenes import Scenes
from index.diffusion.families import Family, load_family
from index.embed import load_backbone
from index.plan import Plan, make_plan
from index.preparation import embed_sources, resolve
from index.sources import Source
from index.worker import Workshop, fit_to, run_shard

SIDE = 16


@pytest.fixture
def shop(stable_diffusion_folder: Path) -> Workshop:
    scenes = Scenes(2, classes=("star", "ring"), seed=1)
    source = Source(scenes, [str(row) for row in range(4)], "scenes")
    backbone = load_backbone("demo")
    family = load_family(str(stable_diffusion_folder))
    config = BuildConfig(num_inference_steps=4, noise_ratios=(0.5, 0.75), resolution=SIDE)
    config = resolve(config, family)
    index = embed_sources(source, backbone, SIDE)
    return Workshop(config, source, family, backbone, index, ["a star", "a ring"])


@pytest.fixture
def plan(shop: Workshop) -> Plan:
    return make_plan(shop.source.labels, 2)


def _spoil(family: Family, monkeypatch: pytest.MonkeyPatch, calls: int) -> list[int]:
    """Make the decoder fail on the first image of its first `calls` calls."""
    decode, made = family.decode, [0]

    def faulty(latents: Tensor) -> Tensor:
        images: Tensor = decode(latents).clone()
        if made[0] < calls:
            images[0] = torch.nan
        made[0] += 1
        return images

    monkeypatch.setattr(family, "decode", faulty)
    return made


def test_a_failed_image_is_made_again_with_another_seed(
    shop: Workshop, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = run_shard(shop, plan)
    _spoil(shop.family, monkeypatch, calls=1)
    mended = run_shard(shop, plan)
    assert len(mended.rows) == len(plan)
    assert not mended.failures
    assert mended.network_rows == good.network_rows + 2 * (2 + 3)  # one pair again, with guidance
    assert mended.rows[0]["seed"] != good.rows[0]["seed"]
    assert [r["seed"] for r in mended.rows[1:]] == [r["seed"] for r in good.rows[1:]]


def test_what_never_works_is_recorded_and_not_stored(
    shop: Workshop, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil(shop.family, monkeypatch, calls=1000)
    result = run_shard(shop, plan)
    assert {"source": 0, "target": 1, "reason": "not finite"} in result.failures
    assert len(result.rows) + len(result.failures) == len(plan)
    assert result.stats()["failures"] == result.failures


def test_a_source_on_the_targets_centroid_fails_alone(shop: Workshop, plan: Plan) -> None:
    classes = shop.index.classes
    classes.sums[1] = classes.counts[1] * shop.index.embedding(0).astype(np.float64)
    result = run_shard(shop, plan)
    assert [(f["source"], f["target"]) for f in result.failures] == [(0, 1)]
    assert "centroid" in result.failures[0]["reason"]
    assert len(result.rows) == len(plan) - 1


def test_rows_do_not_depend_on_what_is_in_the_shard(shop: Workshop, plan: Plan) -> None:
    together = run_shard(shop, plan).rows
    alone = [run_shard(shop, plan.take([k])) for k in range(len(plan))]
    for row, one in zip(together, alone, strict=True):
        other: dict[str, Any] = one.rows[0]
        assert (row["noise_ratio"], row["seed"]) == (other["noise_ratio"], other["seed"])
        np.testing.assert_allclose(row["projections"], other["projections"], atol=1e-2)


def test_quality_columns_are_cosines(shop: Workshop, plan: Plan) -> None:
    row, images = run_shard(shop, plan, keep_sweeps_of=[0]).sweeps[0]
    assert images.shape == (3, 3, SIDE, SIDE)
    chosen = row["noise_ratios"].index(row["noise_ratio"])
    z = shop.backbone(images[1 + chosen][None])[0]
    centroid = shop.index.centroid(row["label"])
    cosine = z @ centroid / np.linalg.norm(centroid)
    assert row["target_similarity"] == pytest.approx(cosine, abs=1e-5)
    other = shop.index.centroid(1 - row["label"])
    margin = cosine - z @ other / np.linalg.norm(other)
    assert row["margin"] == pytest.approx(margin, abs=1e-5)
    assert row["source_similarity"] == pytest.approx(shop.index.embedding(0) @ z, abs=1e-5)
    assert row["on_target"] == (row["nearest_class"] == row["label"])


def test_embeddings_stand_beside_their_rows(shop: Workshop, plan: Plan) -> None:
    result = run_shard(shop, plan, keep_sweeps_of=[1])
    assert result.positions == list(range(len(plan)))
    row, images = result.sweeps[1]
    embedded = shop.backbone(images[1:])
    np.testing.assert_allclose(result.embeddings[1][:-1], embedded, atol=1e-5)
    chosen = row["noise_ratios"].index(row["noise_ratio"])
    np.testing.assert_array_equal(result.embeddings[1][-1], result.embeddings[1][chosen])


def test_fit_resizes_the_shorter_side_and_crops_the_centre() -> None:
    wide = np.zeros((20, 60, 3), dtype=np.uint8)
    wide[:, 20:40] = 255  # the middle third
    fitted = fit_to(Image.fromarray(wide), 10)
    assert fitted.shape == (3, 10, 10)
    assert fitted[:, :, 2:8].min() > 240
