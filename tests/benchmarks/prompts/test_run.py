"""One prompt against several, by hand and as a quick run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.prompts.config import PromptsConfig
from benchmarks.prompts.run import Looked, compare, diversity, main, write_captions


def test_diversity_by_hand() -> None:
    points = np.array([[0.0, 0], [3, 4], [1, 1], [1, 1], [1, 2]])
    # One pair 5 apart; three pairs 0, 1 and 1 apart.
    found = diversity(points, np.array([0, 0, 1, 1, 1]))
    np.testing.assert_allclose(found, [5, 2 / 3])


def test_a_comparison_by_hand() -> None:
    labels, points = np.array([0, 0, 1, 1]), np.array([[0.0], [1], [0], [2]])
    one = Looked(labels, 2, points, np.array([1.0, 1, 0, 0]), np.ones(4))  # one class hits
    several = Looked(labels, 4, 2 * points, np.array([1.0, 1, 1, 0]), np.zeros(4))
    found = compare(one, several)
    assert (found["one"]["diversity"], found["several"]["diversity"]) == (1.5, 3)
    assert (found["diversity_ratio"], found["classes_more_diverse"]) == (2, 2)
    assert found["one"]["diversity_on_target"] == 1
    assert found["oracle_difference"] == 25


def test_captions_are_several_and_differ(tmp_path: Path) -> None:
    write_captions(tmp_path / "prompts.json", 8)
    prompts = json.loads((tmp_path / "prompts.json").read_text())
    assert all(len(set(own)) == 8 for own in prompts.values())
    assert all(name in prompt for name, own in prompts.items() for prompt in own)


def test_a_quick_run(tmp_path: Path) -> None:
    config = PromptsConfig(work=tmp_path / "work", quick=True, json=tmp_path / "prompts.json")
    report = main(config)
    for method in ("txt2img", "genie"):
        assert report[method]["pairs"] == 12
        assert report[method]["one"]["prompts"] <= 6
        assert report[method]["several"]["prompts"] > report[method]["one"]["prompts"]
    assert json.loads(config.json.read_text())["genie"] == report["genie"]  # type: ignore[union-attr]
