"""r* by votes of similar source images: who votes, who is believed, what it costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from index.generate import BuildContext, RStarCache, ShardResult, neighbours
from index.generate.r_star import prompted
from index.plan import Plan

from .runs import FULL, GUIDED, is_from_the_full_sweep, run


def _votes(context: BuildContext, target: str, ratios: list[float]) -> BuildContext:
    """Let some images of the other class be known to need these r* for a target."""
    index = context.index
    names = context.source.class_names
    rows = np.flatnonzero(context.source.labels != names.index(target))
    known = RStarCache()
    for row, ratio in zip(rows.tolist(), ratios, strict=False):
        known.record(index.digests[row], prompted(target, f"a {target}"), ratio)
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
    result = run(asked, to_ring, ada="neighbours")
    assert [row["noise_ratio"] for row in result.rows] == [0.5] * 8
    assert [row["noise_ratios"] for row in result.rows] == [[0.5]] * 8
    assert result.network_rows == 8 * GUIDED * FULL[0.5]
    assert result.ada["predicted"] == 8
    positions = np.flatnonzero(plan.targets == to_ring.targets[0]).tolist()
    for position, row, block in zip(positions, result.rows, result.embeddings, strict=True):
        assert is_from_the_full_sweep(row, position, full)
        assert len(block) == 2
        np.testing.assert_array_equal(block[0], block[1])


def test_votes_from_a_bank_mean_noise_ratios_of_the_grid(
    context: BuildContext, to_ring: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "VERIFIED_OF", 1)  # all
    asked = _votes(context, "ring", [float(np.float32(1 / 3))] * 5)
    before = len(asked.r_stars)
    result = run(asked, to_ring, ada="neighbours", noise_ratios=(1 / 3, 0.5))
    assert result.ada["verified"] == 8  # a place of the grid could be found for each vote
    assert result.ada["verified_within_one_step"] == 8
    assert len(asked.r_stars) == before  # what a shard finds does not reach the next one


def test_neighbours_that_disagree_are_not_asked_again(context: BuildContext, to_ring: Plan) -> None:
    asked = _votes(context, "ring", [0.3, 0.3, 0.5, 0.5, 0.8])
    result = run(asked, to_ring, ada="neighbours")
    previewed = run(context, to_ring, ada="preview")
    assert result.ada["predicted"] == 0
    assert result.network_rows == previewed.network_rows
    assert [r["noise_ratio"] for r in result.rows] == [r["noise_ratio"] for r in previewed.rows]


def test_without_known_r_stars_the_first_pairs_of_a_target_are_pilots(
    context: BuildContext, plan: Plan, preview: ShardResult
) -> None:
    result = run(context, plan, ada="neighbours")
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
    previewed = [row["noise_ratio"] for row in run(context, to_ring, ada="preview").rows]
    # The paper's rule never chooses the smallest r, and r = .8 is two places away from it.
    asked = _votes(context, "ring", [0.3] * 5)
    result = run(asked, to_ring, ada="neighbours")
    verified, right = result.ada["verified"], result.ada["verified_within_one_step"]
    assert 0 < verified < 8
    found = [row["noise_ratio"] for row in result.rows]
    if right < neighbours.AGREEMENT * verified:
        assert found == previewed
    else:
        assert found.count(0.3) == result.ada["predicted"] == 8 - verified
        assert all(a == b for a, b in zip(found, previewed, strict=True) if a != 0.3)
