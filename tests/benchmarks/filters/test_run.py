"""The measurement of filters: its arithmetic by hand, and a small one from end to end."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.episodes import Episode
from benchmarks.filters.banks import FilteredBank
from benchmarks.filters.config import FiltersConfig
from benchmarks.filters.report import compare, entry_of
from benchmarks.filters.run import CLAUSES, FILTERS, main, random_rows
from genie_transforms import UserError

EPISODE = Episode((2, 0), ((4,), (0,)), ((9,), (8,)))


@pytest.fixture
def bank(tmp_path: Path) -> FilteredBank:
    """Support images 0 to 5 of classes 0, 0, 1, 1, 2, 2; a row of each towards the other two."""
    labels = np.array([0, 0, 1, 1, 2, 2, 0, 1, 0, 2])
    pairs = [(s, t) for s in range(6) for t in range(3) if t != labels[s]]
    features = np.eye(12, dtype=np.float32)
    return FilteredBank(
        tmp_path, labels, 6, np.eye(10, 12, dtype=np.float32), features,
        np.array([s for s, _ in pairs]), np.array([t for _, t in pairs]), np.arange(12) % 2 == 0,
    )  # fmt: skip


def test_an_episode_learns_from_its_own_images_alone(bank: FilteredBank) -> None:
    rows = bank.rows_of(EPISODE, np.ones(12, dtype=np.bool_))
    assert [(bank.sources[k], bank.targets[k]) for k in rows] == [(0, 2), (4, 0)]
    learned = bank.learn_from(EPISODE, rows)
    assert learned.labels.tolist() == [0, 1, 0, 1]
    assert learned.weights.tolist() == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="would leak"):
        bank.learn_from(EPISODE, np.array([2]))


def test_classes_weigh_the_same_whatever_a_filter_leaves(bank: FilteredBank) -> None:
    learned = bank.learn_from(EPISODE, bank.rows_of(EPISODE, bank.targets == 0))
    assert learned.labels.tolist() == [0, 1, 1]
    assert learned.weights.tolist() == [1.5, 0.75, 0.75]


def test_the_control_has_as_many_of_each_class(bank: FilteredBank) -> None:
    episode = Episode((2, 0), ((4, 5), (0, 1)), ((9,), (8,)))
    everything = bank.rows_of(episode, np.ones(12, dtype=np.bool_))
    mask = np.ones(12, dtype=np.bool_)
    mask[everything[bank.targets[everything] == 2][:1]] = False
    drawn = [random_rows(bank, episode, mask, seed) for seed in range(20)]
    assert all(bank.targets[rows].tolist().count(2) == 1 and len(rows) == 3 for rows in drawn)
    assert len({tuple(rows.tolist()) for rows in drawn}) == 2


def test_figures_by_hand() -> None:
    mask, right = np.array([1, 1, 1, 0]) == 1, np.array([1, 0, 1, 1]) == 1
    assert entry_of("on_target", mask, right) == {
        "keep": "on_target", "dropped": 1, "dropped_percent": 25.0, "right_kept_percent": 66.67,
        "right_dropped_percent": 100.0, "right_rows_kept_percent": 66.67, "accuracy": {},
    }  # fmt: skip
    own, baseline = np.array([0.5, 0.7, np.nan]), np.array([0.4, 0.4, 0.9])
    found = compare({"filter": own, "all": baseline, "none": own, "random": baseline})
    assert (found["mean"], found["to_all"], found["to_none"], found["failed"]) == (60, 20, 0, 1)
    assert found["to_all_interval"] == [10, 30]


def test_a_small_measurement(tmp_path: Path) -> None:
    config = FiltersConfig(
        work=tmp_path, banks=("genie-0.3",), episodes=2, k_shot=(1,), n_way=2, n_query=4,
        per_class=1, num_inference_steps=4, json=tmp_path / "filters.json",
    )  # fmt: skip
    report = main(config)
    (bank,) = report["banks"].values()
    assert bank["rows"] == 30
    assert [entry["keep"] for entry in bank["filters"]] == [*CLAUSES, *FILTERS]
    by_name = {entry["keep"]: entry for entry in bank["filters"]}
    assert by_name["oracle_class == label"]["right_dropped_percent"] == 0
    assert json.loads((tmp_path / "filters.json").read_text())["banks"] == report["banks"]


def test_what_cannot_be_measured(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown banks"):
        FiltersConfig(work=tmp_path, banks=("x",))
    with pytest.raises(UserError, match="k_shot must lie in"):
        FiltersConfig(work=tmp_path, k_shot=(9,))
