"""The pool of all episodes: everything is made once, embedded and looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import benchmarks.episodes.pool as pool_module
from benchmarks.episodes.config import PoolConfig
from benchmarks.episodes.pool import Pool, few_shot_set, make_pool, network_rows_of
from benchmarks.episodes.ratios import POOL_NOISE_RATIOS
from index.demo.weights import oracle_names

STEPS = 4  # of the tiny pool


def test_the_pool_has_every_image_once(tiny_pool: Pool) -> None:
    assert tiny_pool.labels[:6].tolist() == list(range(6))
    assert tiny_pool.swept.images.shape == (6, 6, len(POOL_NOISE_RATIOS), 3, 64, 64)
    own = torch.arange(6)
    empty = tiny_pool.swept.images.flatten(2).amax(2) == 0
    assert torch.equal(empty, torch.eye(6, dtype=torch.bool))
    assert not tiny_pool.swept.images[own, own].any()
    for made in tiny_pool.same_class.values():
        assert made.images.shape == (6, 4, 3, 64, 64)
        assert len({image.numpy().tobytes() for image in made.images.flatten(0, 1)}) == 24
    rows = tiny_pool.network_rows
    assert rows["sweep"] == 30 * sum(network_rows_of(ratio, STEPS) for ratio in POOL_NOISE_RATIOS)
    assert rows["img2img-low"] == 24 * network_rows_of(0.3, STEPS)
    assert rows["cap2aug"] == 24 * network_rows_of(0.7, STEPS)


def test_rows_by_hand() -> None:
    # The paper's grid of 50 steps: 50 r calls, each with the prompt and without.
    assert [network_rows_of(ratio, 50) for ratio in (0.3, 0.8, 1.0)] == [30, 80, 100]


def test_images_know_what_they_show(tiny_pool: Pool) -> None:
    made = tiny_pool.swept.images[0, 1:]
    names = np.array(oracle_names(made.flatten(0, 1))).reshape(5, len(POOL_NOISE_RATIOS))
    expected = names == np.array(tiny_pool.class_names)[1:, None]
    assert np.array_equal(tiny_pool.swept.hits[0, 1:], expected)
    again = tiny_pool.same_class["img2img-high"]
    flat = np.array(oracle_names(again.images.flatten(0, 1))).reshape(6, 4)
    assert np.array_equal(again.hits, flat == np.array(tiny_pool.class_names)[:, None])
    assert tiny_pool.swept.embeddings[2, 3, 4] == pytest.approx(
        tiny_pool.backbone(tiny_pool.swept.images[2, 3, 4:5])[0], abs=1e-5
    )
    # Less of the source's background is left with more noise.
    assert tiny_pool.swept.psnr[0, 1:, 0].mean() > tiny_pool.swept.psnr[0, 1:, -1].mean()


def test_it_is_made_once(tiny_pool: Pool, work: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in work.rglob("data-*.arrow")}
    config = PoolConfig(work=work, per_class=1, num_inference_steps=STEPS)
    again, data = make_pool(config), few_shot_set(config)
    assert again.digest == tiny_pool.digest
    assert np.array_equal(again.swept.embeddings, tiny_pool.swept.embeddings)
    assert {path: path.stat().st_mtime_ns for path in work.rglob("data-*.arrow")} == before
    for change in ({"oracle": "another"}, {"learned": data.learned.flip(0)}):
        with pytest.MonkeyPatch.context() as patch:
            changed = replace(data, **change)
            patch.setattr(pool_module, "few_shot_set", lambda _, changed=changed: changed)
            judged = make_pool(config)
        assert judged.digest != tiny_pool.digest  # what an older oracle said is not kept
    with pytest.raises(FileExistsError, match="another pool, of 1 support"):
        make_pool(PoolConfig(work=work, per_class=2, num_inference_steps=STEPS))
