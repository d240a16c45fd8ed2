"""The command at tiny size: plans and indexes, printed and written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.index_scale import indexes
from benchmarks.index_scale.config import ScaleConfig
from benchmarks.index_scale.run import main


def test_a_tiny_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexes, "arms", lambda _: [("Flat", [""]), ("HNSW8", ["efSearch=64"])])
    path = tmp_path / "scale.json"
    settings = {
        "sizes": (300, 400), "distributions": ("uniform", "clustered"), "queries": 20,
        "plan_images": 500, "plan_classes": 5, "plan_pairs": 300,
    }  # fmt: skip
    config = ScaleConfig(**settings, work=tmp_path / "work", json=path)  # type: ignore[arg-type]
    figures = main(config)
    assert [row["strategy"] for row in figures["plans"]] == ["all", "random:2", "nearest:10"]
    assert all(row["planned"] == 300 for row in figures["plans"])
    assert all(row["bytes_per_pair"] == 3 * 8 + 16 for row in figures["plans"])
    assert len(figures["arms"]) == 2 * 2 * 2
    printed = capsys.readouterr().out
    assert "300 pairs of 500 images, 5 classes, nearest:10" in printed
    written = json.loads(path.read_text())
    assert written["arms"] == figures["arms"]
    assert "machine" in written
    again = main(config)
    assert again == figures  # times, too: nothing was measured again
    plans = main(ScaleConfig(**settings, parts=("plans",), work=tmp_path / "work"))  # type: ignore[arg-type]
    assert plans["plans"] == figures["plans"]
    assert "arms" not in plans


def test_unknown_parts_are_named() -> None:
    with pytest.raises(ValueError, match="parts are some of plans, indexes; got 'plan'"):
        ScaleConfig(parts=("plan",))
    with pytest.raises(ValueError, match="got 'gauss'"):
        ScaleConfig(distributions=("gauss",))
